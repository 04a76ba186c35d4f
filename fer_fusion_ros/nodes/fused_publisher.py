"""Publish fused images."""

from collections.abc import Callable

import numpy as np
from sensor_msgs.msg import Image

from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.messages.image import array_to_image
from fer_fusion_ros.messages.qos import PUBLISHER_QOS
from fer_fusion_ros.nodes.stage_node import StageNode


class FusedPublisher:
    """The fused image of each side, made only for those who subscribe."""

    def __init__(self, node: StageNode) -> None:
        self._node = node
        self._publishers = {
            side: node.advertise(Image, f'{side}/fused/image', PUBLISHER_QOS) for side in SIDES
        }

    def wanted(self, side: str) -> bool:
        """Return whether anybody subscribes to a side."""
        return bool(self._publishers[side].get_subscription_count())

    def publish(
        self,
        side: str,
        fuse: Callable[[], tuple[np.ndarray, Modality]],
        stamp_ns: int,
        frame_id: str,
    ) -> None:
        """Publish what ``fuse`` returns, under the stamp and frame of the pair, if wanted."""
        if self.wanted(side):
            image, modality = fuse()
            if modality != Modality.FUSED:
                self._node.complain(
                    f'fused {side}',
                    f'{side} pair is incomplete: its fused image shows the '
                    f'{modality.name.lower()} one alone',
                )
            self._publishers[side].publish(array_to_image(image, stamp_ns, frame_id))
