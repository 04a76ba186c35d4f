"""Batches of aligned patches, with light and faces as the lenses of a robot meet them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fer_fusion_ros.fusion.pairs import Pair
from fer_fusion_ros.learning.config import check_ranges
from fer_fusion_ros.lenses.rig.photometry import near_infrared, visible


@dataclass(frozen=True)
class Scenes:
    """What the patches of a training show.

    :param dark: share of patches whose visible image is rendered in weak light.
    :param darkest: weakest light, relative to daylight; levels are drawn evenly on a logarithmic
        scale from here to 1.
    :param faces: share of patches that show faces, where face pictures are given.
    :raises ConfigurationError: if a share is not in 0..1, or the weakest light is none, or more
        than daylight.
    """

    dark: float = 0.0
    darkest: float = 0.02
    faces: float = 0.0

    def __post_init__(self) -> None:
        check_ranges(self, {'dark': '[0, 1]', 'darkest': '(0, 1]', 'faces': '[0, 1]'})


@dataclass(frozen=True)
class Batch:
    """Patches (N, 1, P, P) float32 in [-1, 1].

    :param ir: infrared image, an input.
    :param vis: visible image as the sensor gives it, an input.
    :param structure: what the fused image should take the infrared image's part from.
    :param texture: what the fused image should take the visible image's part from.

    In scenes these are the infrared image and the visible one by daylight, but for the texture
    more and more the infrared one as the light goes and the visible image becomes noise. The
    infrared images of faces are simulated from visible ones and hold nothing that these lack, so
    there both are the visible face by daylight: in weak light it has to be told from the infrared
    image.
    """

    ir: Tensor
    vis: Tensor
    structure: Tensor
    texture: Tensor


class Patches:
    """Draw patches that depend on the seed and their number alone.

    A training resumed, or shared among processes, thus sees the same patches.

    :param pairs: of images, at least ``size`` high and wide.
    :param size: height and width of the patches.
    :param scenes: shares of light and faces.
    :param faces: (M, h, w) uint8 visible face pictures; their infrared images are simulated.
    :param seed: of all draws.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        size: int,
        scenes: Scenes,
        faces: np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        self.pairs = pairs
        self.size = size
        self.scenes = scenes
        self.faces = faces
        self.seed = seed

    def batch(self, numbers: Sequence[int]) -> Batch:
        """Return the patches with these numbers."""
        patches = np.stack([self._patch(number) for number in numbers])
        return Batch(*torch.from_numpy(2 * patches - 1).unsqueeze(2).unbind(1))

    def _patch(self, number: int) -> np.ndarray:
        """Return (4, P, P) float32 in 0..1, in the order of `Batch`."""
        rng = np.random.default_rng((self.seed, number))
        faces = self.faces is not None and rng.random() < self.scenes.faces
        ir, vis = self._faces(rng) if faces else self._crop(rng)
        structure, texture = (vis, vis) if faces else (ir, vis)
        if rng.random() < self.scenes.dark:
            light = self.scenes.darkest ** rng.random()
            if not faces:
                # By daylight alone, the weakest light is no measure: the logarithms are 0.
                trust = 1 - np.log(light) / np.log(self.scenes.darkest) if light < 1 else 1.0
                texture = trust * vis + (1 - trust) * ir
            vis = visible(vis, light, rng)
        patch = np.stack([ir, vis, structure, texture]).astype(np.float32)
        patch = np.rot90(patch, rng.integers(4), axes=(1, 2))
        return patch[..., ::-1] if rng.random() < 0.5 else patch

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pair = self.pairs[rng.integers(len(self.pairs))]
        height, width = pair.ir.shape
        top = rng.integers(height - self.size + 1)
        left = rng.integers(width - self.size + 1)
        place = slice(top, top + self.size), slice(left, left + self.size)
        return pair.ir[place].astype(np.float32) / 255, pair.vis[place].astype(np.float32) / 255

    def _faces(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Tile the patch with faces of their own size; registration is a pixel off at times."""
        height, width = self.faces.shape[1:]
        rows, columns = self.size // height + 2, self.size // width + 2
        chosen = self.faces[rng.integers(len(self.faces), size=(rows, columns))]
        sheet = chosen.swapaxes(1, 2).reshape(rows * height, columns * width)
        vis = sheet.astype(np.float32) / 255
        ir = near_infrared(vis, rng.uniform(1.0, 4.0), rng, face_width=width)
        top, left = rng.integers(1, height), rng.integers(1, width)
        down, right = rng.integers(-1, 2, 2)
        return (
            ir[top + down : top + down + self.size, left + right : left + right + self.size],
            vis[top : top + self.size, left : left + self.size],
        )
