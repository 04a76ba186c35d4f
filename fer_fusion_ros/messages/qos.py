"""Quality of service of this package's topics, after REP-2003.

`nodes.stage_node.StageNode` creates topics with these, lets parameters override them and
reports partners whose policies do not fit.
"""

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

PUBLISHER_QOS = QoSProfile(
    reliability=ReliabilityPolicy.RELIABLE, history=HistoryPolicy.KEEP_LAST, depth=10
)
"""Of everything published: reliable, so that it also suits those who ask for it; on /diagnostics
as diagnostic_updater does."""

IMAGE_SUBSCRIBER_QOS = QoSProfile(
    reliability=ReliabilityPolicy.BEST_EFFORT, history=HistoryPolicy.KEEP_LAST, depth=5
)
"""Of images and calibrations received (REP-2003's sensor data): hears any publisher."""

SUBSCRIBER_QOS = QoSProfile(
    reliability=ReliabilityPolicy.RELIABLE, history=HistoryPolicy.KEEP_LAST, depth=10
)
"""Of everything else received: results, of which none should be lost."""
