"""What every engine offers."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np


class Engine(ABC):
    """A loaded network: arrays in, arrays out.

    :ivar name: ``openvino``, ``onnxruntime`` or ``torch``.
    :ivar path: file the weights came from.
    :ivar model_hash: first 12 hexadecimal digits of the file's SHA-256.
    :ivar metadata: what the export recorded in the file (all strings).
    """

    name: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model_hash = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        self.metadata: dict[str, str] = {}

    @abstractmethod
    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the network.

        :param inputs: float32 arrays by input name; shapes may change from call to call.
        :return: float32 arrays by output name, owned by the caller.
        """
