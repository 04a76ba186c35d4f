"""Let a node say what the core warns of."""

import logging

from fer_fusion_ros.nodes.stage_node import StageNode


class CoreLog(logging.Handler):
    """
    Log the package's warnings as those of a node, until it is closed.

    The core knows no ROS and uses Python's own logging, which is not on ``/rosout``.
    """

    def __init__(self, node: StageNode) -> None:
        super().__init__(logging.WARNING)
        self._node = node
        self._logger = logging.getLogger('fer_fusion_ros')
        self._logger.addHandler(self)
        self._logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record, but the same not again and again."""
        text = self.format(record)
        self._node.complain(text, text)

    def close(self) -> None:
        """Log no more."""
        self._logger.removeHandler(self)
        self._logger.propagate = not self._logger.handlers
        super().close()
