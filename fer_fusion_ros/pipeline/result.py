"""What the pipeline makes of a frame set."""

from dataclasses import dataclass, field

import numpy as np

from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.registration.registered_pair import RegisteredPair


@dataclass(eq=False)
class PipelineResult:
    """Registered pairs and expressions of one frame set; fused images on demand.

    :ivar stamp_ns: stamp of the frame set.
    :ivar stamps: capture stamp of the visible (else infrared) lens, by side.
    :ivar frame_ids: optical frame of the registered images, by side.
    :ivar pairs: by side; sides without any image are absent.
    :ivar faces: one for each face.
    """

    stamp_ns: int
    stamps: dict[str, int]
    frame_ids: dict[str, str]
    pairs: dict[str, RegisteredPair]
    faces: list[FaceExpression]
    fuser: Fuser = field(repr=False)
    _fused: dict[str, tuple[np.ndarray, Modality]] = field(default_factory=dict, repr=False)

    def fused(self, side: str) -> tuple[np.ndarray, Modality]:
        """Return the full fused image of a side and what it was made from; computed once.

        :return: (H, W, 3) BGR uint8, and FUSED, VISIBLE or INFRARED.
        :raises KeyError: if the side is absent.
        """
        if side not in self._fused:
            pair = self.pairs[side]
            self._fused[side] = self.fuser.fuse_pair(pair.ir, pair.vis)
        return self._fused[side]
