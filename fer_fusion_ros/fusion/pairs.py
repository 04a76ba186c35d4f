"""Find, check and split aligned infrared/visible pairs."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.image_files import SUFFIXES, image_files, read_grey

SPLITS = ('train', 'validation', 'test')


@dataclass(frozen=True)
class Pair:
    """An aligned pair.

    :param name: file name without its suffix.
    :param source: the folder that holds ``ir`` and ``vis``, within that of all pairs.
    :param ir: (H, W) uint8.
    :param vis: (H, W) uint8, luminance.
    """

    name: str
    source: str
    ir: np.ndarray
    vis: np.ndarray

    @property
    def full_name(self) -> str:
        """Name and source as one file name: another folder may have a pair of this name."""
        return f'{self.source.replace("/", "_")}_{self.name}'

    @property
    def split(self) -> str:
        """Six eighths of the names, chosen by a hash, train; one validates and one tests."""
        eighth = hashlib.sha256(os.fsencode(self.name)).digest()[-1] % 8
        return {0: 'test', 1: 'validation'}.get(eighth, 'train')


def load_pairs(folder: str | Path, smallest: int = 1) -> list[Pair]:
    """Read all pairs under a folder into memory, so that errors show before the first epoch.

    :param folder: every folder at or under it with the subfolders ``ir`` and ``vis`` is read;
        files that belong together have one name (their suffixes may differ).
    :param smallest: least height and width in pixels.
    :return: in the order of folders and names.
    :raises DataError: naming the file that is missing, unreadable, too small or of another size
        than its partner.
    """
    folder = Path(folder)
    sources = sorted(
        Path(path)
        for path, folders, _ in os.walk(folder, followlinks=True)
        if {'ir', 'vis'} <= set(folders)
    )
    if not sources:
        raise DataError(f'{folder}: no folder in it has the subfolders ir and vis with the pairs.')
    pairs = []
    for source in sources:
        infrared, visible = _images(source / 'ir'), _images(source / 'vis')
        if not infrared:
            raise DataError(f'{source / "ir"}: holds no image ({", ".join(SUFFIXES)}).')
        for stem in sorted(infrared.keys() ^ visible.keys()):
            path = infrared.get(stem) or visible[stem]
            other = 'vis' if stem in infrared else 'ir'
            raise DataError(f'{path}: has no partner in {source / other}. Add it, or remove this.')
        for stem, path in infrared.items():
            ir, vis = read_grey(path), read_grey(visible[stem])
            if ir.shape != vis.shape:
                raise DataError(
                    f'{path} is {ir.shape[1]}x{ir.shape[0]} pixels, but {visible[stem]} is '
                    f'{vis.shape[1]}x{vis.shape[0]}. Align and crop both to one size.'
                )
            if min(ir.shape) < smallest:
                raise DataError(
                    f'{path}: {ir.shape[1]}x{ir.shape[0]} pixels are less than the {smallest} '
                    'needed. Remove the pair, or train on smaller patches.'
                )
            pairs.append(Pair(stem, _name(source, folder), ir, vis))
    return pairs


def _name(source: Path, folder: Path) -> str:
    name = source.relative_to(folder).as_posix()
    return folder.resolve().name if name == '.' else name


def _images(folder: Path) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for path in image_files(folder):
        if path.stem in images:
            raise DataError(f'{path}: has the name of {images[path.stem]}. Rename one pair.')
        images[path.stem] = path
    return images
