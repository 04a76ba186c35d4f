"""Run a network with torch, on CUDA where it is available."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

from fer_fusion_ros.engine.engine import Engine
from fer_fusion_ros.expression.pyconv_se18 import PyConvSE18
from fer_fusion_ros.fusion.generator import Generator


class TorchEngine(Engine):
    """
    Run one of the package's networks from its weights.

    From then on nothing in the process computes in TensorFloat-32, as torch has one switch for all
    threads.

    :param path: the ``.safetensors`` file; its metadata names the network's ``preset``.
    :param threads: CPU threads of the process; None for all cores.
    """

    name = 'torch'

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(path)
        with safe_open(path, 'pt') as file:
            self.metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        if threads:
            torch.set_num_threads(threads)
        # TensorFloat-32 would move probabilities by more than 1e-3.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        self._device = 'cuda' if torch.cuda.is_available() else 'cpu'
        if 'stem.0.weight' in weights:
            module: nn.Module = PyConvSE18(self.metadata['preset'])
            self._inputs, self._output = ('face',), 'logits'
        else:
            module = Generator.from_preset(self.metadata['preset'])
            self._inputs, self._output = ('ir', 'vis'), 'fused'
        module.load_state_dict(weights)
        self._module = module.eval().to(self._device, memory_format=torch.channels_last)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the network; see `Engine.run`."""
        with torch.inference_mode():
            tensors = [torch.from_numpy(inputs[name]).to(self._device) for name in self._inputs]
            return {self._output: self._module(*tensors).cpu().numpy()}
