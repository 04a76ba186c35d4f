"""What the analysis reads from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.synchronisation.frame_set import FrameSet


class Moment(NamedTuple):
    """The frames of one moment, and what the user calls them."""

    name: str
    frame_set: FrameSet


class Recording(ABC):
    """Frames of up to four lenses, recorded before.

    :ivar stills: each moment stands for itself: nothing is tracked or smoothed over time.
    """

    stills: bool = False

    @abstractmethod
    def models(self) -> Mapping[str, CameraModel]:
        """Return the calibration of each lens that has one."""

    @abstractmethod
    def __iter__(self) -> Iterator[Moment]:
        """Return the moments in the order of time."""
