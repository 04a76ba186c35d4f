"""Node that fuses the registered pairs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.nodes.fused_publisher import FusedPublisher
from fer_fusion_ros.nodes.image_sets import ImageSets, registered_topics
from fer_fusion_ros.nodes.parameters import report_unknown
from fer_fusion_ros.nodes.run import run
from fer_fusion_ros.nodes.settings import FUSION, declare_settings
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.pipeline.pipeline import create_fuser
from fer_fusion_ros.registration import RegisteredPair
from fer_fusion_ros.synchronisation import FrameSet


class FusionNode(StageNode):
    """Two registered pairs in, two fused colour images out.

    The pairs are subscribed to (and so made by the registration node) only while somebody
    subscribes to a fused image.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('fusion', **node_arguments)
        self._fuser = create_fuser(declare_settings(self, *FUSION))
        self._fused = FusedPublisher(self)
        self._images = ImageSets(
            self,
            registered_topics,
            self._work,
            incomplete=True,
            wanted=self._wanted,
            calibrations=False,
        )
        report_unknown(self)

    def diagnose(self) -> tuple[list[str], dict[str, Any]]:
        """Return the state of the streams and the model."""
        problems, values = self._images.diagnose()
        return problems, {**values, 'model': self._fuser.model}

    def close(self) -> None:
        """End the worker."""
        self._images.close()

    def _wanted(self) -> bool:
        return any(map(self._fused.wanted, SIDES))

    def _work(self, frame_set: FrameSet) -> None:
        frame_set = self._images.read(frame_set)
        for side in SIDES:
            reference = frame_set.reference(side)
            if reference is not None:
                ir, vis = frame_set.image(f'ir_{side}'), frame_set.image(f'vis_{side}')
                pair = RegisteredPair(side, ir, vis)
                fuse = partial(self._fuser.fuse_pair, pair.ir, pair.vis)
                self._fused.publish(side, fuse, reference.stamp_ns, reference.frame_id)


def main(args: Sequence[str] | None = None) -> int:
    """Run the fusion node."""
    return run(FusionNode, args)
