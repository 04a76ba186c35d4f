"""Image files."""

import contextlib
import re
from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.exceptions import DataError

FEW_BITS = 4096
"""An image of sixteen bits whose pixels are all below this looks like one of 10 or 12 bits."""

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.tif', '.tiff', '.webp')


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder in the order of `by_number`, but for hidden ones."""
    return sorted(
        (
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith('.')
        ),
        key=lambda path: by_number(path.name),
    )


def by_number(name: str) -> tuple:
    """Return a key that sorts names with the numbers in them by value: f2 before f10."""
    # Every other part is a run of digits.
    parts = re.split(r'(\d+)', name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def imwrite(path: Path, image: np.ndarray) -> None:
    """
    Write an image as `cv2.imwrite` does, which crashes on names that are not UTF-8.

    :raises OSError: if it cannot be written.
    """
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())


def is_utf8(path: Path) -> bool:
    """Tell whether a path is UTF-8; on others OpenCV's video reader crashes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def read_image(path: Path, flags: int) -> np.ndarray:
    """
    Read an image, also by a name that is not UTF-8, on which `cv2.imread` crashes.

    Sixteen bits become eight.

    :param flags: OpenCV's, `IMREAD_GRAYSCALE` or `IMREAD_COLOR`.
    :return: (H, W) or (H, W, 3) uint8.
    :raises DataError: if it cannot be read, or leaves the upper bits of sixteen unused.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except FileNotFoundError as error:
        raise DataError(f'{path}: no such file. Add it, or correct its name.') from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f'{path}: {reason}. Make it readable, or remove it.') from error
    except ValueError as error:
        raise DataError(f'{str(path)!r}: no name of a file ({error}). Correct it.') from error
    image = None
    # An empty file, or an absurd size in its header, makes OpenCV raise.
    with contextlib.suppress(cv2.error):
        image = cv2.imdecode(data, flags | cv2.IMREAD_ANYDEPTH)
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise DataError(f'{path}: not a readable image of 8 or 16 bits. Replace or remove it.')
    if image.dtype == np.uint8:
        return image
    brightest = int(image.max())
    if 0 < brightest < FEW_BITS:
        raise DataError(
            f'{path}: has 16 bits, but no pixel above {brightest}, which would come out nearly '
            'black. Scale its values to 0..65535, or save it with 8 bits.'
        )
    return (image >> 8).astype(np.uint8)


def read_grey(path: Path) -> np.ndarray:
    """
    Read an image as grey; sixteen bits become eight.

    :return: (H, W) uint8.
    :raises DataError: if it cannot be read, or leaves the upper bits of sixteen unused.
    """
    return read_image(path, cv2.IMREAD_GRAYSCALE)
