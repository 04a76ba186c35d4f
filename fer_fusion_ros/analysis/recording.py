"""What the analysis reads from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.synchronisation.frame_set import FrameSet


class Moment(NamedTuple):
    """The frames of one moment, and what the user calls them."""

    name: str
    frame_set: FrameSet


class Recording(ABC):
    """Frames of up to four lenses, recorded before.

    :ivar lenses: names of the lenses; a moment may lack some of them.
    :ivar stills: each moment stands for itself: nothing is tracked or smoothed over time.
    """

    lenses: Sequence[str] = ()
    stills: bool = False

    @abstractmethod
    def models(self) -> Mapping[str, CameraModel]:
        """Return the calibration of each lens that has one."""

    @abstractmethod
    def __iter__(self) -> Iterator[Moment]:
        """Return the moments in the order of time."""

    def remarks(self) -> list[str]:
        """Return what the user should know of what was read last, a line each."""
        return []
