"""What every engine offers."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np

LARGEST_BATCH = 256
"""Images beyond which a batch is only more memory: 16,384 faces at once would take 11 GB."""


class Engine(ABC):
    """
    A loaded network: arrays in, arrays out; may be called from several threads.

    :param path: file with the weights.
    :ivar name: ``openvino``, ``onnxruntime`` or ``torch``.
    :ivar model_hash: first 12 hexadecimal digits of the file's SHA-256.
    :ivar metadata: what the export recorded in the file.
    """

    name: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model_hash = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        self.metadata: dict[str, str] = {}

    @abstractmethod
    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """
        Run the network.

        :param inputs: float32 arrays by input name; shapes may change from call to call.
        :return: float32 arrays by output name, owned by the caller.
        """

    def run_batch(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """
        Run the network on a batch whose size changes from call to call.

        Engines prepare themselves for each new shape, which takes them up to 100 ms. Here they
        only ever see batches of 1, 2, 4, 8, ... `LARGEST_BATCH` images.

        :param inputs: as for `run`, with the same first dimension.
        """
        count = len(next(iter(inputs.values())))
        parts, start = [], 0
        while start < count:
            size = min(1 << ((count - start).bit_length() - 1), LARGEST_BATCH)
            parts.append(self.run({k: v[start : start + size] for k, v in inputs.items()}))
            start += size
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
