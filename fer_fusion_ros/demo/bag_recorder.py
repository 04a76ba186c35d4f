"""Record topics into a bag, where `ros2 bag record` may be missing."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ament_index_python import get_package_share_directory
from rclpy.node import Node
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from fer_fusion_ros.messages.qos import PUBLISHER_QOS, SUBSCRIBER_QOS

if TYPE_CHECKING:
    from rosbags.interfaces import Typestore

# As offered by this package's publishers (PUBLISHER_QOS), so that a player offers the same.
_FOREVER = QosTime(9223372036, 854775807)
_OFFERED = Qos(
    QosHistory.KEEP_LAST,
    PUBLISHER_QOS.depth,
    QosReliability.RELIABLE,
    QosDurability.VOLATILE,
    _FOREVER,
    _FOREVER,
    QosLiveliness.AUTOMATIC,
    _FOREVER,
    False,
)


class BagRecorder:
    """Write what comes on some topics to a new bag (rosbag2, mcap), as it came.

    :param node: whose subscriptions are used; spin it.
    :param path: folder of the bag; must not exist.
    :param topics: message class by topic.
    """

    def __init__(self, node: Node, path: Path, topics: Mapping[str, type]) -> None:
        self.counts: Counter[str] = Counter()
        """Messages received, by topic."""
        self._writer = Writer(path, version=8, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        types = typestore()
        for topic, message_type in topics.items():
            self._record(node, topic, message_type, types)

    def close(self) -> None:
        """Finish the bag."""
        self._writer.close()

    def _record(self, node: Node, topic: str, message_type: type, types: Typestore) -> None:
        name = f'{message_type.__module__.split(".")[0]}/msg/{message_type.__name__}'
        connection = self._writer.add_connection(
            topic, name, typestore=types, offered_qos_profiles=[_OFFERED]
        )

        def on_message(data: bytes) -> None:
            self.counts[topic] += 1
            self._writer.write(connection, time.time_ns(), data)

        node.create_subscription(message_type, topic, on_message, SUBSCRIBER_QOS, raw=True)


def typestore() -> Typestore:
    """Return the messages of this ROS distribution and of this package, for `rosbags`."""
    try:
        store = Stores(f'ros2_{os.environ.get("ROS_DISTRO", "")}')
    except ValueError:
        store = Stores.LATEST
    types = get_typestore(store)
    for path in Path(get_package_share_directory('fer_fusion_ros'), 'msg').glob('*.msg'):
        text = path.read_text(encoding='utf-8')
        types.register(get_types_from_msg(text, f'fer_fusion_ros/msg/{path.stem}'))
    return types
