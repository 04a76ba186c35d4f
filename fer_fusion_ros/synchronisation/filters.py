"""`message_filters` where it is installed, else our stand-in: the one place that asks."""

from typing import Any

try:
    from message_filters import ApproximateTimeSynchronizer, SimpleFilter
    from rclpy.time import Time
except ImportError:
    from dataclasses import dataclass

    from fer_fusion_ros.synchronisation.time_synchroniser import (
        ApproximateTimeSynchronizer,
        SimpleFilter,
    )

    @dataclass(frozen=True)
    class Time:  # type: ignore[no-redef]
        """The part of `rclpy.time.Time` that matching needs."""

        nanoseconds: int


class Stamped:
    """
    Make anything pass through the filters under a stamp of its own.

    :param content: what it is about.
    :param stamp_ns: nanoseconds.
    """

    __slots__ = ('content', 'stamp')

    def __init__(self, content: Any, stamp_ns: int) -> None:
        self.content = content
        self.stamp = Time(nanoseconds=stamp_ns)

    @property
    def header(self) -> 'Stamped':
        """Itself: the filters read ``header.stamp``."""
        return self


__all__ = ['ApproximateTimeSynchronizer', 'SimpleFilter', 'Stamped']
