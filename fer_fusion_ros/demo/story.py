"""Read a recorded run back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.highlevel import AnyReader

from fer_fusion_ros.demo.moment import Moment, Reading
from fer_fusion_ros.expression.labels import LABELS, UNCERTAIN
from fer_fusion_ros.expression.stereo import in_infrared
from fer_fusion_ros.faces.detection import Box
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.grey import to_grey
from fer_fusion_ros.lenses.names import LENSES, is_infrared
from fer_fusion_ros.messages.camera_info import camera_info_to_model
from fer_fusion_ros.messages.image import image_to_array
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.nodes.camera_array import RIG_START
from fer_fusion_ros.registration.registrar import Registrar
from fer_fusion_ros.registration.warped_image import ImageView
from fer_fusion_ros.synchronisation import Frame, FrameSet, Synchroniser

# A face is shown with this share of its box around it.
BORDER = 0.12
# An expression stands for this long at most, in seconds.
HELD = 0.5


class Story:
    """A run from its bag: the expressions that were published, and pictures of any moment.

    The face pictures are cut from the recorded streams by the same registration and fusion that
    the nodes use.

    :param bag: folder of the bag.
    :param namespace: of the topics.
    :param plane_distance: where the registration aligns the pair, in metres.
    """

    def __init__(self, bag: Path, namespace: str, plane_distance: float) -> None:
        self._bag = bag
        self._topics = {f'{namespace}/{lens}/image_raw/compressed': lens for lens in LENSES}
        self._infos = {f'{namespace}/{lens}/camera_info': lens for lens in LENSES}
        self._by_stamp: dict[int, Reading | None] = {}
        self._models = {}
        topics = [*self._infos, f'{namespace}/expressions', '/diagnostics']
        stamps: dict[str, list[int]] = {topic: [] for topic in topics}
        expressions = []
        start = None
        with AnyReader([bag]) as reader:
            for topic, message in _messages(reader, topics):
                if topic == '/diagnostics':
                    start = _rig_start(message) or start
                    continue
                stamps[topic].append(stamp_to_ns(message.header.stamp))
                if topic not in self._infos:
                    expressions.append(message)
                elif (lens := self._infos[topic]) not in self._models:
                    self._models[lens] = camera_info_to_model(message, lens)
        every = [stamp for of_topic in stamps.values() for stamp in of_topic]
        earliest = min(every, default=start or 0)
        latest = max(every, default=earliest)
        self.start_ns = start or earliest
        """Stamp at which the rig started, or of the first frame."""
        self.duration = (latest - self.start_ns) / 1e9
        """Of the run in seconds."""
        self.begin = (earliest - self.start_ns) / 1e9
        """Seconds into the run at which the recording begins, with the first that was received."""
        for array in expressions:
            stamp = stamp_to_ns(array.header.stamp)
            self._by_stamp[stamp] = self._reading(array, (stamp - self.start_ns) / 1e9)
        self.readings = [
            reading for _, reading in sorted(self._by_stamp.items()) if reading is not None
        ]
        """Of the face known longest, in the order of time."""
        first = min(self._by_stamp, default=0)
        self.captured = max(
            sum(stamp >= first for stamp in stamps[topic]) for topic in self._infos
        )
        """Number of frames that the lenses gave since the first with expressions."""
        self.read = sum(
            not array.expressions or array.expressions[0].lenses != 0 for array in expressions
        )
        """Number of frames in which the face was read, not only followed, or nobody was there."""
        self._registrar = Registrar(self._models, plane_distance, residual_period=0)
        self._fuser = Fuser()

    @property
    def frames(self) -> int:
        """Number of frames that expressions were published for, also with nobody there."""
        return len(self._by_stamp)

    def moments(self) -> Iterator[Moment]:
        """Yield the moments of the run in the order of time."""
        synchroniser = Synchroniser(LENSES, slop=0.015)
        held = None
        with AnyReader([self._bag]) as reader:
            for topic, message in _messages(reader, self._topics):
                stamp = stamp_to_ns(message.header.stamp)
                for frame_set in synchroniser.add(Frame(self._topics[topic], stamp, message)):
                    time = (frame_set.stamp_ns - self.start_ns) / 1e9
                    # What the nodes left out to keep up still shows what they said last.
                    held = self._by_stamp.get(frame_set.stamp_ns, held)
                    if held is not None and time - held.time > HELD:
                        held = None
                    yield self._moment(frame_set, time, held)

    def _moment(self, frame_set: FrameSet, time: float, reading: Reading | None) -> Moment:
        lenses = {
            lens: image_to_array(frame.image, 'mono8' if is_infrared(lens) else 'bgr8')
            for lens, frame in frame_set.frames.items()
        }
        faces: dict[str, np.ndarray | None] = {}
        # Both images of a side may be lost in a moment for which an earlier reading stands.
        if reading is not None and frame_set.reference(reading.side) is not None:
            side = reading.side
            pair = self._registrar.register(
                side, lenses.get(f'ir_{side}'), lenses.get(f'vis_{side}')
            )
            faces['infrared'] = _cut(
                pair.ir_view, in_infrared(pair, reading.box, reading.distance)
            )
            faces['visible'] = _cut(pair.vis_view, reading.box)
            if faces['infrared'] is not None and faces['visible'] is not None:
                # A face may be a pixel wider in infrared.
                size = faces['visible'].shape[1::-1]
                faces['infrared'] = cv2.resize(faces['infrared'], size)
                # What the classifier saw: the luminance.
                faces['fused'] = self._fuser.fuse(faces['infrared'], to_grey(faces['visible']))
        return Moment(time, lenses, faces, reading)

    @staticmethod
    def _reading(array: Any, time: float) -> Reading | None:
        if not len(array.expressions):
            return None
        face = array.expressions[0]  # the one known longest
        expression, roi = face.expression, face.roi
        known = expression.category != UNCERTAIN
        return Reading(
            time=time,
            label=LABELS[expression.category] if known else expression.label,
            confidence=float(expression.confidence),
            probabilities=np.array(expression.probabilities),
            modality=Modality(face.modality),
            illumination=float(face.illumination),
            latency=face.latency.sec + face.latency.nanosec / 1e9,
            distance=float(face.distance),
            side='right' if face.header.frame_id.startswith(('vis_right', 'ir_right')) else 'left',
            box=(roi.x_offset, roi.y_offset, roi.width, roi.height),
        )


def _rig_start(message: Any) -> int | None:
    """Return the start of the simulated rig, where diagnostics tell it."""
    values = (value for status in message.status for value in status.values)
    return next((int(value.value) for value in values if value.key == RIG_START), None)


def _messages(reader: AnyReader, topics: Any) -> Iterator[tuple[str, Any]]:
    chosen = [connection for connection in reader.connections if connection.topic in topics]
    for connection, _, data in reader.messages(connections=chosen):
        yield connection.topic, reader.deserialize(data, connection.msgtype)


def _cut(image: ImageView | None, box: Box) -> np.ndarray | None:
    """Return the square around a box, or None where there is no image."""
    if image is None:
        return None
    x, y, width, height = map(round, box)
    half = round(max(width, height) * (0.5 + BORDER))
    x, y = max(x + width // 2, half), max(y + height // 2, half)
    x, y = min(x, image.shape[1] - half), min(y, image.shape[0] - half)
    cut = image[max(y - half, 0) : y + half, max(x - half, 0) : x + half]
    return cut if cut.size else None
