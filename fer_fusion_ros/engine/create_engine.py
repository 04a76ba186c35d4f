"""Choose the engine that runs a network."""

from pathlib import Path

from fer_fusion_ros.engine.engine import Engine

ENGINES: tuple[str, ...] = ('auto', 'openvino', 'onnxruntime', 'torch')
"""Names that `create_engine` takes."""


def create_engine(
    model_path: str | Path, engine: str = 'auto', threads: int | None = None
) -> Engine:
    """Load a network.

    :param model_path: the ``.onnx`` file; 'torch' reads the ``.safetensors`` beside it.
    :param engine: one of `ENGINES`; 'auto' takes torch when CUDA is there and torch is
        installed, else OpenVINO, else ONNX Runtime, else torch.
    :param threads: CPU threads; None leaves it to the engine.
    :raises EngineError: if the engine or the file is missing; says how to get it.
    """
    raise NotImplementedError
