"""FER2013, from Kaggle's CSV or from an npz archive of its splits."""

from pathlib import Path

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.archive import read_archive
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.table import read_table
from fer_fusion_ros.expression.labels import FER2013_TO_LABEL

USAGE = {'train': 'Training', 'public': 'PublicTest', 'private': 'PrivateTest'}
"""Our name of a split, and Kaggle's."""

SIZE = 48


def load_fer2013(path: str | Path, split: str) -> Faces:
    """
    Read one split of FER2013.

    :param path: Kaggle's `fer2013.csv` (columns emotion, pixels, Usage), or an npz archive with
        `<split>_x` (N, 48, 48) uint8 and `<split>_y` (N,) in FER2013's own numbering.
    :param split: train, public or private.
    :raises DataError: if the file or the split is missing or malformed.
    """
    path = Path(path)
    if split not in USAGE:
        raise DataError(f'Split {split!r} is unknown; FER2013 has {", ".join(USAGE)}.')
    if not path.is_file():
        raise DataError(
            f"{path}: no such file. Give Kaggle's fer2013.csv or an npz archive of its splits."
        )
    if path.suffix.lower() == '.csv':
        images, labels = _read_csv(path, split)
    else:
        images, labels = read_archive(path, split, x=None, y=np.int64)
        if labels.ndim != 1:
            raise DataError(
                f'{path}: {split}_y is of shape {labels.shape}; it must be one number for each '
                'face.'
            )
    wrong = np.flatnonzero((labels < 0) | (labels >= len(FER2013_TO_LABEL)))
    if len(wrong):
        raise DataError(
            f'{path}: row {wrong[0]} of {split} has the unknown label {labels[wrong[0]]}; '
            'FER2013 numbers them 0 to 6.'
        )
    if images.shape[1:] != (SIZE, SIZE):
        raise DataError(f'{path}: {split} images are {images.shape[1:]}, not {SIZE}x{SIZE}.')
    return Faces(f'{path} ({split})', images, np.array(FER2013_TO_LABEL)[labels])


def _read_csv(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = [], []
    for number, row in read_table(path, ('emotion', 'pixels', 'Usage')):
        if row['Usage'] not in USAGE.values():
            raise DataError(
                f'{path}: line {number}: Usage is {row["Usage"]!r}, not one of '
                f'{", ".join(USAGE.values())}.'
            )
        if row['Usage'] != USAGE[split]:
            continue
        try:
            pixels = np.array(row['pixels'].split(), np.uint8)
            labels.append(int(row['emotion']))
            images.append(pixels.reshape(SIZE, SIZE))
        except (ValueError, OverflowError) as error:
            raise DataError(f'{path}: line {number} is malformed: {error}') from error
    if not images:
        raise DataError(f'{path}: no row has the usage {USAGE[split]}, so no {split} split.')
    return np.stack(images), np.array(labels, np.int64)
