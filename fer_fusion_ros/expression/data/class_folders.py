"""Faces in one folder per expression, as torchvision's ImageFolder has them."""

import re
from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.labels import CK_PLUS_LABELS, LABELS, canonical_name
from fer_fusion_ros.image_files import SUFFIXES, image_files, read_grey

_COHN_KANADE = re.compile(r'S(\d+)_(\d+)_\d+')
"""Cohn-Kanade's file names: subject, sequence, frame."""


def load_class_folders(path: str | Path, size: int = 48) -> Faces:
    """
    Read face crops from folders named after their expressions.

    Files named as Cohn-Kanade's (`S010_004_00000017.png`) tell subject and sequence. With a
    folder `contempt` and none for neutral faces, the labels are `CK_PLUS_LABELS`.

    :param path: holds one folder per expression.
    :param size: to which the images are scaled, in pixels.
    :raises DataError: naming the folder or file that is missing, unknown or unreadable.
    """
    path = Path(path)
    entries = sorted(path.iterdir()) if path.is_dir() else []
    folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith('.')]
    if not folders:
        raise DataError(
            f'{path}: holds no folders; make one for each expression, or a labels.csv (file, '
            'expression, subject) of photographs.'
        )
    names = [canonical_name(folder.name) for folder in folders]
    labels = CK_PLUS_LABELS if 'contempt' in names and 'neutral' not in names else LABELS
    files: list[tuple[Path, int]] = []
    for folder, name in zip(folders, names, strict=True):
        if name not in labels:
            raise DataError(f'{folder}: unknown expression; known are {", ".join(labels)}.')
        found = image_files(folder)
        if not found:
            raise DataError(f'{folder}: holds no images ({", ".join(SUFFIXES)}).')
        files += [(file, labels.index(name)) for file in found]
    parts = [_COHN_KANADE.match(file.name) for file, _ in files]
    subjects = sequences = None
    if all(parts):
        subjects = np.array([int(part[1]) for part in parts])
        sequences = np.unique([part[1] + part[2] for part in parts], return_inverse=True)[1]
    return Faces(
        str(path),
        np.stack([read_crop(file, size) for file, _ in files]),
        np.array([label for _, label in files]),
        subjects=subjects,
        sequences=sequences,
        classes=labels,
    )


def read_crop(file: Path, size: int) -> np.ndarray:
    """
    Read the crop of a face as grey.

    :param size: height and width to scale it to.
    :return: (size, size) uint8.
    :raises DataError: if it cannot be read, or is far from square.
    """
    image = read_grey(file)
    if image.shape == (size, size):
        return image
    height, width = image.shape
    if max(height, width) > 1.25 * min(height, width):
        raise DataError(
            f'{file}: {width}x{height} pixels are no crop of a face, which is square. Crop it, or '
            'list it in a labels.csv (file, expression, subject), whose faces are looked for.'
        )
    way = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=way)
