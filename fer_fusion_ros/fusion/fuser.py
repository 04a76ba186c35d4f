"""Fuse infrared and visible images at run time."""

from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.engine import create_engine
from fer_fusion_ros.exceptions import EngineError
from fer_fusion_ros.fusion.modality import Modality

_TO_NETWORK = (np.arange(256, dtype=np.float32) / np.float32(127.5) - 1).reshape(1, 256)


class Fuser:
    """
    Fuse registered images with the generator's weights.

    :param engine: one of `engine.ENGINES`.
    :param weights: ONNX file; the bundled one when None.
    :param threads: CPU threads; None or 0 for all cores.
    :raises EngineError: if the engine or the weights are missing or bad.
    :ivar model: name and content hash of the weights, such as ``fusion-0123456789ab``.
    """

    def __init__(
        self, engine: str = 'auto', weights: str | Path | None = None, threads: int | None = None
    ) -> None:
        self._engine = create_engine(weights or 'fusion', engine, threads)
        self.model = f'{self._engine.path.stem}-{self._engine.model_hash}'
        try:
            self.fuse(*np.zeros((2, 16, 16), np.uint8))
        except Exception as error:  # each engine has its own
            raise EngineError(
                f'{self._engine.path} is no fusion network: it does not make one image of `ir` '
                f'and `vis` ({error}); name another file, export the weights again, or choose '
                'another engine'
            ) from error

    def fuse(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """
        Fuse grey images of one size.

        :param ir: (H, W) or (N, H, W) uint8; N may be 0.
        :param vis: luminance, the same shape.
        :return: the same shape, uint8.
        :raises ValueError: if the images are of other shapes or types.
        """
        if not (ir.shape == vis.shape and ir.ndim in (2, 3) and ir.dtype == vis.dtype == np.uint8):
            raise ValueError(
                f'infrared is {ir.dtype} of shape {ir.shape} and visible {vis.dtype} of '
                f'{vis.shape}; give both as (H, W) or (N, H, W) uint8'
            )
        if ir.size == 0:
            return np.empty(ir.shape, np.uint8)
        height, width = ir.shape[-2:]
        inputs = {
            name: cv2.LUT(image.reshape(-1, width), _TO_NETWORK).reshape(-1, 1, height, width)
            for name, image in (('ir', ir), ('vis', vis))
        }
        fused = self._engine.run_batch(inputs)['fused']
        # Rounds and saturates; what is below 0 after shifting -1..1 to 0..255 cannot be.
        fused = cv2.convertScaleAbs(fused.reshape(-1, width), alpha=127.5, beta=127.5)
        return fused.reshape(ir.shape)

    def fuse_colour(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """
        Fuse the luminance and keep the visible image's colour.

        :param ir: (H, W) uint8.
        :param vis: (H, W, 3) BGR uint8 (or (H, W): the result is grey in three channels).
        :return: (H, W, 3) BGR uint8.
        :raises ValueError: if the images are of other shapes or types.
        """
        if ir.ndim != 2 or vis.dtype != np.uint8 or vis.shape[2:] not in ((), (3,)):
            raise ValueError(
                f'infrared is of shape {ir.shape} and visible {vis.dtype} of {vis.shape}; give '
                '(H, W) and (H, W, 3) or (H, W) uint8'
            )
        if vis.ndim == 2:
            return cv2.cvtColor(self.fuse(ir, vis), cv2.COLOR_GRAY2BGR)
        luma, red, blue = cv2.split(cv2.cvtColor(vis, cv2.COLOR_BGR2YCrCb))
        fused = self.fuse(ir, luma)
        return cv2.cvtColor(cv2.merge([fused, red, blue]), cv2.COLOR_YCrCb2BGR)

    def fuse_pair(
        self, ir: np.ndarray | None, vis: np.ndarray | None
    ) -> tuple[np.ndarray, Modality]:
        """
        Fuse a pair, or fall back to the image that is left.

        :param ir: (H, W) uint8 or None.
        :param vis: (H, W, 3) BGR or (H, W) uint8, or None.
        :return: (H, W, 3) BGR uint8, and what it was made from.
        :raises ValueError: if both are None.
        """
        if ir is not None and vis is not None:
            return self.fuse_colour(ir, vis), Modality.FUSED
        image = ir if vis is None else vis
        if image is None:
            raise ValueError('neither an infrared nor a visible image to fuse')
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        return image, Modality.INFRARED if vis is None else Modality.VISIBLE
