"""Follow faces from frame to frame."""

import math
from collections.abc import Callable, Sequence

from fer_fusion_ros.faces.detection import Box, Detection
from fer_fusion_ros.faces.track import Track

_POSITION_GAIN = 0.7
_SIZE_GAIN = 0.4
_VELOCITY_GAIN = 0.3
"""Shares of the difference between what was predicted and what was detected that are taken over:
detectors are off by a few per cent from frame to frame."""

_VELOCITY_TIME = 0.5
"""Seconds in which the velocity of a face that is not seen dies away."""

_HOLD = 0.3
"""Seconds that an undetected face is still reported, unless it is new: what is no face is rarely
taken for one again."""

_PROMPT = 0.1
"""Seconds between frames from which a face is told when it is first seen. Where the next frame is
nearer, it is to be seen there too: what is no face is often seen in one frame alone."""

_MAX_SHIFT = 0.7
_MAX_GROWTH = 1.6
"""How far, in face widths, and how many times larger or smaller than predicted a face may be."""


class FaceTracker:
    """
    Give faces stable, anonymous ids by constant velocity and nearness.

    A face is told of, and has an id, from the second frame in which it is seen; from the first one
    at the start, and where frames are rare.

    :param max_lost: seconds that a face may go undetected before its id is retired; where frames
        are rarer, until the first frame without it.
    """

    def __init__(self, max_lost: float = 0.7) -> None:
        self._max_lost_ns = round(max_lost * 1e9)
        self._hold_ns = round(min(_HOLD, max_lost) * 1e9)
        self.reset()

    def reset(self) -> None:
        """Forget all faces; ids start at 1 again."""
        self._next = 1
        self.forget()

    def forget(self) -> None:
        """Forget all faces; no id is given a second time."""
        self._faces: list[_Face] = []
        self._stamp: int | None = None
        self._gap: int | None = None  # nanoseconds between the last two frames
        self._rare = True  # frames are, all the time

    @property
    def living(self) -> frozenset[str]:
        """Return the ids that are not retired, also of faces too long undetected to be told."""
        return frozenset(face.face_id for face in self._faces if face.face_id)

    def move(self, shift: Callable[[Box], tuple[float, float]]) -> None:
        """Go on in another image.

        :param shift: by how many pixels a box moves from one image to the other, x and y.
        """
        for face in self._faces:
            dx, dy = shift(face.track(detected=False).box)
            face.x, face.y = face.x + dx, face.y + dy

    def predict(self, stamp_ns: int) -> list[Track]:
        """
        Move all faces on to a stamp without looking.

        :param stamp_ns: capture stamp; older than the last one forgets all faces.
        :return: oldest first, also those too long undetected to be reported by `update`, and those
            not reported yet, without an id; ``detected`` is False.
        """
        if self._stamp is not None and stamp_ns < self._stamp:
            self.forget()
        if stamp_ns != self._stamp:
            self._retire(stamp_ns)
            self._stamp = stamp_ns
        for face in self._faces:
            face.move(stamp_ns)
        return [face.track(detected=False) for face in self._faces]

    def _retire(self, stamp_ns: int) -> None:
        gap = None if self._stamp is None else stamp_ns - self._stamp
        # Where frames are rare all the time, a face of the frame before is still looked for.
        as_ever = self._gap is None or gap <= 2 * self._gap
        self._faces = [
            face
            for face in self._faces
            if stamp_ns - face.seen <= self._max_lost_ns or (as_ever and face.seen == self._stamp)
        ]
        self._rare = gap is None or (as_ever and gap >= _PROMPT * 1e9)
        self._gap = gap

    def update(self, detections: Sequence[Detection], stamp_ns: int) -> list[Track]:
        """
        Match detections with the faces known, and return the faces of this frame.

        :param detections: faces found in this frame, each once; known faces that were not
            looked for may be missing.
        :param stamp_ns: capture stamp; older than the last one forgets all faces.
        :return: oldest first; faces undetected for at most `_HOLD` are among them, but for new
            ones.
        """
        self.predict(stamp_ns)
        pairs = sorted(
            (distance, index, number)
            for index, face in enumerate(self._faces)
            for number, detection in enumerate(detections)
            if (distance := face.distance(detection.box)) is not None
        )
        matched: dict[int, int] = {}
        for _, index, number in pairs:
            if index not in matched and number not in matched.values():
                matched[index] = number
        for index, number in matched.items():
            self._faces[index].correct(detections[number], stamp_ns)
        for number, detection in enumerate(detections):
            if number not in matched.values():
                self._faces.append(_Face(detection, stamp_ns))
        for face in self._faces:
            if not face.face_id and face.seen == stamp_ns and (self._rare or face.sightings > 1):
                face.face_id = f'face-{self._next}'
                self._next += 1
        held = [face for face in self._faces if stamp_ns - face.seen <= self._hold_ns]
        tracks = [face.track(detected=face.seen == stamp_ns) for face in held if face.face_id]
        return [track for track in tracks if track.detected or not track.is_new]


class _Face:
    """Position, size and velocity of one face."""

    def __init__(self, detection: Detection, stamp_ns: int) -> None:
        self.face_id = ''
        self.x, self.y, self.width, self.height = _centred(detection.box)
        self.vx = self.vy = 0.0  # pixels per second
        self.score = detection.score
        self.stamp = self.seen = stamp_ns
        self.sightings = 1

    def move(self, stamp_ns: int) -> None:
        dt = (stamp_ns - self.stamp) * 1e-9
        self.x += self.vx * dt
        self.y += self.vy * dt
        if stamp_ns - self.seen > 200_000_000:
            decay = math.exp(-dt / _VELOCITY_TIME)
            self.vx *= decay
            self.vy *= decay
        self.stamp = stamp_ns

    def distance(self, box: Box) -> float | None:
        """Return how far off a box is, in face widths; None when too far to be this face."""
        x, y, width, _ = _centred(box)
        shift = math.hypot(x - self.x, y - self.y) / self.width
        growth = max(width / self.width, self.width / width)
        return shift if shift <= _MAX_SHIFT and growth <= _MAX_GROWTH else None

    def correct(self, detection: Detection, stamp_ns: int) -> None:
        x, y, width, height = _centred(detection.box)
        dx, dy = x - self.x, y - self.y
        dt = (stamp_ns - self.seen) * 1e-9
        if dt > 0:
            self.vx += _VELOCITY_GAIN * dx / dt
            self.vy += _VELOCITY_GAIN * dy / dt
        self.x += _POSITION_GAIN * dx
        self.y += _POSITION_GAIN * dy
        self.width += _SIZE_GAIN * (width - self.width)
        self.height += _SIZE_GAIN * (height - self.height)
        self.score = detection.score
        self.seen = stamp_ns
        self.sightings += 1

    def track(self, detected: bool) -> Track:
        box = (self.x - self.width / 2, self.y - self.height / 2, self.width, self.height)
        return Track(self.face_id, box, self.score, detected, self.sightings)


def _centred(box: Box) -> Box:
    x, y, width, height = box
    return x + width / 2, y + height / 2, width, height
