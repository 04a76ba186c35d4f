"""From registered pairs to the expressions of the faces in them."""

import logging
import math
import statistics
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np

from fer_fusion_ros.expression.classifier import Classifier
from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.expression.labels import UNCERTAIN
from fer_fusion_ros.expression.pace import Pace
from fer_fusion_ros.expression.smoother import Smoother
from fer_fusion_ros.expression.stereo import (
    distance_by_width,
    find_in_other,
    in_infrared,
    position,
    shift_to,
)
from fer_fusion_ros.faces.crop import crop
from fer_fusion_ros.faces.detection import Box
from fer_fusion_ros.faces.face_finder import FaceFinder
from fer_fusion_ros.faces.track import Track
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.fusion.unseen import fill_unseen
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENS_BITS, SIDES
from fer_fusion_ros.registration.registered_pair import RegisteredPair

_logger = logging.getLogger(__name__)

FACE = 48
"""Pixels that a detected box is scaled to. The detectors' boxes and the images of FER2013, 48
pixels wide, agree: Haar's boxes in them are 48.1 wide and 0.1 off centre in the median. The
classifier sees the central 44."""

_TURN_NS = 30_000_000
"""Nanoseconds after which another side has its turn: each frame, at 30 frames per second."""

_GAPS = 9
"""Times between frames of which the median tells how frequent frames are."""

_READABLE = 4.0
"""Standard deviation of grey levels below which a crop shows no face but noise: the faintest of
150 faces 5 m from the rig have 13 in infrared, and 16 in visible light by day."""

MARGIN = 6
"""Pixels fused around what the classifier sees, where the fusion network meets the border."""


