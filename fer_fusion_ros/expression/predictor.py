"""Classify face crops with any form of the expression network's weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_fusion_ros.expression.classifier import Classifier, softmax

if TYPE_CHECKING:
    from torch import nn

Predict = Callable[[np.ndarray], np.ndarray]
"""Maps crops (N, size, size) uint8 to probabilities (N, 7) float32."""


class Predictor:
    """
    Classify with bundled or other ONNX weights, or with a training's checkpoint.

    :param weights: `.onnx`, `.safetensors` or `.ckpt` file, or the bare name of bundled weights;
        `expression` when None.
    :param engine: one of `engine.ENGINES`, for ONNX files; the others need torch.
    :param threads: CPU threads; None or 0 for all cores.
    :raises FerFusionError: if the weights or the engine are missing or bad.
    :ivar size: height and width in pixels of the crops.
    :ivar temperature: by which the logits are divided.
    :ivar classes: names of the probabilities.
    """

    def __init__(
        self, weights: str | Path | None = None, engine: str = 'auto', threads: int | None = None
    ) -> None:
        if weights is None or Path(weights).suffix in ('', '.onnx'):
            classifier = Classifier(engine, weights, threads, labels=None)
            self._predict: Predict = classifier.predict
            self.size, self.temperature = classifier.size, classifier.temperature
            self.classes = classifier.labels
            return
        import torch

        from fer_fusion_ros.expression.export import load_network

        if threads:
            torch.set_num_threads(threads)
        network, metadata = load_network(weights)
        network = network.to('cuda' if torch.cuda.is_available() else 'cpu')
        network = network.to(memory_format=torch.channels_last)
        self.size, self.temperature = int(metadata['size']), float(metadata['temperature'])
        self.classes = tuple(metadata['labels'].split(','))
        self._predict = predict_with(network, metadata)

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """
        Return the probability of each expression.

        :param crops: (N, size, size) uint8, framed as FER2013's.
        :return: (N, 7) float32 in the order of `classes`; each row sums to 1.
        """
        return self._predict(np.ascontiguousarray(crops))


def predict_with(network: nn.Module, metadata: Mapping[str, str]) -> Predict:
    """
    Return what maps crops to a network's probabilities in PyTorch.

    :param network: maps (n, 1, size, size) to (n, C) logits; put in evaluation mode.
    :param metadata: as `load_network` returns it: mean and std of the pixels, temperature.
    """
    from fer_fusion_ros.expression.train import predict_logits

    mean, std, temperature = (float(metadata[name]) for name in ('mean', 'std', 'temperature'))
    return lambda crops: softmax(predict_logits(network, crops, mean, std) / temperature)
