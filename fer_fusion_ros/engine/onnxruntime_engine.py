"""Run a network with ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from fer_fusion_ros.engine.engine import Engine


class OnnxRuntimeEngine(Engine):
    """
    Run an ONNX file on the CPU.

    :param path: the ``.onnx`` file.
    :param threads: CPU threads; None for all cores.
    """

    name = 'onnxruntime'

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # Threads that wait for work by spinning would take the cores from the other stages.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=['CPUExecutionProvider']
        )
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the network; see `Engine.run`."""
        results = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, results, strict=True))
