"""The beat of sources that have none of their own."""

from __future__ import annotations

import logging
import threading
import time

from fer_fusion_ros.exceptions import LensError

_logger = logging.getLogger(__name__)


class FrameClock:
    """Says when which frame is due: frame ``i`` at ``start + i / rate``.

    Sources with the same start and rate stay in step, also when one of them was away.

    :param rate: frames per second.
    :param start_ns: when frame 0 is due, in nanoseconds since 1970.
    """

    AHEAD_NS = 1_000_000_000
    """The start never lies further ahead, in nanoseconds, unless the clock was set back."""

    BACKLOG = 4
    """Frames that may be late before some are left out, as in the buffers of a camera driver."""

    def __init__(self, rate: float, start_ns: int) -> None:
        self.rate = rate
        self.start_ns = start_ns
        # The same moment by a clock that nobody sets.
        self._steady_start_ns = time.monotonic_ns() + start_ns - time.time_ns()
        self._last = -1
        self._cancelled = threading.Event()

    def restart(self) -> None:
        """Go on from the present moment, with no frame that was shown before.

        When the system's clock was set back to before the start, the start moves along.
        """
        now = time.time_ns()
        if self.start_ns > now + self.AHEAD_NS:
            # By the steady clock, so that sources that restart one by one stay in step.
            elapsed = time.monotonic_ns() - self._steady_start_ns
            self.start_ns = now - max(elapsed, -self.AHEAD_NS)
        # The last frame lies in the future when the clock was set back.
        self._last = max(min(self._last, self._due()), -1)

    def next(self) -> int:
        """Return the number of the next frame; waits for nothing."""
        due = self._due()
        self._last = due if self._last + self.BACKLOG < due else self._last + 1
        return self._last

    def _due(self) -> int:
        return int((time.time_ns() - self.start_ns) * self.rate / 1e9)

    def stamp(self, index: int) -> int:
        """Return when a frame is due, in nanoseconds since 1970."""
        return self.start_ns + round(index * 1e9 / self.rate)

    def wait_until(self, stamp_ns: int) -> None:
        """Wait until it is ``stamp_ns``.

        :raises LensError: when the system's clock was set back, or after `cancel`.
        """
        left = (stamp_ns - time.time_ns()) / 1e9
        if left > 2 / self.rate + 1:
            raise LensError(f'the clock of this computer was set back by about {left:.0f} s')
        if self._cancelled.wait(max(left, 0)):
            raise LensError('stopped')

    def cancel(self) -> None:
        """End the present and all later waits."""
        self._cancelled.set()


class Rounds:
    """How often recordings that are played in step start again: when the shortest has ended.

    Each one by itself would leave them out of step after the first round.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._told = False

    def note(self, lens: str, frames: int, rate: float) -> None:
        """Take note of how long a lens's recording is."""
        self._seconds[lens] = frames / rate
        shortest, longest = min(self._seconds.values()), max(self._seconds.values())
        if longest - shortest > 0.5 / rate and not self._told:
            self._told = True
            _logger.warning(
                'the recordings are between %.2f and %.2f s long; all start again when the '
                'shortest has ended. Cut them to one length, or set loop to false',
                shortest,
                longest,
            )

    def place(self, index: int, rate: float) -> int:
        """Return which frame of a recording is the one that the clock counts as ``index``."""
        if not self._seconds:
            return index
        return index % max(round(min(self._seconds.values()) * rate), 1)
