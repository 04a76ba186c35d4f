"""Draw expressions on an image."""

from collections.abc import Sequence

import numpy as np

from fer_fusion_ros.expression.face_expression import FaceExpression


def draw_overlay(image: np.ndarray, faces: Sequence[FaceExpression]) -> np.ndarray:
    """Draw boxes, labels and probability bars.

    :param image: (H, W) grey or (H, W, 3) BGR uint8; not changed.
    :param faces: those whose ``side`` is the image's.
    :return: (H, W, 3) BGR uint8.
    """
    raise NotImplementedError
