"""Divide recordings into folds for cross-validation."""

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces

FOLDS = ('subject', 'sequence')
"""Names that `divide` takes."""


def divide(faces: Faces, way: str = 'subject', count: int = 10) -> np.ndarray:
    """
    Give each face the number of the fold in which it is tested.

    :param way: `subject`, so that nobody is in two folds and their sizes are about equal; or
        `sequence`, as earlier work on CK+ does, contiguous blocks of each class's sequences, which
        leaves other sequences of the same people in the training set and flatters the figures.
    :param count: number of folds.
    :return: (N,) int64 in 0..count-1.
    :raises KeyError: if it is no way of `FOLDS`.
    :raises DataError: if the faces do not tell subjects or sequences, or there are too few.
    """
    known = {'subject': faces.subjects, 'sequence': faces.sequences}[way]
    if known is None:
        raise DataError(f'{faces.name}: does not tell the {way} of each face, so no folds.')
    if len(np.unique(known)) < count:
        raise DataError(f'{faces.name}: has fewer than {count} {way}s.')
    folds = np.zeros(len(faces), np.int64)
    if way == 'subject':
        subjects, sizes = np.unique(known, return_counts=True)
        filled = np.zeros(count, np.int64)
        # The largest first, each into the emptiest fold.
        for index in np.argsort(-sizes, kind='stable'):
            fold = filled.argmin()
            folds[known == subjects[index]] = fold
            filled[fold] += sizes[index]
        return folds
    for label in np.unique(faces.labels):
        own = np.unique(known[faces.labels == label])
        for fold, block in enumerate(np.array_split(own, count)):
            folds[np.isin(known, block) & (faces.labels == label)] = fold
    return folds
