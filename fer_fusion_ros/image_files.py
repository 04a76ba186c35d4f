"""Image files."""

from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.exceptions import DataError

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.tif', '.tiff', '.webp')


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder by name, but for hidden ones."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith('.')
    )


def read_grey(path: Path) -> np.ndarray:
    """
    Read an image as grey; sixteen bits become eight.

    :return: (H, W) uint8.
    :raises DataError: if it cannot be read, or leaves the upper bits of sixteen unused.
    """
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise DataError(f'{path}: not a readable image of 8 or 16 bits. Replace or remove it.')
    if image.dtype == np.uint8:
        return image
    brightest = int(image.max())
    if brightest < 1 << 14:
        raise DataError(
            f'{path}: has 16 bits, but no pixel above {brightest}, which would come out nearly '
            'black. Scale its values to 0..65535, or save it with 8 bits.'
        )
    return (image >> 8).astype(np.uint8)
