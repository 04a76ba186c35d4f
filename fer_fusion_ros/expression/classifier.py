"""Classify face crops at run time."""

from pathlib import Path

import numpy as np


class Classifier:
    """Classify grey face crops with the expression network's weights.

    :param engine: one of `engine.create_engine.ENGINES`.
    :param weights: ONNX file; the bundled one when None.
    :param threads: CPU threads; None leaves it to the engine.
    :ivar model: name and content hash of the weights, such as ``expression-0123456789ab``.
    """

    def __init__(
        self, engine: str = 'auto', weights: str | Path | None = None, threads: int | None = None
    ) -> None:
        raise NotImplementedError

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """Return the probability of each expression.

        :param crops: (N, h, w) uint8 grey faces, framed as in FER2013.
        :return: (N, 7) float32 in the order of `labels.LABELS`; each row sums to 1.
        """
        raise NotImplementedError
