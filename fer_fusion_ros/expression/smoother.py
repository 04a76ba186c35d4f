"""Smooth the probabilities of each face over time."""

import math
from collections.abc import Collection

import numpy as np


class Smoother:
    """
    Average probabilities per face, recent frames weighing more.

    :param time_constant: seconds after which a change has come through by 63 %; 0 switches
        smoothing off.
    """

    def __init__(self, time_constant: float = 0.5) -> None:
        self._time_constant = time_constant
        self._faces: dict[str, tuple[np.ndarray, int, int]] = {}

    def update(self, face_id: str, probabilities: np.ndarray, stamp_ns: int) -> np.ndarray:
        """
        Take in the probabilities of a frame and return the smoothed ones.

        :param probabilities: (7,) float32.
        :param stamp_ns: capture stamp; a face's stamps never decrease between resets.
        :return: (7,) float32 that sums to 1.
        """
        smooth, count, last = self._faces.get(face_id, (probabilities, 0, stamp_ns))
        # A new face starts with the plain mean, lest its first frame weigh too much.
        weight = 1 / (count + 1)
        if self._time_constant > 0:
            weight = max(weight, -math.expm1((last - stamp_ns) * 1e-9 / self._time_constant))
        else:
            weight = 1.0
        smooth = smooth + np.float32(weight) * (probabilities - smooth)
        self._faces[face_id] = smooth, count + 1, stamp_ns
        return smooth

    def keep(self, face_ids: Collection[str]) -> None:
        """Forget all faces but these."""
        self._faces = {face: state for face, state in self._faces.items() if face in face_ids}

    def reset(self) -> None:
        """Forget all faces."""
        self._faces.clear()
