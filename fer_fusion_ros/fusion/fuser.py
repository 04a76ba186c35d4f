"""Fuse infrared and visible images at run time."""

from pathlib import Path

import numpy as np

from fer_fusion_ros.expression.modality import Modality


class Fuser:
    """Fuse registered images with the generator's weights.

    :param engine: one of `engine.create_engine.ENGINES`.
    :param weights: ONNX file; the bundled one when None.
    :param threads: CPU threads; None leaves it to the engine.
    :ivar model: name and content hash of the weights.
    """

    def __init__(
        self, engine: str = 'auto', weights: str | Path | None = None, threads: int | None = None
    ) -> None:
        raise NotImplementedError

    def fuse(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """Fuse grey images of one size.

        :param ir: (H, W) or (N, H, W) uint8.
        :param vis: luminance, the same shape.
        :return: the same shape, uint8.
        """
        raise NotImplementedError

    def fuse_colour(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """Fuse the luminance and keep the visible image's colour.

        :param ir: (H, W) uint8.
        :param vis: (H, W, 3) BGR uint8 (or (H, W): the result is grey in three channels).
        :return: (H, W, 3) BGR uint8.
        """
        raise NotImplementedError

    def fuse_pair(
        self, ir: np.ndarray | None, vis: np.ndarray | None, colour: bool = True
    ) -> tuple[np.ndarray, Modality]:
        """Fuse a pair, or fall back to the image that is left.

        :param ir: (H, W) uint8 or None.
        :param vis: (H, W, 3) BGR or (H, W) uint8, or None.
        :param colour: return (H, W, 3) BGR, else (H, W) grey.
        :return: image and what it was made from.
        :raises ValueError: if both are None.
        """
        raise NotImplementedError
