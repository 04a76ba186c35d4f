"""Archives of splits, as FER2013 and FERPlus are kept."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from fer_fusion_ros.exceptions import DataError


def read_archive(path: Path, split: str, **arrays: DTypeLike) -> list[np.ndarray]:
    """
    Read arrays of one split from an npz archive.

    :param split: the arrays in the archive are named `<split>_<name>`.
    :param arrays: dtype by name; None leaves it as it is.
    :return: in the order of `arrays`.
    :raises DataError: if it is no readable archive, lacks an array, or has fractions where whole
        numbers are asked for.
    """
    names = {f'{split}_{name}': dtype for name, dtype in arrays.items()}
    try:
        with path.open('rb') as file:
            # NumPy would take anything else for a single array, or for a pickle.
            if not zipfile.is_zipfile(file):
                raise DataError(
                    f'{path}: not a readable npz archive, as np.savez writes them, or only a '
                    'part of one.'
                )
        with np.load(path) as archive:
            missing = names.keys() - set(archive.files)
            if missing:
                raise DataError(
                    f'{path}: no {" and ".join(sorted(missing))}, so no {split} split; '
                    f'it holds {", ".join(archive.files)}.'
                )
            return [_cast(path, name, archive[name], dtype) for name, dtype in names.items()]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f'{path}: not a readable npz archive ({error}).') from error


def _cast(path: Path, name: str, array: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    if array.dtype.kind != 'f' or dtype is None or not np.issubdtype(dtype, np.integer):
        return np.asarray(array, dtype)
    # NumPy would cut off fractions, and make any number of NaN.
    with np.errstate(invalid='ignore'):
        whole = array.astype(dtype)
    wrong = np.argwhere(whole != array)
    if len(wrong):
        place = tuple(wrong[0])
        row = f'row {place[0]} of {name}' if place else name
        raise DataError(f'{path}: {row} is {array[place]}; it must be a whole number.')
    return whole
