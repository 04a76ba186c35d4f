"""Export a trained generator for engines without PyTorch."""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fer_fusion_ros.exceptions import CheckpointError
from fer_fusion_ros.fusion.generator import PRESETS, Generator

#: Largest difference to PyTorch in [-1, 1] that an export may have: a hundredth of a grey level.
TOLERANCE = 1e-4


def load_checkpoint_generator(path: str | Path) -> tuple[Generator, str]:
    """Build the averaged generator of a training's checkpoint.

    :return: the generator in evaluation mode, and its preset.
    :raises CheckpointError: if the file is missing or not a checkpoint of a fusion training.
    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=False)
        preset = state['config']['preset']
        generator = Generator.from_preset(preset)
        generator.load_state_dict(state['ema']['network'])
    except Exception as error:
        raise CheckpointError(
            f'{path}: not a readable checkpoint of a fusion training ({error}).'
        ) from error
    return generator.eval(), preset


def load_generator(path: str | Path) -> Generator:
    """Build the generator of exported weights.

    :param path: a ``.safetensors`` file that `export_generator` wrote.
    :return: in evaluation mode.
    :raises CheckpointError: if the file is missing, or holds other weights.
    """
    try:
        with safe_open(path, 'pt') as file:
            generator = Generator.from_preset(file.metadata()['preset'])
            names = file.keys()
            generator.load_state_dict({name: file.get_tensor(name) for name in names})
    except Exception as error:
        raise CheckpointError(
            f'{path}: not exported weights of a fusion generator ({error}). '
            'Write them with `fer_fusion export-fusion`.'
        ) from error
    return generator.eval()


def export_generator(generator: Generator, preset: str, folder: str | Path) -> dict[str, str]:
    """Write ``fusion.safetensors`` and ``fusion.onnx``, and check both against PyTorch.

    The ONNX graph takes ``ir`` and ``vis`` and gives ``fused``, all (N, 1, H, W) float32 in
    [-1, 1] with free N, H and W. Both files carry the same metadata.

    :param preset: the generator's preset.
    :param folder: is made if needed.
    :return: SHA-256 of each file by its name.
    :raises CheckpointError: if an exported file gives another result.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    widths, fold = PRESETS[preset]
    metadata = {
        'model': 'fusion',
        'preset': preset,
        'widths': json.dumps(widths),
        'fold': str(fold),
        'range': '[-1, 1]',
    }
    weights, graph = folder / 'fusion.safetensors', folder / 'fusion.onnx'
    save_file(generator.state_dict(), weights, metadata)
    _write_onnx(generator, graph, metadata)
    _check(generator, weights, graph)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (weights, graph)}


def _write_onnx(generator: Generator, path: Path, metadata: dict[str, str]) -> None:
    size = {0: 'N', 2: 'H', 3: 'W'}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            generator,
            (torch.zeros(2, 1, 31, 43), torch.zeros(2, 1, 31, 43)),
            str(path),
            input_names=['ir', 'vis'],
            output_names=['fused'],
            dynamic_axes={'ir': size, 'vis': size, 'fused': size},
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def _check(generator: Generator, weights: Path, graph: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(graph), providers=['CPUExecutionProvider'])
    reloaded = load_generator(weights)
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 48, 64), (3, 1, 45, 37)):
        ir, vis = rng.uniform(-1, 1, (2, *shape)).astype(np.float32)
        with torch.no_grad():
            expected = generator(torch.from_numpy(ir), torch.from_numpy(vis)).numpy()
            again = reloaded(torch.from_numpy(ir), torch.from_numpy(vis)).numpy()
        (fused,) = session.run(['fused'], {'ir': ir, 'vis': vis})
        for path, result in ((weights, again), (graph, fused)):
            error = float(np.abs(result - expected).max())
            if error > TOLERANCE:
                raise CheckpointError(f'{path} differs from PyTorch by {error:.2g}.')