class Recogniser:
    """
    Detect, track, crop, fuse, classify, combine, smooth and abstain.

    Faces are found in the left pair (in the right one when the left is missing) and looked up in
    the other. All crops of a frame are fused in one batch and classified in one batch, those of
    the right side mirrored. When there are more of them than ``max_views``, or than there is time
    for, each face is read from one side, the sides in turns; and when that takes too long still,
    only the faces whose last reading is longest ago, while the others are followed.

    :param fuser: fuses the face crops.
    :param classifier: classifies the fused crops.
    :param finder: detects and tracks; keeps state, so one for each recogniser.
    :param time_constant: seconds of temporal smoothing; 0 for none.
    :param min_confidence: below it the category is ``UNCERTAIN``.
    :param max_views: crops up to which every face of a frame is read from both sides.
    :ivar finder: the finder given.
    """

    def __init__(
        self,
        fuser: Fuser,
        classifier: Classifier,
        finder: FaceFinder,
        *,
        time_constant: float = 0.5,
        min_confidence: float = 0.4,
        max_views: int = 3,
    ) -> None:
        self._fuser = fuser
        self._classifier = classifier
        self.finder = finder
        self._smoother = Smoother(time_constant)
        self._min_confidence = min_confidence
        self._max_views = max_views
        self._stamp: int | None = None
        self._starts = True
        self._last: _Grid | None = None
        self._read_at: dict[str, int] = {}
        self._gaps: deque[int] = deque(maxlen=_GAPS)
        self._told: dict[str, FaceExpression] = {}
        self._faint: set[str] = set()  # sides that were warned of

    @property
    def model(self) -> str:
        """Name and content hash of the two models, for ``ExpressionStamped.model``."""
        return f'{self._fuser.model} {self._classifier.model}'

    def reset(self) -> None:
        """Forget all faces; ids start at 1 again."""
        self._forget()
        self.finder.reset()

    def _forget(self) -> None:
        self.finder.forget()
        self._stamp = None
        self._starts = True
        self._last = None
        self._read_at = {}
        self._gaps.clear()

    def process(
        self, pairs: Mapping[str, RegisteredPair], stamp_ns: int, pace: Pace | None = None
    ) -> list[FaceExpression]:
        """
        Read the expressions of all faces in a frame: `look`, then `read`.

        :param pairs: by side; one side may be absent.
        :param stamp_ns: capture stamp of the frame.
        :param pace: tells how much there is time for; everything is read without it.
        :return: one for each face, oldest face first; empty when nobody is there.
        """
        glimpse = self.look(pairs, stamp_ns, pace)
        (faces,) = self.read([glimpse])
        if pace is not None:
            pace.read(sum(map(len, glimpse.views)))
        return faces

    def look(
        self, pairs: Mapping[str, RegisteredPair], stamp_ns: int, pace: Pace | None = None
    ) -> 'Glimpse':
        """
        Find the faces of a frame, and cut them out; frames come in order.

        A stamp older than the last one (the clock jumped backwards), and images of another size
        than the side had, reset faces and smoothing; the faces have new ids then.

        :param pairs: by side; one side may be absent.
        :param stamp_ns: capture stamp of the frame.
        :param pace: tells how many crops there is time to read; None for any number.
        """
        sides = [side for side in SIDES if side in pairs]
        pair = pairs[sides[0]] if sides else None
        backwards = self._stamp is not None and stamp_ns < self._stamp
        if backwards or (pair is not None and self._is_resized(pair)):
            self._forget()
        if self._stamp is not None:
            self._gaps.append(stamp_ns - self._stamp)
        self._stamp = stamp_ns
        starts, self._starts = self._starts, False
        if pair is None:
            return Glimpse(stamp_ns, starts)
        self._follow(pair)
        tracks = self.finder.find(
            pair.ir_view, pair.vis_view, stamp_ns, partial(in_infrared, pair)
        )
        places: list[list[tuple[RegisteredPair, Box]]] = []
        distances = []
        for track in tracks:
            boxes: list[tuple[RegisteredPair, Box]] = [(pair, track.box)]
            distance = distance_by_width(pair.model, track.box)
            for side in sides[1:]:
                box, distance = find_in_other(pair, pairs[side], track.box)
                if box is not None:
                    boxes.append((pairs[side], box))
            places.append(boxes)
            distances.append(distance)
        names = [track.face_id for track in tracks]
        affordable = self._affordable(names, places, stamp_ns, pace)
        views = [
            [view for each in boxes if (view := self._view(*each, distance))]
            for boxes, distance in zip(affordable, distances, strict=True)
        ]
        return Glimpse(
            stamp_ns,
            starts,
            pair.side,
            pair.size,
            pair.model,
            tracks,
            views,
            distances,
            self.finder.living,
            frozenset(name for name, boxes in zip(names, affordable, strict=True) if not boxes),
        )

    def read(self, glimpses: Sequence['Glimpse']) -> list[list[FaceExpression]]:
        """
        Read the faces of one or more frames in one batch.

        It may run in another thread than `look`.

        :param glimpses: what `look` returned, in order.
        :return: for each frame one for each face, oldest face first.
        """
        views = [view for glimpse in glimpses for face in glimpse.views for view in face]
        probabilities = iter(self._classifier.predict(self._fuse(views)) if views else ())
        return [self._express(glimpse, probabilities) for glimpse in glimpses]

    def _express(
        self, glimpse: 'Glimpse', probabilities: Iterator[np.ndarray]
    ) -> list[FaceExpression]:
        if glimpse.starts:
            self._smoother.reset()
            self._told = {}
        if glimpse.side is None:
            return []
        self._smoother.keep(glimpse.living)
        results = []
        for track, face, distance in zip(
            glimpse.tracks, glimpse.views, glimpse.distances, strict=True
        ):
            place = position(glimpse.model, track.box, distance)
            told = (
                self._judge(track.face_id, face, probabilities, glimpse.stamp_ns)
                if face
                else _remembered(self._told.get(track.face_id))
            )
            results.append(
                FaceExpression(
                    face_id=track.face_id,
                    side=glimpse.side,
                    box=track.box,
                    image_size=glimpse.size,
                    position=place,
                    distance=math.nan if place is None else float(np.linalg.norm(place)),
                    skipped=track.face_id in glimpse.skipped,
                    **told,
                )
            )
        told = self._told | {face.face_id: face for face in results}
        self._told = {name: face for name, face in told.items() if name in glimpse.living}
        return results

    def _judge(
        self,
        face_id: str,
        face: Sequence['_View'],
        probabilities: Iterator[np.ndarray],
        stamp_ns: int,
    ) -> dict[str, Any]:
        raw = combine([next(probabilities) for _ in face])
        smooth = self._smoother.update(face_id, raw, stamp_ns)
        lenses = {lens for view in face for lens in view.lenses}
        return {
            'probabilities': smooth,
            'raw_probabilities': raw,
            'category': self._category(smooth),
            'confidence': float(smooth.max()),
            'raw_category': self._category(raw),
            'raw_confidence': float(raw.max()),
            'modality': _modality(face),
            'lenses': sum(LENS_BITS[lens] for lens in lenses),
            'illumination': _illumination(face),
        }

    def _is_resized(self, pair: RegisteredPair) -> bool:
        last = self._last
        return last is not None and last.side == pair.side and last.size != pair.size

    def _follow(self, pair: RegisteredPair) -> None:
        """Take the faces along when they are looked for on the other side from now on."""
        last, self._last = self._last, _Grid(pair.side, pair.size, pair.model)
        if last is None or last.side == pair.side or None in (last.model, pair.model):
            return

        def shift(box: Box) -> tuple[float, float]:
            return shift_to(last.model, pair.model, box, distance_by_width(last.model, box))

        self.finder.move(shift)

    def _affordable(
        self,
        names: Sequence[str],
        places: list[list[tuple[RegisteredPair, Box]]],
        stamp_ns: int,
        pace: Pace | None,
    ) -> list[list[tuple[RegisteredPair, Box]]]:
        """Return where to read each face: everywhere, in one place, or nowhere in this frame."""
        crops = sum(map(len, places))
        wanted = crops if crops <= self._max_views else len(places)
        most = wanted if pace is None else pace.allow(wanted)
        if most < crops:
            # By the stamp: a replay, and nodes that started at other times, take the same turns;
            # a face's next reading is from the other side, also where not each frame has one.
            turn = stamp_ns // (self._turn_ns() * math.ceil(len(places) / most))
            places = [[boxes[(turn + i) % len(boxes)]] for i, boxes in enumerate(places)]
            longest_ago = sorted(names, key=lambda name: self._read_at.get(name, -1))[:most]
            places = [
                boxes if name in longest_ago else []
                for name, boxes in zip(names, places, strict=True)
            ]
        self._read_at = {
            name: stamp_ns if boxes else self._read_at.get(name, -1)
            for name, boxes in zip(names, places, strict=True)
        }
        return places

    def _turn_ns(self) -> int:
        """Return nanoseconds after which another side has its turn, a little less than a frame."""
        gap = statistics.median(self._gaps) if self._gaps else 0
        if gap <= 0:
            return _TURN_NS
        # In steps of a fifth, so that all who see these frames come to the same.
        steps = math.floor(4 * math.log2(0.95 * gap / _TURN_NS))
        return max(round(_TURN_NS * 2 ** (steps / 4)), 1)

    def _view(self, pair: RegisteredPair, box: Box, distance: float) -> '_View | None':
        """Cut a face out of the images of a side; None if it cannot be seen in them."""
        size = self._classifier.size + 2 * MARGIN
        ir, vis = (
            None if image is None else crop(image, _square(place, size / FACE), size)
            for image, place in (
                (pair.ir_view, in_infrared(pair, box, distance)),
                (pair.vis_view, box),
            )
        )
        infrared, visible = _contrast(ir), _contrast(vis)
        if max(infrared, visible) < _READABLE:
            return None
        if ir is None or vis is None:
            return _View(pair.side, ir, vis)
        if not _is_faint(infrared, visible):
            return _View(pair.side, fill_unseen(ir, vis), vis)
        if pair.side not in self._faint:
            self._faint.add(pair.side)
            _logger.warning(
                'the infrared image of the %s side hardly shows a face that the visible one '
                'shows: such faces are read from the visible one alone; look after its lamp, its '
                'exposure and its lens cap',
                pair.side,
            )
        return _View(pair.side, None, vis)

    def _fuse(self, views: Sequence['_View']) -> np.ndarray:
        """Return what the classifier sees of each view, (N, size, size) uint8."""
        seen = [view.vis if view.ir is None else view.ir for view in views]
        both = [index for index, view in enumerate(views) if view.modality is Modality.FUSED]
        if both:
            fused = self._fuser.fuse(
                np.stack([views[index].ir for index in both]),
                np.stack([views[index].vis for index in both]),
            )
            for index, image in zip(both, fused, strict=True):
                seen[index] = image
        # The network judges a face and its mirror image somewhat differently, and the mean of both
        # is right more often: the two sides give it at no cost.
        turned = [
            image[:, ::-1] if view.side == 'right' else image
            for image, view in zip(seen, views, strict=True)
        ]
        return np.stack([image[MARGIN:-MARGIN, MARGIN:-MARGIN] for image in turned])

    def _category(self, probabilities: np.ndarray) -> int:
        best = int(probabilities.argmax())
        return best if probabilities[best] >= self._min_confidence else UNCERTAIN


