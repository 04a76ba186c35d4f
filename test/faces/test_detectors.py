from functools import partial

import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.faces import HaarDetector, YuNetDetector, create_detector
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig.photometry import PHOTOMETRY
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.registration import Registrar


@pytest.fixture(params=['haar', 'yunet'])
def make_detector(request):
    model = request.getfixturevalue('yunet_model') if request.param == 'yunet' else ''
    if request.param == 'yunet' and tuple(map(int, cv2.__version__.split('.')[:2])) < (4, 8):
        pytest.skip(f'OpenCV {cv2.__version__} cannot run it')
    return partial(create_detector, request.param, model)


@pytest.fixture
def detector(make_detector):
    return make_detector()


def search(detector, image):
    """Search every window, as `FaceFinder` does in the course of some frames."""
    height, width = image.shape[:2]
    return [
        face
        for window in detector.windows(width, height)
        for face in detector.search(image, window)
    ]


def pair(distance, light):
    rig = SimulatedRig(distance=distance, light=light, people=2, sway=0.0)
    registrar = Registrar({lens: rig.camera_model(lens) for lens in LENSES})
    images = [rig.render(f'{band}_left', 0.0) for band in ('ir', 'vis')]
    registered = registrar.register('left', *images)
    centres = []
    for truth in rig.truth(0.0):
        pixel = rig.camera_model('vis_left').P @ [*truth.position, 1.0]
        centres.append(pixel[:2] / pixel[2])
    return registered, centres


@pytest.mark.parametrize('distance', [2.0, 3.0, 3.5])
@pytest.mark.parametrize('light', [1.0, 0.02])
def test_finds_both_people_in_both_bands(detector, distance, light):
    registered, centres = pair(distance, light)
    size = PHOTOMETRY.face_width * 1000 / distance
    for image in (registered.ir, registered.vis):
        boxes = np.array([face.box for face in search(detector, image)])
        assert len(boxes) >= 2
        for centre in centres:
            off = np.hypot(*(boxes[:, :2] + boxes[:, 2:] / 2 - centre).T)
            nearest = boxes[off.argmin()]
            assert off.min() < 0.2 * size
            # `FaceFinder` looks more closely.
            assert 0.75 * size < nearest[2] < 1.5 * size and nearest[3] == nearest[2]


def test_faces_that_are_too_small_are_not_looked_for(make_detector):
    registered, _ = pair(3.0, 1.0)
    for min_size, found in ((30.0, True), (90.0, False)):
        assert bool(search(make_detector(min_size), registered.vis)) == found


def test_finds_nobody_in_an_empty_room(detector):
    rig = SimulatedRig(sway=0.0)
    image = rig.render('vis_left', 0.0)
    image[100:] = image[60:61]
    assert search(detector, image) == []
    assert search(detector, np.zeros((480, 640), np.uint8)) == []


def test_a_part_of_an_image_is_searched_in_its_own_coordinates(detector):
    registered, centres = pair(3.0, 1.0)
    x, y = centres[1]
    (found,) = detector.detect_in(registered.vis, (x - 60, y - 60, 120, 120), (45, 90))
    assert found.box[0] + found.box[2] / 2 == pytest.approx(x, abs=10)
    assert found.box[1] + found.box[3] / 2 == pytest.approx(y, abs=10)
    assert detector.detect_in(registered.vis, (-300, 0, 100, 100)) == []


def test_a_strip_at_the_border_holds_no_face(detector):
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    assert detector.detect_in(image, (-199, 100, 200, 200), (75, 140)) == []
    assert detector.detect_in(image, (100, 479, 200, 200), (75, 140)) == []


def test_sizes_out_of_range_are_left_out(detector):
    registered, _ = pair(3.0, 1.0)
    grey = cv2.cvtColor(registered.vis, cv2.COLOR_BGR2GRAY)
    assert detector.detect(grey, (90, 200)) == []


def test_haar_windows_cover_the_frame():
    detector = HaarDetector(min_size=40)
    covered = np.zeros((480, 640), bool)
    for (x, y, width, height), sizes in detector.windows(640, 480):
        assert x >= 0 and x + width <= 640 and y >= 0 and y + height <= 480
        if sizes[0] == 40:
            covered[y : y + height, x : x + width] = True
    assert covered.all()
    assert detector.windows(100, 80)


def test_detects_real_faces_in_near_infrared(shared_data):
    detector = HaarDetector(60)
    files = sorted((shared_data / 'nir_faces').glob('*.jpg'))[::6]
    found = 0
    for file in files:
        image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        image = cv2.resize(image, (640, image.shape[0] * 640 // image.shape[1]))
        found += bool(detector.detect(image))
    assert found >= 0.9 * len(files)


def test_says_what_to_do_when_it_cannot_be_made(tmp_path):
    with pytest.raises(ConfigurationError, match='haar, yunet'):
        create_detector('hair')
    with pytest.raises(ConfigurationError, match='detector_model'):
        YuNetDetector(tmp_path / 'absent.onnx')
    (tmp_path / 'bad.onnx').write_bytes(b'no network')
    with pytest.raises(ConfigurationError, match='fetch it again'):
        YuNetDetector(tmp_path / 'bad.onnx')


def test_a_network_that_opencv_reads_but_cannot_run_is_told(tmp_path):
    """So it is with the right one before OpenCV 4.8."""
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    ends = (
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 320, 320])]
        for name in ('input', 'loc')
    )
    node = onnx.helper.make_node('Relu', ['input'], ['loc'])
    opset = [onnx.helper.make_opsetid('', 11)]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], 'other', *ends), opset_imports=opset, ir_version=7
    )
    onnx.save(model, str(tmp_path / 'other.onnx'))
    with pytest.raises(ConfigurationError, match=r'cannot run .*; use OpenCV 4\.8 or newer'):
        YuNetDetector(tmp_path / 'other.onnx')
