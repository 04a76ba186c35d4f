"""Group the frames of several lenses by capture stamp."""

from fer_fusion_ros.synchronisation.frame_set import Frame, FrameSet
from fer_fusion_ros.synchronisation.status import LensStatus, SynchroniserStatus
from fer_fusion_ros.synchronisation.synchroniser import Synchroniser

__all__ = ['Frame', 'FrameSet', 'LensStatus', 'Synchroniser', 'SynchroniserStatus']
