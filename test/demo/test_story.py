"""A run that is recorded over DDS is read back from its bag."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')
pytest.importorskip('rosbags')

from fer_fusion_ros.expression.labels import LABELS
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.lenses.names import LENSES, is_infrared, optical_frame
from fer_fusion_ros.lenses.rig import SimulatedRig
from fer_fusion_ros.messages.camera_info import model_to_camera_info
from fer_fusion_ros.messages.image import array_to_compressed_image
from fer_fusion_ros.messages.qos import PUBLISHER_QOS
from fer_fusion_ros.registration import Registrar

TIMES = (0.0, 0.1, 0.2, 0.3)
START_NS = 1_700_000_000_000_000_000


def ns(t: float) -> int:
    return START_NS + round(t * 1e9)


@pytest.fixture
def bag(install_prefix, ros_node, spin_until, tmp_path):
    """Record four moments of the rig, with the truth in place of what a pipeline says."""
    from sensor_msgs.msg import CameraInfo, CompressedImage

    from fer_fusion_ros.demo.bag_recorder import BagRecorder
    from fer_fusion_ros.msg import ExpressionArray, ExpressionStamped

    rig = SimulatedRig(sway=0.0)
    topics = {f'/t/{lens}/image_raw/compressed': CompressedImage for lens in LENSES}
    topics |= {f'/t/{lens}/camera_info': CameraInfo for lens in LENSES}
    topics['/t/expressions'] = ExpressionArray
    recorder = BagRecorder(ros_node, tmp_path / 'bag', topics)
    publishers = {
        topic: ros_node.create_publisher(kind, topic, PUBLISHER_QOS)
        for topic, kind in topics.items()
    }
    assert spin_until(lambda: all(p.get_subscription_count() for p in publishers.values()))
    for t in TIMES:
        for lens in LENSES:
            image = array_to_compressed_image(rig.render(lens, t), ns(t), optical_frame(lens))
            publishers[f'/t/{lens}/image_raw/compressed'].publish(image)
            info = model_to_camera_info(rig.camera_model(lens), ns(t), optical_frame(lens))
            publishers[f'/t/{lens}/camera_info'].publish(info)
        array = ExpressionArray(header=info.header)
        array.header.frame_id = 'vis_left_optical'
        if t == TIMES[2]:
            continue  # as when the pipeline cannot keep up
        if t != TIMES[3]:  # and then nobody is there
            (truth,) = rig.truth(t)
            x, y, z = truth.position
            u, v, w = rig.camera_model('vis_left').P @ (x, y, z, 1.0)
            face = ExpressionStamped(header=array.header, modality=3, distance=z)
            face.lenses = 3 if t == TIMES[0] else 0  # then followed, but not read
            face.expression.category = LABELS.index(truth.expression)
            face.expression.probabilities[face.expression.category] = 0.75
            face.expression.confidence = 0.75
            face.illumination = float('nan')
            face.roi.x_offset, face.roi.y_offset = round(u / w) - 27, round(v / w) - 27
            face.roi.width = face.roi.height = 54
            array.expressions = [face]
        publishers['/t/expressions'].publish(array)
        time.sleep(0.02)
    expected = {'/t/expressions': 3}
    assert spin_until(
        lambda: all(recorder.counts[topic] == expected.get(topic, 4) for topic in topics)
    )
    recorder.close()
    return tmp_path / 'bag'


def test_a_story_tells_what_was_published(bag):
    from fer_fusion_ros.demo.story import Story

    story = Story(bag, '/t', 3.0)
    assert (story.frames, story.captured, story.read) == (3, 4, 2)
    assert story.start_ns == START_NS
    assert (story.begin, story.duration) == pytest.approx((0.0, 0.3))
    assert [reading.time for reading in story.readings] == pytest.approx([0.0, 0.1])
    first = story.readings[0]
    assert (first.label, first.modality, first.side) == ('happy', Modality.INFRARED, 'left')
    assert first.confidence == pytest.approx(0.75)
    assert np.isnan(first.illumination)

    moments = list(story.moments())
    assert [moment.time for moment in moments] == pytest.approx(TIMES)
    # The third frame went unread: what was said last still stands. In the fourth nobody is there.
    assert [moment.reading is None for moment in moments] == [False, False, False, True]

    rig = SimulatedRig(sway=0.0)
    pictures = moments[0].lenses
    for lens in LENSES:
        assert cv2.PSNR(pictures[lens], rig.render(lens, 0.0)) > 30
        assert pictures[lens].ndim == (2 if is_infrared(lens) else 3)
    # The faces are those of the registered pair.
    models = {lens: rig.camera_model(lens) for lens in LENSES}
    pair = Registrar(models).register('left', pictures['ir_left'], pictures['vis_left'])
    x, y, width, _ = first.box
    faces = moments[0].faces
    for name, image in (('infrared', pair.ir), ('visible', pair.vis)):
        inner = image[y : y + width, x : x + width]
        score = cv2.matchTemplate(faces[name], inner, cv2.TM_CCOEFF_NORMED)
        assert score.max() > 0.999
    assert faces['fused'].shape == faces['infrared'].shape
    assert faces['fused'].std() > 20


def test_a_recording_may_begin_after_the_rig(install_prefix, ros_node, spin_until, tmp_path):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
    from sensor_msgs.msg import CameraInfo

    from fer_fusion_ros.demo.bag_recorder import BagRecorder
    from fer_fusion_ros.demo.story import Story
    from fer_fusion_ros.nodes.camera_array import RIG_START

    topics = {'/t/vis_left/camera_info': CameraInfo, '/diagnostics': DiagnosticArray}
    recorder = BagRecorder(ros_node, tmp_path / 'bag', topics)
    infos, diagnostics = (
        ros_node.create_publisher(kind, topic, PUBLISHER_QOS) for topic, kind in topics.items()
    )
    assert spin_until(lambda: all(p.get_subscription_count() for p in (infos, diagnostics)))
    model = SimulatedRig().camera_model('vis_left')
    for t in (2.0, 2.5):
        infos.publish(model_to_camera_info(model, ns(t), optical_frame('vis_left')))
    start = KeyValue(key=RIG_START, value=str(START_NS))
    diagnostics.publish(DiagnosticArray(status=[DiagnosticStatus(values=[start])]))
    assert spin_until(lambda: sum(recorder.counts.values()) == 3)
    recorder.close()
    story = Story(tmp_path / 'bag', '/t', 3.0)
    assert story.start_ns == START_NS
    assert (story.begin, story.duration) == pytest.approx((2.0, 2.5))


def test_where_both_images_of_a_side_are_lost_the_others_are_shown(bag):
    from fer_fusion_ros.demo.story import Story

    story = Story(bag, '/t', 3.0)
    sets = []
    whole = story._moment
    story._moment = lambda frame_set, *args: sets.append(frame_set) or whole(frame_set, *args)
    next(story.moments())
    [frame_set] = sets
    right = {lens: frame for lens, frame in frame_set.frames.items() if lens.endswith('right')}
    moment = whole(replace(frame_set, frames=right), 0.0, story.readings[0])
    assert set(moment.lenses) == {'ir_right', 'vis_right'}
    assert moment.reading is story.readings[0]
    assert not moment.faces


def test_other_readers_understand_the_bag(bag):
    """The bag carries the definitions of its messages along, also of this package's own."""
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore

    plain = get_typestore(Stores.ROS2_HUMBLE)  # knows nothing of this package
    with AnyReader([bag], default_typestore=plain) as reader:
        assert (bag / 'metadata.yaml').is_file()
        (connection,) = (c for c in reader.connections if c.topic == '/t/expressions')
        _, _, data = next(reader.messages(connections=[connection]))
        message = reader.deserialize(data, connection.msgtype)
        assert message.expressions[0].expression.probabilities[1] == pytest.approx(0.75)
        qos = connection.ext.offered_qos_profiles[0]
        assert qos.reliability.name == 'RELIABLE'
