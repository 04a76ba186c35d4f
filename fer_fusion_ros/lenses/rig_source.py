"""One lens of the simulated rig as a source of images."""

from __future__ import annotations

import numpy as np

from fer_fusion_ros.lenses.frame_clock import FrameClock
from fer_fusion_ros.lenses.lens_source import LensSource
from fer_fusion_ros.lenses.rig import SimulatedRig


class RigSource(LensSource):
    """Show in real time what one lens of a `SimulatedRig` sees.

    :param rig: shared by the four lenses.
    :param start_ns: time 0 of the rig, in nanoseconds since 1970.
    """

    def __init__(self, lens: str, rig: SimulatedRig, start_ns: int) -> None:
        super().__init__(lens, 'rig')
        self._rig = rig
        self._clock = FrameClock(rig.fps, start_ns)

    def open(self) -> None:
        """Go on with the present moment."""
        self._clock.restart()

    def _read(self) -> tuple[np.ndarray, int]:
        index = self._clock.next()
        while (t := self._rig.frame_time(self.lens, index)) is None:
            # A frame that is lost takes its time too: the next one is not due any sooner.
            self._clock.wait_until(self._clock.stamp(index))
            index = self._clock.next()
        # Rendered ahead, so that it arrives when it is captured.
        image = self._rig.render(self.lens, t)
        stamp_ns = self._clock.start_ns + round(t * 1e9)
        self._clock.wait_until(stamp_ns)
        return image, stamp_ns

    def close(self) -> None:
        """Do nothing."""

    def cancel(self) -> None:
        """Let a `read` that waits end."""
        self._clock.cancel()
