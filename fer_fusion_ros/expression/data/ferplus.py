"""FERPlus, the crowd's votes on FER2013's faces (Barsoum et al., 2016)."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.archive import read_archive
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.fer2013 import USAGE
from fer_fusion_ros.expression.data.table import read_table
from fer_fusion_ros.expression.labels import FERPLUS_TO_LABEL

COLUMNS = (
    'neutral',
    'happiness',
    'surprise',
    'sadness',
    'anger',
    'disgust',
    'fear',
    'contempt',
    'unknown',
    'NF',
)
"""The columns of fer2013new.csv; NF is "not a face"."""

NOT_A_FACE = COLUMNS.index('NF')


def add_ferplus(faces: Faces, path: str | Path, split: str, drop_non_faces: bool = False) -> Faces:
    """
    Add the crowd's votes to a split of FER2013.

    :param faces: the whole split, in its original order.
    :param path: `fer2013new.csv`, or an npz archive with `<split>_votes` (N, 10), row-aligned.
    :param split: train, public or private.
    :param drop_non_faces: leave out the crops of which most voters said that they show no face.
    :raises DataError: if the votes are missing, not aligned with the faces, or no numbers from 0.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file. Give FERPlus's fer2013new.csv or an npz of it.")
    if path.suffix.lower() == '.csv':
        votes = _read_csv(path, split)
    else:
        (votes,) = read_archive(path, split, votes=np.float32)
    if votes.shape != (len(faces), len(COLUMNS)):
        raise DataError(
            f'{path}: the votes on {split} are {votes.shape}, '
            f'but {faces.name} needs ({len(faces)}, {len(COLUMNS)}).'
        )
    wrong = np.argwhere(~(np.isfinite(votes) & (votes >= 0)))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            f'{path}: row {row} of {split} has {votes[row, column]:g} votes for '
            f'{COLUMNS[column]}; it must be a number from 0.'
        )
    ours = np.zeros((len(faces), len(FERPLUS_TO_LABEL)), np.float32)
    ours[:, FERPLUS_TO_LABEL] = votes[:, : len(FERPLUS_TO_LABEL)]
    total = ours.sum(1, keepdims=True)
    # Fewer than three votes for the seven expressions say nothing about a distribution.
    ours = np.where(total >= 3, ours / np.maximum(total, 1), 0).astype(np.float32)
    faces = replace(faces, crowd=ours)
    if drop_non_faces:
        faces = faces.subset(2 * votes[:, NOT_A_FACE] <= votes.sum(1))
    return faces


def _read_csv(path: Path, split: str) -> np.ndarray:
    rows = []
    for number, row in read_table(path, ('Usage', *COLUMNS)):
        if row['Usage'] != USAGE[split]:
            continue
        try:
            rows.append([float(row[column]) for column in COLUMNS])
        except ValueError as error:
            raise DataError(
                f'{path}: line {number}: each of {", ".join(COLUMNS)} must be a number of votes '
                f'({error}).'
            ) from error
    return np.array(rows, np.float32).reshape(-1, len(COLUMNS))
