"""Publish the expressions of a frame: messages, markers and the overlay."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.messages.expression import (
    MARKER_LIFETIME,
    to_expression_array,
    to_expression_stamped,
    to_marker_array,
)
from fer_fusion_ros.messages.image import array_to_image
from fer_fusion_ros.messages.qos import PUBLISHER_QOS
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.msg import ExpressionArray, ExpressionStamped
from fer_fusion_ros.nodes.settings import how_to_relieve
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.pipeline.overlay import draw_overlay

ENOUGH = 5.0
"""Readings of a face per second below which the processor is called too slow: some of them should
be in the time that is smoothed over."""

LONGEST_GAP = 10.0
"""Seconds between frames above which it is a pause, which tells nothing of the next frame."""


class ExpressionPublisher:
    """Topics `expression`, `expressions`, `markers` and `overlay/image` of a node."""

    def __init__(self, node: StageNode) -> None:
        self._node = node
        self._expression = node.advertise(ExpressionStamped, 'expression', PUBLISHER_QOS)
        self._expressions = node.advertise(ExpressionArray, 'expressions', PUBLISHER_QOS)
        self._markers = node.advertise(MarkerArray, 'markers', PUBLISHER_QOS)
        self._overlay = node.advertise(Image, 'overlay/image', PUBLISHER_QOS)
        self._marked: dict[str, Header] = {}
        self._published = time.monotonic()
        self._frames = 0
        self._faces = 0
        self._read = self._unread = self._skipped = 0
        self._reported = (time.monotonic(), 0, 0, 0)
        self._latencies: deque[float] = deque(maxlen=30)

    def publish(
        self, faces: Sequence[FaceExpression], headers: Mapping[str, Header], model: str
    ) -> None:
        """Publish the expressions of one frame.

        :param headers: capture stamp and optical frame by side; at least one.
        :param model: name and content hash of the networks.
        """
        header = headers.get('left') or headers['right']
        messages = []
        for face in faces:
            of_side = headers[face.side]
            age = self._node.age(stamp_to_ns(of_side.stamp))
            message = to_expression_stamped(face, of_side, age, model)
            self._expression.publish(message)
            self._read += bool(face.lenses)
            self._unread += not face.lenses
            self._skipped += face.skipped
            messages.append(message)
        self._expressions.publish(to_expression_array(header, messages))
        published, self._published = self._published, time.monotonic()
        if self._markers.get_subscription_count():
            gone = dict(self._marked)
            for message in messages:
                gone.pop(message.face_id, None)
            # Where frames are rare, a marker stays until the next one.
            gap = min(self._published - published, LONGEST_GAP)
            lifetime = max(MARKER_LIFETIME, 3 * gap)
            self._markers.publish(to_marker_array(messages, gone.items(), lifetime))
            self._marked = {message.face_id: message.header for message in messages}
        self._frames += 1
        self._faces = len(faces)
        self._latencies.append(self._node.age(stamp_to_ns(header.stamp)).nanoseconds * 1e-6)

    def problems(self) -> list[str]:
        """Return what is wrong since the last call."""
        counts = time.monotonic(), self._frames, self._read, self._skipped
        seconds, frames, read, skipped = (
            now - before for now, before in zip(counts, self._reported, strict=True)
        )
        self._reported = counts
        if not skipped:
            return []
        frame_rate = frames / seconds
        # Of a face, by its share in those of a frame that show one.
        rate = read / (read + skipped) * frame_rate
        if rate >= min(ENOUGH, frame_rate):
            return []
        return [
            f'each face is read only {rate:.1f} times per second, as the processor is too slow; '
            f'try {how_to_relieve(self._node)}'
        ]

    def values(self) -> dict[str, Any]:
        """Return figures for the diagnostics."""
        latencies = list(self._latencies)
        mean = f'{sum(latencies) / len(latencies):.1f}' if latencies else 'unknown'
        return {
            'frames out': self._frames,
            'faces': self._faces,
            'faces read': self._read,
            'faces only followed': self._unread,
            'latency (ms)': mean,
        }

    def overlay_wanted(self) -> bool:
        """Return whether anybody subscribes to the overlay."""
        return bool(self._overlay.get_subscription_count())

    def publish_overlay(
        self, image: np.ndarray, side: str, faces: Sequence[FaceExpression], header: Header
    ) -> None:
        """Draw the faces seen on a side on its image, and publish that."""
        drawn = draw_overlay(image, [face for face in faces if face.side == side])
        stamp = stamp_to_ns(header.stamp)
        self._overlay.publish(array_to_image(drawn, stamp, header.frame_id))
