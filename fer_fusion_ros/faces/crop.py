"""Cut faces out of images."""

import math

import cv2
import numpy as np

from fer_fusion_ros.faces.detection import Box
from fer_fusion_ros.grey import to_grey
from fer_fusion_ros.registration.warped_image import ImageView


def crop(image: ImageView, box: Box, size: int) -> np.ndarray:
    """
    Cut out a square and scale it.

    :param image: (H, W) or (H, W, 3) BGR uint8.
    :param box: x, y, width, height in pixels; the square has its centre and its width. What lies
        beyond the image repeats the image's border.
    :param size: height and width of the result in pixels.
    :return: (size, size) grey uint8.
    """
    side = max(box[2], 1.0)
    left, top = box[0] + box[2] / 2 - side / 2, box[1] + box[3] / 2 - side / 2
    # Pixels that bilinear interpolation would skip are averaged beforehand.
    shrink = max(int(side / size), 1)
    x0, y0 = math.floor(left) - shrink, math.floor(top) - shrink
    extent = math.ceil(side) + 3 * shrink
    extent += -extent % shrink
    part = to_grey(_extract(image, x0, y0, extent))
    if shrink > 1:
        part = cv2.resize(part, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    scale = side / size / shrink
    # Boxes count from the corner of the first pixel, transforms from its middle.
    x, y = (left - x0) / shrink + scale / 2 - 0.5, (top - y0) / shrink + scale / 2 - 0.5
    transform = np.float64([[scale, 0, x], [0, scale, y]])
    return cv2.warpAffine(
        part,
        transform,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _extract(image: ImageView, x: int, y: int, extent: int) -> np.ndarray:
    """Return a square part of an image, its border repeated where the part lies beyond it."""
    height, width = image.shape[:2]
    # At least one row and column of the image.
    x0, y0 = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    x1, y1 = min(max(x + extent, x0 + 1), width), min(max(y + extent, y0 + 1), height)
    part = image[y0:y1, x0:x1]
    rows, columns = part.shape[:2]
    if (rows, columns) != (extent, extent):
        above, before = min(max(-y, 0), extent - rows), min(max(-x, 0), extent - columns)
        borders = (above, extent - rows - above, before, extent - columns - before)
        part = cv2.copyMakeBorder(part, *borders, cv2.BORDER_REPLICATE)
    return part
