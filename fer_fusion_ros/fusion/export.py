"""Export a trained generator for engines without PyTorch."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from fer_fusion_ros.engine import weights_file
from fer_fusion_ros.exceptions import CheckpointError
from fer_fusion_ros.fusion.generator import Generator, Shape
from fer_fusion_ros.learning.checkpoint import read_checkpoint
from fer_fusion_ros.learning.export import export_network

#: Largest difference to PyTorch in [-1, 1] that an export may have: a hundredth of a grey level.
TOLERANCE = 1e-4


def load_checkpoint_generator(path: str | Path) -> tuple[Generator, str]:
    """Build the averaged generator of a training's checkpoint.

    :return: the generator in evaluation mode, and its preset.
    :raises CheckpointError: if the file is missing or not a checkpoint of a fusion training.
    """
    try:
        state = read_checkpoint(path, ('config', 'generator', 'ema'))
        preset = state['config']['preset']
        generator = Generator.from_preset(preset)
        generator.load_state_dict(state['ema']['network'])
    except Exception as error:
        raise CheckpointError(
            f'{path}: not a readable checkpoint of a fusion training ({error}).'
        ) from error
    return generator.eval(), preset


def load_mean_generator(paths: Sequence[str | Path]) -> tuple[Generator, str]:
    """Build the generator whose weights are the mean of several.

    Between two states of one training the mean trades the figures of one against the other's; of
    separate trainings it means nothing.

    :param paths: of weights of one preset, see `load_generator`.
    :return: the generator in evaluation mode, and its preset.
    :raises CheckpointError: as `load_generator`, and if the presets differ.
    :raises EngineError: as `load_generator`.
    """
    (generator, preset), *others = [_load(path) for path in paths]
    for path, (_, other) in zip(paths[1:], others, strict=True):
        if other != preset:
            raise CheckpointError(
                f'{path} holds the preset {other}, but {paths[0]} {preset}; their mean is none.'
            )
    states = [generator.state_dict(), *(other.state_dict() for other, _ in others)]
    generator.load_state_dict(
        {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
    )
    return generator, preset


def load_generator(path: str | Path) -> Generator:
    """Build the generator of a checkpoint or of exported weights.

    :param path: a ``.ckpt`` file of a training, a ``.safetensors`` file that `export_generator`
        wrote, or the bare name of bundled weights.
    :return: in evaluation mode.
    :raises CheckpointError: if the file is missing, or holds other weights.
    :raises EngineError: if a bare name is not one of the bundled weights'.
    """
    return _load(path)[0]


def _load(path: str | Path) -> tuple[Generator, str]:
    """Do as `load_generator` does; return the preset too."""
    path = weights_file(path, '.safetensors')
    if path.suffix == '.ckpt':
        return load_checkpoint_generator(path)
    try:
        with safe_open(path, 'pt') as file:
            metadata = file.metadata()
            preset = metadata['preset']
            # Not the preset's, which may have been another.
            shape = Shape(*(json.loads(metadata[name]) for name in Shape._fields))
            generator = Generator(shape)
            names = file.keys()
            generator.load_state_dict({name: file.get_tensor(name) for name in names})
    except Exception as error:
        raise CheckpointError(
            f'{path}: not exported weights of a fusion generator ({error}). '
            'Write them with `fer_fusion export-fusion`.'
        ) from error
    return generator.eval(), preset


def export_generator(generator: Generator, preset: str, folder: str | Path) -> dict[str, str]:
    """Write ``fusion.safetensors`` and ``fusion.onnx``, and check both against PyTorch.

    The ONNX graph takes ``ir`` and ``vis`` and gives ``fused``, all (N, 1, H, W) float32 in
    [-1, 1] with free N, H and W. Both files carry the same metadata.

    :param preset: the generator's preset.
    :param folder: is made if needed.
    :return: SHA-256 of each file by its name.
    :raises CheckpointError: if an exported file gives another result.
    """
    metadata = {
        'model': 'fusion',
        'preset': preset,
        **{name: json.dumps(value) for name, value in generator.shape._asdict().items()},
        'range': '[-1, 1]',
    }
    rng = np.random.default_rng(0)
    examples = [
        tuple(torch.from_numpy(rng.uniform(-1, 1, shape).astype(np.float32)) for _ in range(2))
        for shape in ((2, 1, 31, 43), (1, 1, 48, 64), (3, 1, 45, 37))
    ]
    size = {0: 'N', 2: 'H', 3: 'W'}
    return export_network(
        generator,
        Path(folder) / 'fusion.onnx',
        {'ir': size, 'vis': size},
        {'fused': size},
        examples,
        metadata,
        TOLERANCE,
    )