class _Grid(NamedTuple):
    """Where the faces of a frame are looked for, as `RegisteredPair` tells it."""

    side: str
    size: tuple[int, int]
    model: CameraModel | None


@dataclass(frozen=True, eq=False)
class _View:
    """Crops of one face in the images of one side."""

    side: str
    ir: np.ndarray | None
    vis: np.ndarray | None

    @property
    def modality(self) -> Modality:
        if self.vis is None:
            return Modality.INFRARED
        return Modality.VISIBLE if self.ir is None else Modality.FUSED

    @property
    def lenses(self) -> list[str]:
        bands = {'ir': self.ir, 'vis': self.vis}
        return [f'{band}_{self.side}' for band, image in bands.items() if image is not None]


@dataclass(frozen=True, eq=False)
class Glimpse:
    """
    The faces of one frame, found but not read.

    :ivar stamp_ns: capture stamp of the frame.
    :ivar starts: whether what was before does not count any more.
    :ivar side: in whose images the faces were found; None when there are no images.
    :ivar size: width and height of these images in pixels.
    :ivar model: rectified camera of these images; None without calibration.
    :ivar tracks: of these faces, oldest first.
    :ivar views: of each face, the crops to read; none where it is only followed.
    :ivar distances: of each face in metres; NaN when unknown.
    :ivar living: ids of these faces and of those that may come back.
    :ivar skipped: ids of these faces that there is no time to read.
    """

    stamp_ns: int
    starts: bool
    side: str | None = None
    size: tuple[int, int] = (0, 0)
    model: CameraModel | None = None
    tracks: Sequence[Track] = ()
    views: Sequence[Sequence[_View]] = ()
    distances: Sequence[float] = ()
    living: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()


