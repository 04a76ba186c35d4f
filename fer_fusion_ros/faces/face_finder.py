"""Detect on a fraction of the frames, follow on the others."""

from collections.abc import Callable
from typing import NamedTuple

from fer_fusion_ros.faces.camera_motion import CameraMotion
from fer_fusion_ros.faces.detection import Box, Detection, is_inside, offset
from fer_fusion_ros.faces.face_detector import FaceDetector, Window
from fer_fusion_ros.faces.face_tracker import FaceTracker
from fer_fusion_ros.faces.track import Track
from fer_fusion_ros.registration.warped_image import ImageView

_LOOK = 2.0
"""Width of the area in which a known face is looked for, in face widths."""

_LOOK_AGAIN_NS = 200_000_000
"""Nanoseconds after which known faces are looked for in any case: the tracker holds on to a face
that is not detected for little longer, and frames may be rare."""

_WINDOW_NS = 100_000_000
"""Nanoseconds without a frame for which one more window is searched, as on every third of 30
frames per second. It is not everything at once: a search that takes long would make the next
gap."""

_SIZES = (0.75, 1.4)
"""Smallest and largest width of a known face, in its last width."""

_SAME = 0.3
"""Intersection over union from which two boxes are of one face."""

_DARK = (25.0, 35.0)
"""Mean grey level below which the visible image counts as dark, and above which it does not any
more."""


class _Band(NamedTuple):
    """An image, and where in it a box of the grid is."""

    image: ImageView
    place: Callable[[Box], Box]


def _as_it_is(box: Box) -> Box:
    return box


