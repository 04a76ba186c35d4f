"""Show visible faces as the system's lenses would: dim, near-infrared or fused."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.learning.config import check_ranges, check_shares
from fer_fusion_ros.lenses.rig.photometry import near_infrared, visible

Fuse = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Maps (infrared, visible), both (M, H, W) float32 in 0..1, to the fused images."""


@dataclass(frozen=True)
class Modalities:
    """
    How often a face appears in which modality; the rest stays as photographed.

    :param dim: share seen by the visible lens in weaker light.
    :param infrared: share seen by the infrared lens.
    :param fused: share fused from both.
    :param darkest: weakest light, relative to daylight; light levels are drawn evenly on a
        logarithmic scale from here to 1.
    :param soft: share of the faces, whatever their modality, that are blurred by up to a pixel,
        as lenses, rectification and scaling do.
    :raises ConfigurationError: if a share or the light is out of its range.
    """

    dim: float = 0.0
    infrared: float = 0.0
    fused: float = 0.0
    darkest: float = 0.02
    soft: float = 0.0

    def __post_init__(self) -> None:
        check_ranges(self, {'darkest': '(0, 1]', 'soft': '[0, 1]'})
        check_shares(self, ('dim', 'infrared', 'fused'))

    def __call__(
        self,
        images: np.ndarray,
        rng: np.random.Generator,
        fuse: Fuse | None = None,
    ) -> np.ndarray:
        """
        Render each face in a modality drawn at random.

        :param images: (N, H, W) float32 in 0..1.
        :param rng: source of all randomness.
        :param fuse: such as `generator_fusion`; by default a mean with a random weight.
        :return: (N, H, W) float32 in 0..1, a new array.
        """
        draw = rng.random(len(images))
        light = (self.darkest ** rng.random(len(images)))[:, None, None].astype(np.float32)
        distance = rng.uniform(1.0, 4.0, len(images))[:, None, None].astype(np.float32)
        dim = draw < self.dim
        infrared = (draw >= self.dim) & (draw < self.dim + self.infrared)
        fused = (draw >= self.dim + self.infrared) & (draw < self.dim + self.infrared + self.fused)
        out = images.copy()
        if dim.any():
            out[dim] = visible(images[dim], light[dim], rng)
        if infrared.any():
            out[infrared] = near_infrared(images[infrared], distance[infrared], rng)
        if fused.any():
            ir = near_infrared(images[fused], distance[fused], rng)
            vis = visible(images[fused], light[fused], rng)
            if fuse is None:
                weight = rng.uniform(0.3, 0.7, (len(ir), 1, 1)).astype(np.float32)
                out[fused] = weight * ir + (1 - weight) * vis
            else:
                out[fused] = fuse(ir, vis)
        for index in np.flatnonzero(rng.random(len(out)) < self.soft):
            out[index] = cv2.GaussianBlur(out[index], (5, 5), rng.uniform(0.3, 1.0))
        return out


def generator_fusion(weights: str | Path | None) -> Fuse:
    """
    Fuse with a trained generator, on the CPU, on one thread beside the training's own.

    :param weights: ONNX file of the generator; the bundled one when None.
    """
    from fer_fusion_ros.engine import cpu_engine
    from fer_fusion_ros.fusion.fuser import Fuser

    # An engine does not survive a fork: each process that fuses has its own.
    fuser = functools.cache(lambda process: Fuser(cpu_engine(), weights, threads=1))

    def fuse(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        eight_bits = [np.rint(image * 255).astype(np.uint8) for image in (ir, vis)]
        return fuser(os.getpid()).fuse(*eight_bits).astype(np.float32) / 255

    return fuse
