"""Times of messages as whole nanoseconds and back."""

from __future__ import annotations

from typing import Any


def stamp_to_ns(stamp: Any) -> int:
    """Return a ``builtin_interfaces/Time`` in nanoseconds."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def set_stamp(stamp: Any, stamp_ns: int) -> None:
    """Set a ``builtin_interfaces/Time`` in place from nanoseconds."""
    stamp.sec, stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
