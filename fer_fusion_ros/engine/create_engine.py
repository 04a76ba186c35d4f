"""Choose the engine that runs a network."""

import functools
import importlib
import importlib.util
import logging
from pathlib import Path

from fer_fusion_ros.engine.engine import Engine
from fer_fusion_ros.exceptions import EngineError

_logger = logging.getLogger(__name__)

ENGINES: tuple[str, ...] = ('auto', 'openvino', 'onnxruntime', 'torch')
"""Names that `create_engine` takes."""

WEIGHTS: Path = Path(__file__).resolve().parent.parent / 'weights'
"""Folder of the weights that come with the package."""

_CLASSES = {
    'openvino': 'OpenVinoEngine',
    'onnxruntime': 'OnnxRuntimeEngine',
    'torch': 'TorchEngine',
}

_CUDA_DRIVERS = ('/proc/driver/nvidia/version', '/dev/nvhost-ctrl', '/dev/dxg')
"""One of these exists where NVIDIA's driver runs: on a PC, on a Jetson, under Windows."""


def create_engine(
    model_path: str | Path, engine: str = 'auto', threads: int | None = None
) -> Engine:
    """
    Load a network.

    :param model_path: the ``.onnx`` file, or the bare name of bundled weights, such as
        ``expression_stride2``; 'torch' reads the ``.safetensors`` beside it.
    :param engine: one of `ENGINES`; 'auto' takes torch where it can use a CUDA device and finds
        its file, else the first that is installed of OpenVINO, ONNX Runtime and torch.
    :param threads: CPU threads; None or 0 for all cores.
    :raises EngineError: if the engine or the file is missing or bad; says what to do.
    """
    if engine not in ENGINES:
        raise EngineError(f'engine is {engine!r}; choose one of {", ".join(ENGINES)}')
    path = weights_file(model_path)
    weights = path.parent / f'{path.stem}.safetensors'
    name = engine
    if engine == 'auto':
        name = 'torch' if weights.is_file() and _can_use_cuda() else cpu_engine()
    if name == 'torch':
        path = weights
    if not path.is_file():
        raise EngineError(f'{path} is missing; name the weights of a training, or install again')
    try:
        module = importlib.import_module(f'fer_fusion_ros.engine.{name}_engine')
    except ImportError as error:
        raise EngineError(
            f'the engine {name!r} needs what is not installed ({error}); '
            f'pip install {error.name or name}, or choose another engine'
        ) from error
    except Exception as error:
        # Such as OpenVINO's, for a user without a home folder.
        raise EngineError(
            f'the engine {name!r} cannot start ({error}); choose another engine'
        ) from error
    try:
        return getattr(module, _CLASSES[name])(path, threads)
    except Exception as error:
        # Each library has its own errors for a file that it cannot read.
        raise EngineError(
            f'{name} cannot load {path} ({error}); export the weights again'
        ) from error


def weights_file(name: str | Path, suffix: str = '.onnx') -> Path:
    """
    Return the file that is meant by a path, or by the bare name of bundled weights.

    :param suffix: of the bundled file.
    :raises EngineError: if a bare name is not one of the bundled weights'.
    """
    path = Path(name).expanduser()
    if path.suffix or path.name != str(path):
        return path
    bundled = sorted(file.stem for file in WEIGHTS.glob(f'*{suffix}'))
    if path.name not in bundled:
        raise EngineError(
            f'there are no bundled weights {path.name!r}; choose one of {", ".join(bundled)}, '
            'or name a file'
        )
    return WEIGHTS / f'{path.name}{suffix}'


def cpu_engine() -> str:
    """
    Return the name of the engine that 'auto' takes where it does not use a CUDA device.

    :raises EngineError: if none is installed.
    """
    for name in _CLASSES:
        if importlib.util.find_spec(name) is not None:
            return name
    raise EngineError(
        'no engine is installed to run the networks; pip install openvino, with '
        '--break-system-packages where pip refuses it for the Python of ROS'
    )


def _can_use_cuda() -> bool:
    # Importing torch takes seconds and hundreds of megabytes: only where it may be of use.
    if not any(Path(driver).exists() for driver in _CUDA_DRIVERS):
        return False
    if any(importlib.util.find_spec(name) is None for name in ('torch', 'safetensors')):
        return False
    try:
        import torch
    except (ImportError, OSError) as error:  # such as libraries of CUDA that do not fit
        _warn_of_torch(str(error))
        return False
    return torch.cuda.is_available()


@functools.cache
def _warn_of_torch(reason: str) -> None:
    """Warn once of each reason."""
    _logger.warning(
        'PyTorch is installed but cannot be imported (%s); going on without CUDA. Install it '
        'again, for the CUDA of this computer, or remove it',
        reason,
    )