def combine(probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """
    Combine what several views say of one face: the mean of their log-probabilities.

    :param probabilities: (7,) float32 of each view.
    :return: (7,) float32 that sums to 1.
    """
    if len(probabilities) == 1:
        return probabilities[0]
    logs = np.log(np.maximum(probabilities, np.float32(1e-12))).mean(axis=0)
    odds = np.exp(logs - logs.max())
    return odds / odds.sum()


def _contrast(crop: np.ndarray | None) -> float:
    """Return the standard deviation of what the classifier sees of a crop; 0 without one."""
    if crop is None:
        return 0.0
    return float(cv2.meanStdDev(crop[MARGIN:-MARGIN, MARGIN:-MARGIN])[1][0, 0])


def _is_faint(infrared: float, visible: float) -> bool:
    """Tell by their contrasts whether the infrared crop would spoil the visible one."""
    # Fused with an infrared crop of a fifth of its contrast, faces are still told as well, with
    # one of a seventh 7 % fewer are, with a black one two thirds fewer. A visible crop that shows
    # nothing does no harm.
    return infrared < visible / 6 or infrared < min(_READABLE, visible / 2)


def _square(box: Box, factor: float) -> Box:
    """Return the square around a box's centre, so many times as wide as the box."""
    x, y, width, height = box
    side = width * factor
    return x + (width - side) / 2, y + (height - side) / 2, side, side


def _remembered(told: FaceExpression | None) -> dict[str, Any]:
    """Return what the last reading of a face told that still holds when it is only followed."""
    names = ('probabilities', 'category', 'confidence', 'modality', 'illumination')
    return {} if told is None else {name: getattr(told, name) for name in names}


def _modality(views: Sequence[_View]) -> Modality:
    """Return what a face was read from: fused when both bands took part, whatever the side."""
    kinds = {view.modality for view in views}
    return kinds.pop() if len(kinds) == 1 else Modality.FUSED


def _illumination(views: Sequence[_View]) -> float:
    levels = [
        cv2.mean(view.vis[MARGIN:-MARGIN, MARGIN:-MARGIN])[0]
        for view in views
        if view.vis is not None
    ]
    return sum(levels) / len(levels) / 255 if levels else math.nan
