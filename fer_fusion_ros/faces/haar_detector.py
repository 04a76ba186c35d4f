"""Face detection that needs no download."""

from typing import NamedTuple

import cv2
import numpy as np

from fer_fusion_ros.cascades import cascade_file
from fer_fusion_ros.faces.detection import Detection, offset
from fer_fusion_ros.faces.face_detector import FaceDetector, Window, in_part
from fer_fusion_ros.grey import to_grey
from fer_fusion_ros.registration.warped_image import ImageView

_CASCADE = 'haarcascade_frontalface_alt2.xml'
_SECOND = 'haarcascade_frontalface_alt.xml'
"""Trained on its own: what is no face rarely passes both."""

_FACE = 28
"""Width in pixels to which the smallest face is scaled; the cascade's own window is 20."""


class _Steps(NamedTuple):
    """
    How thoroughly a cascade goes through an image.

    :ivar growth: ratio of each size to the one before.
    :ivar hits: neighbouring windows, and sizes, in which a face must be found.
    """

    growth: float
    hits: int


_CLOSE = _Steps(1.1, 3)
_FAST = _Steps(1.15, 1)
"""In four fifths of the time of `_CLOSE` finds a seventh more of the faces 2 to 3.5 m from the rig
(a quarter more in infrared), and more that are none, which a second look leaves out."""


class HaarDetector(FaceDetector):
    """
    Find frontal faces with the cascade that comes with OpenCV.

    :param min_size: width in pixels of the smallest face to look for.
    :raises ConfigurationError: if OpenCV came without its cascades.
    """

    def __init__(self, min_size: float = 40.0) -> None:
        super().__init__(min_size)
        self._cascade = cv2.CascadeClassifier(str(cascade_file(_CASCADE)))
        self._second = cv2.CascadeClassifier(str(cascade_file(_SECOND)))

    def detect(
        self, image: np.ndarray, size_range: tuple[float, float] | None = None
    ) -> list[Detection]:
        """Find the faces; see `FaceDetector.detect`."""
        sizes = size_range or (self.min_size, float(min(image.shape[:2])))
        return _detect(self._cascade, image, sizes)

    def confirm(self, image: ImageView, face: Detection) -> bool:
        """Tell whether a second cascade sees the face too; see `FaceDetector.confirm`."""
        x, y, width, height = face.box
        x0, y0 = max(round(x - width / 2), 0), max(round(y - height / 2), 0)
        part = image[y0 : round(y + 1.5 * height), x0 : round(x + 1.5 * width)]
        seen = _detect(self._second, part, (0.7 * width, 1.5 * width))
        return any(offset(each.moved(x0, y0).box, face.box) < width / 4 for each in seen)

    def search(self, image: ImageView, window: Window) -> list[Detection]:
        """Find what may be a face; see `FaceDetector.search`."""
        area, sizes = window
        return in_part(image, area, lambda part: _detect(self._cascade, part, sizes, _FAST))

    def windows(self, width: int, height: int) -> list[Window]:
        """
        Divide the search: large faces in the whole frame, small ones tile by tile.

        Tiles also make the contrast of each part of the image equal, without which faces in
        infrared images are not found.
        """
        small = 2 * self.min_size
        windows = [Window((0, 0, width, height), (small, float(min(width, height))))]
        # Tiles overlap by the largest face that is looked for in them.
        columns, rows = max(round(width / 213), 1), max(round(height / 240), 1)
        tile = (
            min(int(width / columns + small), width),
            min(int(height / rows + small), height),
        )
        for y in np.linspace(0, height - tile[1], rows).astype(int):
            for x in np.linspace(0, width - tile[0], columns).astype(int):
                windows.append(Window((int(x), int(y), *tile), (self.min_size, small)))
        return windows


def _detect(
    cascade: cv2.CascadeClassifier,
    image: np.ndarray,
    sizes: tuple[float, float],
    steps: _Steps = _CLOSE,
) -> list[Detection]:
    """Return what a cascade finds, surest first, in pixels of the image."""
    if min(image.shape[:2]) < sizes[0]:
        return []  # a strip at the border
    scale = _FACE / sizes[0]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = to_grey(cv2.resize(image, None, fx=scale, fy=scale, interpolation=way))
    boxes, counts = cascade.detectMultiScale2(
        cv2.equalizeHist(image),
        scaleFactor=steps.growth,
        minNeighbors=steps.hits,
        minSize=(_FACE, _FACE),
        maxSize=(round(sizes[1] * scale),) * 2,
    )
    faces = [
        Detection(tuple(float(v) / scale for v in box), float(count))
        for box, count in zip(boxes, counts, strict=True)
    ]
    return sorted(faces, key=lambda face: -face.score)
