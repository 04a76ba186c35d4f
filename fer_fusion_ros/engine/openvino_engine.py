"""Run a network with OpenVINO, the fastest on a CPU."""

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino

from fer_fusion_ros.engine.engine import Engine


class OpenVinoEngine(Engine):
    """
    Run an ONNX file on the CPU.

    :param path: the ``.onnx`` file.
    :param threads: CPU threads; None for all cores.
    """

    name = 'openvino'

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(path)
        core = openvino.Core()
        model = core.read_model(path)
        if model.has_rt_info(['framework']):
            info = model.get_rt_info(['framework']).astype(dict)
            self.metadata = {key: value.astype(str) for key, value in info.items()}
        settings = {
            'PERFORMANCE_HINT': 'LATENCY',
            # Cores are shared with the ROS threads and other processes.
            'ENABLE_CPU_PINNING': False,
            # It would take bfloat16 where the processor has it, which is off by 1e-2.
            'INFERENCE_PRECISION_HINT': 'f32',
        }
        if threads:
            settings['INFERENCE_NUM_THREADS'] = threads
        self._request = core.compile_model(model, 'CPU', settings).create_infer_request()
        self._outputs = [output.get_any_name() for output in model.outputs]
        self._lock = threading.Lock()

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the network; see `Engine.run`."""
        with self._lock:
            results = self._request.infer(dict(inputs), share_inputs=True)
            return {name: results[name] for name in self._outputs}