class FaceFinder:
    """
    Find and follow the faces of an image stream at little cost.

    The faces that are known are looked for around where they should be, also while the robot
    turns its head (`CameraMotion`); for new ones the frame is searched window by window, as a
    whole only the first time. Where frames are rare, more windows are searched in each, so that
    somebody new is found as soon. Visible images are searched in the light and infrared ones in
    the dark; what is not found in one is looked for in the other.

    :param detector: finds faces.
    :param detect_every: look for each known face on one of so many frames; they take turns. New
        ones are looked for on each.
    :param search_every: search one window of the frame on one of so many frames; on each while
        no face is known.
    :param max_lost: seconds that a face may go undetected before its id is retired.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        detect_every: int = 3,
        search_every: int = 3,
        max_lost: float = 0.7,
    ) -> None:
        self._detector = detector
        self._detect_every = detect_every
        self._search_every = search_every
        self._look_again_ns = min(_LOOK_AGAIN_NS, round(max_lost * 1e9))
        self._tracker = FaceTracker(max_lost)
        self._motion = CameraMotion()
        self.reset()

    def reset(self) -> None:
        """Forget all faces; ids start at 1 again."""
        self.forget()
        self._tracker.reset()

    def forget(self) -> None:
        """Forget all faces; no id is given a second time."""
        self._tracker.forget()
        self._motion.reset()
        self._stamp: int | None = None
        self._frame = 0
        self._searches = 0
        self._is_dark = False

    @property
    def living(self) -> frozenset[str]:
        """Return the ids of the faces that may come back; see `FaceTracker.living`."""
        return self._tracker.living

    def move(self, shift: Callable[[Box], tuple[float, float]]) -> None:
        """Go on in the image of another lens; see `FaceTracker.move`."""
        self._motion.reset()
        self._tracker.move(shift)

    def find(
        self,
        ir: ImageView | None,
        vis: ImageView | None,
        stamp_ns: int,
        in_infrared: Callable[[Box], Box] = _as_it_is,
    ) -> list[Track]:
        """
        Return the faces in a registered pair, oldest first.

        :param ir: (H, W) uint8 or None.
        :param vis: (H, W, 3) BGR or (H, W) uint8, or None.
        :param stamp_ns: capture stamp; older than the last one forgets all faces.
        :param in_infrared: tells where in the infrared image a face on the grid is.
        :return: those whose centre is in the image, on the grid.
        """
        if self._stamp is not None and stamp_ns < self._stamp:
            self.forget()
        gap = 1 if self._stamp is None else max(stamp_ns - self._stamp, 1)
        self._stamp = stamp_ns
        bands = self._readable_first(ir, vis, in_infrared)
        self._motion.update(bands[0].image)
        self._tracker.move(self._motion.shift)
        known = self._tracker.predict(stamp_ns)
        found: list[Detection] = []
        every = max(min(self._detect_every, self._look_again_ns // gap), 1)
        for index, track in enumerate(known):
            if track.is_new or (self._frame + index) % every == 0:
                found += self._look(bands, track.box, track.is_new)
        boxes = [track.box for track in known]
        missed = gap // _WINDOW_NS
        if self._frame == 0 or (missed and missed >= len(self._windows(bands))):
            found += self._search_all(bands, boxes)
        elif missed > 1 or not known or (self._frame - 1) % self._search_every == 0:
            for _ in range(max(missed, 1)):
                found += self._search_next(bands, boxes)
        self._frame += 1
        height, width = bands[0].image.shape[:2]
        tracks = self._tracker.update(_distinct(found), stamp_ns)
        return [track for track in tracks if is_inside(track.box, width, height)]

    def _readable_first(
        self, ir: ImageView | None, vis: ImageView | None, in_infrared: Callable[[Box], Box]
    ) -> list[_Band]:
        if vis is not None and ir is not None:
            level = vis[::16, ::16].mean()
            self._is_dark = level < _DARK[1 if self._is_dark else 0]
        bands = [_Band(vis, _as_it_is), _Band(ir, in_infrared)]
        if self._is_dark:
            bands.reverse()
        return [band for band in bands if band.image is not None]

    def _look(self, bands: list[_Band], box: Box, is_new: bool = False) -> list[Detection]:
        """Look for a face around a box, in the readable image first; return at most one."""
        for band in bands:
            there = band.place(box)
            x, y, width, height = there
            grow = (_LOOK - 1) / 2
            area = (x - grow * width, y - grow * height, _LOOK * width, _LOOK * height)
            sizes = (_SIZES[0] * width, _SIZES[1] * width)
            if faces := self._detector.detect_in(band.image, area, sizes):
                face = _nearest(faces, there)
                # What the readable image does not show may not be a face.
                doubtful = is_new or band is not bands[0]
                if doubtful and not self._detector.confirm(band.image, face):
                    return []
                return [_on_grid(face, band)]
        return []

    def _search_all(self, bands: list[_Band], known: list[Box]) -> list[Detection]:
        """Search all windows, of the less readable image if there is no face in the other."""
        windows = self._windows(bands)
        for band in bands:
            if faces := self._confirm(bands, band, windows, known):
                return faces
        return []

    def _search_next(self, bands: list[_Band], known: list[Box]) -> list[Detection]:
        """Search the next window; every other round goes through the less readable image."""
        windows = self._windows(bands)
        turn, index = divmod(self._searches, len(windows))
        self._searches += 1
        window = windows[index : index + 1]
        return self._confirm(bands, bands[turn % len(bands)], window, known)

    def _windows(self, bands: list[_Band]) -> list[Window]:
        height, width = bands[0].image.shape[:2]
        return self._detector.windows(width, height)

    def _confirm(
        self,
        bands: list[_Band],
        band: _Band,
        windows: list[Window],
        known: list[Box],
    ) -> list[Detection]:
        """Return the faces in some windows that are not known yet."""
        # A second look, closer, leaves out what is no face and sets the box more precisely.
        candidates: list[Detection] = []
        for window in windows:
            found = self._detector.search(band.image, window)
            candidates += [_on_grid(each, band) for each in found]
        return [
            face
            for each in _distinct(candidates)
            if all(_overlap(each.box, box) < _SAME for box in known)
            for face in self._look(bands, each.box, is_new=True)
        ]


def _nearest(faces: list[Detection], box: Box) -> Detection:
    return min(faces, key=lambda face: offset(face.box, box))


def _on_grid(face: Detection, band: _Band) -> Detection:
    """Return a detection in a band's image as one on the grid."""
    # The shift goes with the size, which is the same in both.
    x, y = band.place(face.box)[:2]
    return face.moved(face.box[0] - x, face.box[1] - y)


def _distinct(faces: list[Detection]) -> list[Detection]:
    """Return each face once, the surest detection of it."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda each: -each.score):
        if all(_overlap(face.box, other.box) < _SAME for other in kept):
            kept.append(face)
    return kept


def _overlap(a: Box, b: Box) -> float:
    """Return the intersection of two boxes over their union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
