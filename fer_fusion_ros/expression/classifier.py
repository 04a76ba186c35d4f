"""Classify face crops at run time."""

import math
from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.engine import create_engine
from fer_fusion_ros.exceptions import EngineError
from fer_fusion_ros.expression.labels import LABELS


class Classifier:
    """
    Classify grey face crops with the expression network's weights.

    The weights' metadata says how crops are prepared: ``size``, ``mean`` and ``std`` of pixels
    in 0..1, and the ``temperature`` by which the logits are divided.

    :param engine: one of `engine.ENGINES`.
    :param weights: ONNX file, or the bare name of bundled weights; `expression` when None.
    :param threads: CPU threads; None or 0 for all cores.
    :param labels: which the network must tell; None for whichever it does.
    :raises EngineError: if the engine or the weights are missing or bad.
    :ivar model: name and content hash of the weights, such as ``expression-0123456789ab``.
    :ivar size: height and width in pixels that the network takes.
    :ivar temperature: by which the logits are divided.
    :ivar labels: names of the probabilities.
    """

    def __init__(
        self,
        engine: str = 'auto',
        weights: str | Path | None = None,
        threads: int | None = None,
        labels: tuple[str, ...] | None = LABELS,
    ) -> None:
        self._engine = create_engine(weights or 'expression', engine, threads)
        self.model = f'{self._engine.path.stem}-{self._engine.model_hash}'
        try:
            metadata = self._engine.metadata
            self.size = int(metadata['size'])
            mean, std = float(metadata['mean']), float(metadata['std'])
            self.temperature = float(metadata['temperature'])
            self.labels = tuple(metadata['labels'].split(','))
        except (KeyError, ValueError) as error:
            raise EngineError(
                f'{self._engine.path} is no expression network, or lacks metadata ({error}): '
                'name another file, or export the weights again'
            ) from error
        if not 0 < self.temperature < math.inf:
            raise EngineError(
                f'{self._engine.path}: its temperature is {self.temperature:g}, but must be '
                'finite and above 0; export the weights again with another --temperature'
            )
        if labels and self.labels != labels:
            raise EngineError(
                f'{self._engine.path} is for the labels {self.labels}, not {labels}; train it for '
                'them'
            )
        tones = (np.arange(256) / 255 - mean) / std
        self._to_network = tones.astype(np.float32).reshape(1, 256)

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """
        Return the probability of each expression.

        :param crops: (N, h, w) uint8 grey faces, framed as the central 44 of FER2013's 48 pixels.
        :return: (N, 7) float32 in the order of `labels`; each row sums to 1.
        :raises ValueError: if the crops are of another shape or type.
        """
        if crops.ndim != 3 or crops.dtype != np.uint8:
            raise ValueError(
                f'crops are {crops.dtype} of shape {crops.shape}; give (N, h, w) uint8'
            )
        if len(crops) == 0:
            return np.empty((0, len(self.labels)), np.float32)
        size = (self.size, self.size)
        if crops.shape[1:] != size:
            crops = np.stack([cv2.resize(c, size, interpolation=cv2.INTER_AREA) for c in crops])
        faces = cv2.LUT(crops.reshape(-1, self.size), self._to_network)
        faces = faces.reshape(-1, 1, self.size, self.size)
        return softmax(self._engine.run_batch({'face': faces})['logits'] / self.temperature)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities (N, C) of logits (N, C)."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
