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
    :raises DataError: if it is no readable archive, or lacks an array.
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
            return [np.asarray(archive[name], dtype) for name, dtype in names.items()]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f'{path}: not a readable npz archive ({error}).') from error
