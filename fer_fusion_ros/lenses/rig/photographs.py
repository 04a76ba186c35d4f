"""Photographs of faces, from wherever they come, with the place of the face in each."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.cascades import cascade_file
from fer_fusion_ros.exceptions import DataError, RigError
from fer_fusion_ros.grey import to_grey
from fer_fusion_ros.image_files import SUFFIXES, image_files, read_image

# Where OpenCV's Haar cascade finds the face in scikit-image's astronaut, x y width height.
ASTRONAUT_BOX = (177, 66, 95, 95)
# Pictures up to this size hold a face and nothing else; FER2013's are 48 px.
CROP_SIZE = 100


class Photographs:
    """A sequence of photographs, each of one face.

    :param faces: None for the astronaut that scikit-image ships (public domain, NASA); an image
        file; a folder of them; uint8 arrays in a sequence, or one of shape ``(N, H, W)`` or
        ``(N, H, W, 3)``, grey or bgr.
    :param labels: expression of each photograph, if known.
    :raises RigError: when there is no photograph, or not as many labels.
    """

    def __init__(
        self,
        faces: str | Path | np.ndarray | Sequence[np.ndarray] | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        self._astronaut = faces is None or (isinstance(faces, str) and not faces)
        if self._astronaut:
            self._pictures: Sequence[np.ndarray] | np.ndarray = [_astronaut()]
            labels = ['happy'] if labels is None else labels
        elif isinstance(faces, (str, Path)):
            self._pictures = _read(Path(faces).expanduser())
        else:
            self._pictures = faces
        if len(self._pictures) == 0:
            raise RigError('there is no photograph in `faces`; give at least one')
        if labels is not None and len(labels) != len(self._pictures):
            raise RigError(
                f'{len(self._pictures)} photographs but {len(labels)} labels; give one for each'
            )
        self._labels = labels

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._pictures)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return one photograph: uint8 ``(H, W)`` grey or ``(H, W, 3)`` bgr."""
        return self._pictures[index]

    def label(self, index: int) -> str | None:
        """Return the expression of one photograph, None when it is not known."""
        return None if self._labels is None else self._labels[index]

    def face_box(self, index: int) -> tuple[int, int, int, int]:
        """Return x, y, width and height of the face in one photograph, in pixels.

        :raises RigError: when no face is found in a photograph larger than a face.
        """
        if self._astronaut:
            return ASTRONAUT_BOX
        picture = self[index]
        height, width = picture.shape[:2]
        if max(height, width) <= CROP_SIZE:
            return 0, 0, width, height
        cascade = cv2.CascadeClassifier(str(cascade_file('haarcascade_frontalface_default.xml')))
        shrink = max(1.0, max(height, width) / 800)
        grey = to_grey(picture)
        small = cv2.resize(grey, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
        boxes = cascade.detectMultiScale(small, 1.1, 5)
        if len(boxes) == 0:
            raise RigError(
                f'no frontal face is found in photograph {index} ({width}x{height}); use another '
                f'one, or cut it to the face and at most {CROP_SIZE} px'
            )
        x, y, w, h = (round(shrink * v) for v in max(boxes, key=lambda box: box[2]))
        return x, y, w, h


def _astronaut() -> np.ndarray:
    try:
        from skimage import data
    except ImportError as error:
        raise RigError(
            'the simulated rig shows the portrait that scikit-image ships; install it '
            '(pip install scikit-image), or name photographs of your own'
        ) from error
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


def _read(path: Path) -> list[np.ndarray]:
    if path.is_dir():
        files = image_files(path)
        if not files:
            raise RigError(f'{path} holds no image ({", ".join(SUFFIXES)}); name another folder')
    elif path.is_file():
        files = [path]
    else:
        raise RigError(f'{path} does not exist; name an image or a folder of images')
    try:
        return [read_image(file, cv2.IMREAD_COLOR) for file in files]
    except DataError as error:
        raise RigError(str(error)) from error
