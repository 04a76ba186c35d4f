"""Node that recognises the expressions of the faces in registered pairs."""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.messages.expression import make_header
from fer_fusion_ros.messages.image import image_to_array
from fer_fusion_ros.messages.qos import IMAGE_SUBSCRIBER_QOS
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.nodes.expression_publisher import ExpressionPublisher
from fer_fusion_ros.nodes.image_sets import ImageSets, registered_topics
from fer_fusion_ros.nodes.parameters import report_unknown
from fer_fusion_ros.nodes.run import run
from fer_fusion_ros.nodes.settings import EXPRESSION, declare_pace, declare_settings
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.nodes.worker import Worker
from fer_fusion_ros.pipeline.pipeline import create_recogniser
from fer_fusion_ros.registration import RegisteredPair
from fer_fusion_ros.synchronisation import FrameSet


class ExpressionNode(StageNode):
    """Two registered pairs in, the expressions of all faces out.

    The overlay is drawn on the fused image of one side, which is subscribed to (and so made by
    the fusion node) only while somebody subscribes to the overlay.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('expression', **node_arguments)
        self._recogniser = create_recogniser(declare_settings(self, *EXPRESSION))
        self._expressions = ExpressionPublisher(self)
        self._pace = declare_pace(self)
        self._overlay_side = SIDES[0]
        # What the next overlays lack: the image or the faces, by side and stamp.
        self._halves: dict[tuple[str, int], dict[str, Any]] = {}
        self._halves_lock = threading.Lock()
        self._painter = Worker(self._paint, 1, self.on_error)
        for side in SIDES:
            self.subscribe_while(
                partial(self._draws_on, side),
                Image,
                f'{side}/fused/image',
                partial(self._on_fused, side),
                IMAGE_SUBSCRIBER_QOS,
            )
        self._images = ImageSets(
            self, registered_topics, self._work, incomplete=True, pace=self._pace
        )
        report_unknown(self)

    def diagnose(self) -> tuple[list[str], dict[str, Any]]:
        """Return the state of the streams, the figures of the output and the models."""
        problems, values = self._images.diagnose()
        problems += self._expressions.problems()
        return problems, {**values, **self._expressions.values(), 'model': self._recogniser.model}

    def close(self) -> None:
        """End the threads."""
        self._images.close()
        self._painter.close()

    def _work(self, frame_set: FrameSet) -> None:
        frame_set = self._images.read(frame_set)
        pairs, headers = {}, {}
        for side in SIDES:
            reference = frame_set.reference(side)
            if reference is not None:
                ir_model = self._images.models.get(f'ir_{side}')
                pairs[side] = RegisteredPair(
                    side,
                    frame_set.image(f'ir_{side}'),
                    frame_set.image(f'vis_{side}'),
                    self._images.models.get(f'vis_{side}', ir_model),
                    ir_model=ir_model,
                )
                headers[side] = make_header(reference.stamp_ns, reference.frame_id)
        if not pairs:
            return
        faces = self._recogniser.process(pairs, frame_set.stamp_ns, self._pace)
        self._expressions.publish(faces, headers, self._recogniser.model)
        if self._expressions.overlay_wanted():
            self._overlay_side = next(iter(pairs))
            self._meet(self._overlay_side, headers[self._overlay_side], 'faces', faces)

    def _draws_on(self, side: str) -> bool:
        """Return whether the overlay needs the fused image of a side."""
        return side == self._overlay_side and self._expressions.overlay_wanted()

    def _on_fused(self, side: str, message: Image) -> None:
        self._meet(side, message.header, 'image', message)

    def _meet(self, side: str, header: Header, name: str, half: Any) -> None:
        key = side, stamp_to_ns(header.stamp)
        with self._halves_lock:
            halves = self._halves.setdefault(key, {})
            halves[name] = half
            if len(halves) == 2:
                self._painter.put((side, self._halves.pop(key)))
            while len(self._halves) > 30:
                del self._halves[next(iter(self._halves))]

    def _paint(self, work: tuple[str, dict[str, Any]]) -> None:
        side, halves = work
        message, faces = halves['image'], halves['faces']
        image = image_to_array(message, 'bgr8', 'the fused image')
        self._expressions.publish_overlay(image, side, faces, message.header)


def main(args: Sequence[str] | None = None) -> int:
    """Run the expression node."""
    return run(ExpressionNode, args)
