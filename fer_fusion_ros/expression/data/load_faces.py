"""Read labelled faces, whatever they are stored in."""

from pathlib import Path

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.ck_plus import load_ck_plus
from fer_fusion_ros.expression.data.class_folders import load_class_folders
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.fer2013 import load_fer2013
from fer_fusion_ros.expression.data.labelled_photographs import load_labelled_photographs

SPLIT_FOLDERS = {
    'train': ('train', 'training'),
    'public': ('public', 'publictest', 'validation', 'valid', 'val', 'test'),
    'private': ('private', 'privatetest', 'test'),
}
"""Folders of class folders in which a split may lie, in any case; the first that there is."""


def has_splits(path: str | Path) -> bool:
    """Return whether `load_faces` tells the splits of these data apart."""
    path = Path(path)
    if path.is_dir():
        return not (path / 'labels.csv').is_file() and bool(_split_folders(path))
    return path.suffix.lower() not in ('.h5', '.hdf5')


def _split_folders(path: Path) -> dict[str, Path]:
    """Return the folders of splits in a folder, by name in lower case."""
    known = {name for names in SPLIT_FOLDERS.values() for name in names}
    folders = {entry.name.lower(): entry for entry in path.iterdir() if entry.is_dir()}
    return {name: folders[name] for name in sorted(known & folders.keys())}


def load_faces(path: str | Path, split: str = 'train') -> Faces:
    """
    Read one split of a set of faces.

    :param path: FER2013 as an npz archive or Kaggle's CSV; CK+ as HDF5 or a folder; a folder of
        photographs with `labels.csv`; or a folder with one folder per expression, or with such a
        folder per split (`train`, `test`, ...).
    :param split: train, public or private; sets without splits are read whole.
    :raises DataError: naming the file that is missing or malformed.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f'{path}: no such file or folder.')
    if path.suffix in ('.h5', '.hdf5'):
        return load_ck_plus(path)
    if path.is_file():
        return load_fer2013(path, split)
    if (path / 'labels.csv').is_file():
        from fer_fusion_ros.faces.create_detector import create_detector

        return load_labelled_photographs(path, create_detector())
    if (path / 'cohn-kanade-images').is_dir():
        return load_ck_plus(path)
    folders = _split_folders(path)
    for name in SPLIT_FOLDERS[split]:
        if name in folders:
            return load_class_folders(folders[name])
    if folders:
        raise DataError(
            f'{path}: has {", ".join(folders)}, but no {split} split, which would be called '
            f'{" or ".join(SPLIT_FOLDERS[split])}; choose another with --split.'
        )
    return load_class_folders(path)
