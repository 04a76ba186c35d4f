"""Stand-in for the part of `message_filters` that we use, for machines without it."""

import threading
from collections.abc import Callable, Sequence
from typing import Any


class SimpleFilter:
    """Pass messages on to whoever registered."""

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callable[..., None], tuple[Any, ...]]] = {}

    def registerCallback(self, cb: Callable[..., None], *args: Any) -> int:
        """Call ``cb`` with each output followed by ``args``; return the connection's number."""
        self.callbacks[len(self.callbacks)] = (cb, args)
        return len(self.callbacks) - 1

    def signalMessage(self, *msg: Any) -> None:
        """Pass a message, or the messages of a set, to all callbacks."""
        for cb, args in self.callbacks.values():
            cb(*msg, *args)


class ApproximateTimeSynchronizer(SimpleFilter):
    """
    Group messages whose stamps are close, as the class of this name in `message_filters` does.

    A message completes a set when every other queue holds one close enough; among several the
    closest to the new message is taken.

    :param fs: one filter for each stream.
    :param queue_size: messages kept per stream; the oldest is dropped first.
    :param slop: seconds; the stamps of a set span less than this.
    """

    def __init__(self, fs: Sequence[SimpleFilter], queue_size: int, slop: float) -> None:
        super().__init__()
        self.queue_size = queue_size
        self.slop_ns = int(slop * 1e9)
        self.queues: list[dict[int, Any]] = [{} for _ in fs]
        self.lock = threading.Lock()
        for index, upstream in enumerate(fs):
            upstream.registerCallback(self.add, index)

    def add(self, msg: Any, index: int) -> None:
        """Take in a message of stream ``index``; its ``header.stamp`` is ROS's or rclpy's."""
        stamp = _nanoseconds(msg.header.stamp)
        with self.lock:
            queue = self.queues[index]
            queue[stamp] = msg
            while len(queue) > self.queue_size:
                del queue[min(queue)]
            if stamp not in queue:  # it was the oldest
                return
            candidates = [
                [stamp] if i == index else self._close(other, stamp)
                for i, other in enumerate(self.queues)
            ]
            stamps = self._choose(candidates, stamp, stamp)
            if stamps is not None:
                pairs = list(zip(self.queues, stamps, strict=True))
                self.signalMessage(*(queue[s] for queue, s in pairs))
                for queue, s in pairs:
                    del queue[s]

    def _close(self, queue: dict[int, Any], stamp: int) -> list[int]:
        close = [s for s in queue if abs(s - stamp) <= self.slop_ns]
        return sorted(close, key=lambda s: abs(s - stamp))

    def _choose(self, candidates: list[list[int]], first: int, last: int) -> list[int] | None:
        # The first combination, in the order of the candidates, that spans less than the slop.
        if not candidates:
            return []
        for stamp in candidates[0]:
            low, high = min(first, stamp), max(last, stamp)
            if high - low < self.slop_ns:
                rest = self._choose(candidates[1:], low, high)
                if rest is not None:
                    return [stamp, *rest]
        return None


def _nanoseconds(stamp: Any) -> int:
    if hasattr(stamp, 'nanoseconds'):
        return stamp.nanoseconds
    return stamp.sec * 1_000_000_000 + stamp.nanosec
