"""Publish registered pairs."""

from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.messages.camera_info import blank_camera_info, model_to_camera_info
from fer_fusion_ros.messages.image import array_to_image
from fer_fusion_ros.messages.qos import PUBLISHER_QOS
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.registration import RegisteredPair


class PairPublisher:
    """The registered images and the calibration of each side, for those who subscribe."""

    def __init__(self, node: StageNode) -> None:
        self._publishers = {
            side: (
                node.advertise(Image, f'{side}/ir/image_registered', PUBLISHER_QOS),
                node.advertise(Image, f'{side}/vis/image_registered', PUBLISHER_QOS),
                node.advertise(CameraInfo, f'{side}/camera_info', PUBLISHER_QOS),
                node.advertise(CameraInfo, f'{side}/ir/camera_info', PUBLISHER_QOS),
            )
            for side in SIDES
        }
        self._residuals: dict[str, float | None] = {}

    def values(self) -> dict[str, Any]:
        """Return the misalignment of each side's last pair for the diagnostics."""
        return {
            f'{side} residual (px)': 'unknown' if residual is None else f'{residual:.2f}'
            for side, residual in list(self._residuals.items())
        }

    def wanted(self, side: str) -> bool:
        """Return whether anybody subscribes to something of a side."""
        return any(output.get_subscription_count() for output in self._publishers[side])

    def publish(self, pair: RegisteredPair, stamp_ns: int, frame_id: str) -> None:
        """Publish what is subscribed of a pair, under the stamp and frame of its visible lens."""
        self._residuals[pair.side] = pair.residual_px
        ir, vis, info, ir_info = self._publishers[pair.side]
        for publisher, view in ((ir, pair.ir_view), (vis, pair.vis_view)):
            if view is not None and publisher.get_subscription_count():
                # Only now is the whole image computed.
                publisher.publish(array_to_image(np.asarray(view), stamp_ns, frame_id))
        infos = [(info, pair.model)]
        if pair.ir_view is not None:
            infos.append((ir_info, pair.ir_model))
        for publisher, model in infos:
            if not publisher.get_subscription_count():
                continue
            if model is None:
                publisher.publish(blank_camera_info(*pair.size, stamp_ns, frame_id))
            else:
                publisher.publish(model_to_camera_info(model, stamp_ns, frame_id))
