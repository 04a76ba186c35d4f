"""Read labelled faces, whatever they are stored in."""

from pathlib import Path

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.ck_plus import load_ck_plus
from fer_fusion_ros.expression.data.class_folders import load_class_folders
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.fer2013 import load_fer2013
from fer_fusion_ros.expression.data.labelled_photographs import load_labelled_photographs

SPLIT_FOLDERS = {
    'train': ('train', 'Training'),
    'public': ('public', 'PublicTest', 'validation', 'val', 'test'),
    'private': ('private', 'PrivateTest', 'test'),
}
"""Folders of class folders in which a split may lie."""


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
    for name in SPLIT_FOLDERS.get(split, ()):
        if (path / name).is_dir():
            return load_class_folders(path / name)
    return load_class_folders(path)
