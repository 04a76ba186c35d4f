"""Export a trained expression network for engines without PyTorch."""

from pathlib import Path

import torch
from safetensors import safe_open

from fer_fusion_ros.engine import weights_file
from fer_fusion_ros.exceptions import CheckpointError, QuantisationError
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.pyconv_se18 import PyConvSE18
from fer_fusion_ros.expression.train import ExpressionConfig
from fer_fusion_ros.expression.vectorise import vectorise
from fer_fusion_ros.learning.checkpoint import read_checkpoint
from fer_fusion_ros.learning.config import build_config
from fer_fusion_ros.learning.export import export_network

#: Largest difference of a logit that an export may have; half precision weights cost the most.
TOLERANCE = 0.05


def load_checkpoint_network(path: str | Path) -> tuple[PyConvSE18, dict[str, str]]:
    """
    Build the averaged network of a training's checkpoint.

    :return: the network in evaluation mode, and its metadata as an export records it, with a
        temperature of 1.
    :raises CheckpointError: if the file is missing or not a checkpoint of such a training.
    """
    try:
        state = read_checkpoint(path, ('config', 'classes', 'ema'))
        config = build_config(state['config'], ExpressionConfig, str(path))
        network = PyConvSE18(config.preset)
        network.load_state_dict(state['ema']['network'])
    except Exception as error:
        raise CheckpointError(
            f'{path}: not a readable checkpoint of an expression training ({error}).'
        ) from error
    metadata = {
        'model': 'expression',
        'name': f'PyConv-SE18 {config.preset}',
        'preset': config.preset,
        'labels': ','.join(state['classes']),
        'size': str(config.size),
        'mean': str(config.mean),
        'std': str(config.std),
        'temperature': '1.0',
    }
    return network.eval(), metadata


def load_network(path: str | Path) -> tuple[PyConvSE18, dict[str, str]]:
    """
    Build the network of a checkpoint or of exported weights.

    :param path: a `.ckpt` file of a training, a `.safetensors` file that `export_expression`
        wrote, or the bare name of bundled weights.
    :return: the network in evaluation mode, and its metadata.
    :raises CheckpointError: if the file is missing, or holds other weights.
    :raises EngineError: if a bare name is not one of the bundled weights'.
    """
    path = weights_file(path, '.safetensors')
    if path.suffix == '.ckpt':
        return load_checkpoint_network(path)
    try:
        with safe_open(path, 'pt') as file:
            metadata = file.metadata()
            network = PyConvSE18(metadata['preset'])
            names = file.keys()
            network.load_state_dict({name: file.get_tensor(name) for name in names})
    except Exception as error:
        raise CheckpointError(
            f'{path}: not exported weights of an expression network ({error}). '
            'Write them with `fer_fusion export-expression`.'
        ) from error
    return network.eval(), metadata


def export_expression(
    network: PyConvSE18,
    metadata: dict[str, str],
    folder: str | Path,
    name: str = 'expression',
    faces: Faces | None = None,
) -> dict[str, str]:
    """
    Write ``<name>.safetensors`` and ``<name>.onnx``, and check both against PyTorch.

    The ONNX graph takes ``face`` (N, 1, size, size) float32, pixels in 0..1 less ``mean`` and
    divided by ``std``, and gives ``logits`` (N, 7) with N free; it holds the network as
    `vectorise` computes it. Weights are stored in half precision. The metadata of both files say
    how to prepare faces, and the temperature by which to divide the logits.

    :param network: in evaluation mode.
    :param metadata: as `load_network` returns it.
    :param folder: is made if needed.
    :param name: of the files.
    :param faces: if given, the ONNX graph computes in eight-bit integers, see `quantise`.
    :return: SHA-256 of each file by its name.
    :raises CheckpointError: if an exported file gives another result.
    :raises QuantisationError: if its answers suffer too much from eight bits, or the ONNX Runtime
        here cannot make it so; nothing is written.
    """
    size = int(metadata['size'])
    generator = torch.Generator().manual_seed(0)
    examples = [(torch.randn(n, 1, size, size, generator=generator),) for n in (2, 1, 5)]

    def finish(path: Path) -> None:
        if faces is not None:
            try:
                from fer_fusion_ros.expression.quantise import quantise
            except ImportError as error:
                raise QuantisationError(
                    f'Integers of eight bits take a newer ONNX Runtime than this one ({error}).'
                ) from error
            quantise(path, faces)

    return export_network(
        network,
        Path(folder) / f'{name}.onnx',
        {'face': {0: 'N'}},
        {'logits': {0: 'N'}},
        examples,
        metadata,
        TOLERANCE,
        half=True,
        traced=vectorise(network),
        finish=finish,
    )
