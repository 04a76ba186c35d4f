"""How much of a frame can be read in the time there is."""

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from statistics import fmean, median

_FRAMES = 30
"""Frames over which times are taken together."""

_ENOUGH = 8
"""Frames from which on times are known."""

_LONGEST = 0.5
"""Seconds between two frames above which it is a pause, and counts as so much."""

_WAIT = 0.01
"""Seconds after which a frame has had to wait."""

_WARY = 90
"""Frames for which the time is minded after one had to wait, or was not read in full."""

_SHARE = 0.95
"""Of the time between two frames, within which one is to be done."""


class Pace:
    """
    Tells how many face crops can be read in a frame so that frames are done as fast as they come.

    Whatever works off frames reports to it: each frame that has come, when it begins one, what
    reading the crops took, and when it is done. As long as no frame has to wait for the one before
    it, everything can be read; and where the time suffices on the whole, also after a hiccup.

    :param clock: seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._arrivals: deque[float] = deque(maxlen=_FRAMES + 1)
        self._searches: deque[float] = deque(maxlen=_FRAMES)
        self._crops: deque[float] = deque(maxlen=_FRAMES)
        self._ends: deque[float] = deque(maxlen=_FRAMES)
        self._wary = 0
        self._began = self._found = self._read = 0.0
        self._span = 0.0  # that a frame's work may take on average
        self._due = 0.0  # when the frame is to be done, to be as fast as they come

    def arrive(self) -> None:
        """Note that a frame has come; from any thread."""
        self._arrivals.append(self._clock())

    def begin(self, waiting: int) -> None:
        """
        Begin a frame.

        :param waiting: how many have come after it already.
        """
        self._began, self._found, self._read = self._clock(), 0.0, 0.0
        arrivals = list(self._arrivals)
        arrived = arrivals[max(-1 - waiting, -len(arrivals))]
        # Some come in bursts; then the time is that up to the next burst.
        self._span = _SHARE * _mean_gap(arrivals)
        self._due = max(arrived, self._due) + self._span
        waited = waiting > 0 or self._began - arrived > _WAIT
        self._wary = _WARY if waited else max(self._wary - 1, 0)

    def allow(self, wanted: int) -> int:
        """Return how many crops to read, at least 1, of those that have been found and wanted."""
        self._found = self._clock()
        self._searches.append(self._found - self._began)
        allowed = self._bearable(wanted) if self._wary else wanted
        if allowed < wanted:
            self._wary = _WARY
        return allowed

    def read(self, crops: int) -> None:
        """Note that crops have been read since `allow`."""
        self._read = self._clock()
        if crops:
            self._crops.append((self._read - self._found) / crops)

    def end(self) -> None:
        """Note that the frame is done."""
        if self._read:
            self._ends.append(self._clock() - self._read)

    def _bearable(self, wanted: int) -> int:
        if min(map(len, (self._arrivals, self._crops, self._ends))) < _ENOUGH:
            return wanted
        # Medians, as the first frame and a hiccup take many times as long; searches are uneven.
        crop, end = median(self._crops), median(self._ends)
        if fmean(self._searches) + wanted * crop + end <= self._span:
            return wanted
        return min(max(round((self._due - end - self._found) / crop), 1), wanted)


def _mean_gap(arrivals: list[float]) -> float:
    gaps = [min(b - a, _LONGEST) for a, b in pairwise(arrivals)]
    return fmean(gaps) if gaps else 0.0
