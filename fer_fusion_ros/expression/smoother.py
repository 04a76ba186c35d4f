"""Smooth the probabilities of each face over time."""

import numpy as np


class Smoother:
    """Average probabilities per face, recent frames weighing more.

    :param time_constant: seconds after which a change has come through by 63 %; 0 switches
        smoothing off.
    """

    def __init__(self, time_constant: float = 0.5) -> None:
        raise NotImplementedError

    def update(self, face_id: str, probabilities: np.ndarray, stamp_ns: int) -> np.ndarray:
        """Take in the probabilities of a frame and return the smoothed ones.

        :param probabilities: (7,) float32.
        :param stamp_ns: capture stamp; a face's stamps never decrease between resets.
        :return: (7,) float32 that sums to 1.
        """
        raise NotImplementedError

    def keep(self, face_ids: set[str]) -> None:
        """Forget all faces but these."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all faces."""
        raise NotImplementedError
