"""A picture to write and draw on."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

Colour = tuple[int, int, int]
"""Blue, green and red, 0-255."""


def colour(code: str) -> Colour:
    """Return the colour of a web code such as ``'#f5b83d'``."""
    red, green, blue = (int(code[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red


class Canvas:
    """A bgr image of uint8 with proper letters, which OpenCV alone has not.

    :param width: in pixels.
    :param height: in pixels.
    :param background: colour to start with.
    """

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.image = np.empty((height, width, 3), np.uint8)
        self.image[:] = background

    def copy(self) -> 'Canvas':
        """Return a canvas with the same picture, to draw on separately."""
        other = Canvas.__new__(Canvas)
        other.image = self.image.copy()
        return other

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int,
        ink: Colour,
        *,
        bold: bool = False,
        align: str = 'left',
    ) -> int:
        """Write one line and return its width in pixels.

        :param x: of the left end, the middle or the right end, as ``align`` says.
        :param y: of the baseline.
        :param size: of the letters in pixels.
        :param align: left, centre or right.
        """
        mask, ascent = _letters(words, size, bold)
        height, width = mask.shape
        left = round(x - {'left': 0, 'centre': width / 2, 'right': width}[align])
        top = round(y) - ascent
        x0, y0 = max(left, 0), max(top, 0)
        area = self.image[y0 : top + height, x0 : left + width]
        cover = mask[y0 - top :, x0 - left :][: area.shape[0], : area.shape[1], None]
        area[:] = np.rint(area + cover * (np.array(ink, np.float32) - area))
        return width

    def fill(self, x: float, y: float, width: float, height: float, ink: Colour) -> None:
        """Fill a rectangle."""
        x, y = round(x), round(y)
        self.image[max(y, 0) : y + round(height), max(x, 0) : x + round(width)] = ink

    def paste(self, x: int, y: int, width: int, height: int, picture: np.ndarray | None) -> None:
        """Put a picture, grey or bgr, into a rectangle that has its proportions."""
        if picture is None:
            self.fill(x, y, width, height, colour('#262d38'))
            self.text(
                x + width / 2,
                y + height / 2 + 5,
                'no image',
                14,
                colour('#8b95a5'),
                align='centre',
            )
            return
        if picture.ndim == 2:
            picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        larger = width > picture.shape[1]
        how = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
        self.image[y : y + height, x : x + width] = cv2.resize(
            picture, (width, height), interpolation=how
        )

    def tag(self, x: int, y: int, words: str, size: int = 13) -> None:
        """Write a caption on a dark field, as on the corner of a picture."""
        width = _letters(words, size, False)[0].shape[1] + 12
        area = self.image[y : y + size + 9, x : x + width]
        area[:] = area * 0.25
        self.text(x + 6, y + size + 2, words, size, (255, 255, 255))

    def line(self, points: np.ndarray, ink: Colour, thickness: int = 1) -> None:
        """Draw a line through points, (N, 2) in pixels."""
        fixed = np.rint(np.asarray(points) * 16).astype(np.int32)
        cv2.polylines(self.image, [fixed], False, ink, thickness, cv2.LINE_AA, shift=4)


@lru_cache(4096)
def _letters(words: str, size: int, bold: bool) -> tuple[np.ndarray, int]:
    """Return how much of each pixel the letters cover, (H, W) 0-1, and the baseline's row."""
    from PIL import Image, ImageDraw

    font = _font(size, bold)
    ascent, descent = font.getmetrics()
    width = max(1, round(font.getlength(words)) + 1)
    image = Image.new('L', (width, ascent + descent))
    ImageDraw.Draw(image).text((0, 0), words, fill=255, font=font)
    return np.asarray(image, np.float32) / 255, ascent


@lru_cache
def _font(size: int, bold: bool) -> 'ImageFont.FreeTypeFont':  # noqa: F821
    import matplotlib
    from PIL import ImageFont

    # matplotlib carries a good typeface along; the system may have none.
    folder = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf'
    return ImageFont.truetype(str(folder / f'DejaVuSans{"-Bold" if bold else ""}.ttf'), size)
