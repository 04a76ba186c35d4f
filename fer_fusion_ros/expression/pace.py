"""How much of a frame can be read in the time there is."""

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from statistics import fmean, median

_FRAMES = 15
"""Frames over which times are taken together."""

_WARY = 90
"""Frames for which the time is minded after one had to wait, or was not read in full."""

_SHARE = 0.95
"""Of the time between two frames, within which one is to be done."""


class Pace:
    """
    Tells how many face crops can be read in a frame so that it is done when the next one comes.

    Whatever works off frames reports to it: each frame that has come, when it begins one, what
    reading the crops took, and when it is done. As long as no frame has to wait for the one before
    it, everything can be read; and where the time suffices on the whole, also after a hiccup.

    :param clock: seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._arrivals: deque[float] = deque(maxlen=_FRAMES + 1)
        self._crops: deque[float] = deque(maxlen=_FRAMES)
        self._ends: deque[float] = deque(maxlen=_FRAMES)
        self._searches: deque[float] = deque(maxlen=_FRAMES)
        self._wary = 0
        self._arrived = self._began = self._found = self._read = 0.0

    def arrive(self) -> None:
        """Note that a frame has come; from any thread."""
        self._arrivals.append(self._clock())

    def begin(self, waiting: int) -> None:
        """
        Begin a frame.

        :param waiting: how many have come after it already.
        """
        self._wary = _WARY if waiting else max(self._wary - 1, 0)
        arrivals = list(self._arrivals)
        self._arrived = arrivals[max(-1 - waiting, -len(arrivals))]
        self._began, self._found, self._read = self._clock(), 0.0, 0.0

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
        arrivals = list(self._arrivals)
        if len(arrivals) <= _FRAMES or len(self._crops) < _FRAMES:
            return wanted
        # Medians, as the first frame and a hiccup take many times as long; searches are uneven.
        interval = median(b - a for a, b in pairwise(arrivals))
        crop, rest = median(self._crops), interval * _SHARE - median(self._ends)
        if fmean(self._searches) + wanted * crop <= rest:
            return wanted
        left = self._arrived + rest - self._found
        return min(max(round(left / crop), 1), wanted)
