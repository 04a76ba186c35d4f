"""How the light of the simulated room changes with time."""

import math
from itertools import pairwise

import numpy as np

from fer_fusion_ros.exceptions import RigError


class LightProgramme:
    """Light level as a function of time, from words such as ``'0:1.0 4:1.0 7:0.02'``.

    Between two moments the logarithm of the level changes evenly, as the eye sees it; before the
    first and after the last one the level stays.

    :param text: moments as ``seconds:level`` in the order of time; one level alone is constant.
    :raises RigError: when the text is no programme.
    """

    def __init__(self, text: str) -> None:
        try:
            moments = [
                (float(time), float(level))
                for time, level in (
                    word.split(':') if ':' in word else ('0', word) for word in text.split()
                )
            ]
        except ValueError:
            moments = []
        times = [time for time, _ in moments]
        rising = all(a < b for a, b in pairwise(times))
        if not moments or not rising or not all(map(math.isfinite, times)):
            raise RigError(
                f'{text!r} is no light programme; write one level, or rising seconds:level, '
                "such as '0:1.0 4:1.0 7:0.02'"
            )
        if not all(0.0 < level <= 1.0 for _, level in moments):
            raise RigError(f'{text!r}: a light level is over 0 (dark) and at most 1 (daylight)')
        self._times = times
        self._logarithms = [math.log(level) for _, level in moments]

    def __call__(self, t: float) -> float:
        """Return the light level at time ``t`` in seconds."""
        return math.exp(np.interp(t, self._times, self._logarithms))
