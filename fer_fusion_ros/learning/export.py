"""Write a trained network as safetensors and ONNX, and check both against PyTorch."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from fer_fusion_ros.exceptions import CheckpointError


def export_network(
    network: nn.Module,
    path: str | Path,
    inputs: Mapping[str, Mapping[int, str]],
    output: Mapping[str, Mapping[int, str]],
    examples: Sequence[tuple[Tensor, ...]],
    metadata: Mapping[str, str],
    tolerance: float,
    half: bool = False,
    traced: nn.Module | None = None,
    finish: Callable[[Path], None] | None = None,
) -> dict[str, str]:
    """
    Write a ``.safetensors`` and an ``.onnx`` file with the same metadata.

    Former files of these names stay until the new ones are complete and checked. The same network
    and metadata give the same files.

    :param network: in evaluation mode.
    :param path: of the ``.onnx`` file; the folder is made.
    :param inputs: for each input's name, its free dimensions by index.
    :param output: the same for the one output.
    :param examples: inputs of different sizes; the first is traced, all are compared.
    :param metadata: recorded in both files.
    :param tolerance: largest difference to PyTorch that the output may have.
    :param half: store the weights in half precision; engines still compute in float32.
    :param traced: an equal network in a form that suits engines better, for the ONNX file.
    :param finish: rewrites the checked ONNX file, given its temporary path.
    :return: SHA-256 of each file by its name.
    :raises CheckpointError: if an exported file gives another result.
    """
    path, metadata = Path(path), dict(sorted(metadata.items()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.export-', dir=path.parent) as folder:
        weights, graph = files = [
            Path(folder) / path.with_suffix(suffix).name for suffix in ('.safetensors', '.onnx')
        ]
        state = network.state_dict()
        kept = {name: _halve(value) if half else value for name, value in state.items()}
        weights.write_bytes(_safetensors(kept, metadata))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            torch.onnx.export(
                traced or network,
                examples[0],
                str(graph),
                input_names=list(inputs),
                output_names=list(output),
                dynamic_axes={name: dict(axes) for name, axes in {**inputs, **output}.items()},
                opset_version=17,
                # Factors of weights in half precision stay apart; engines multiply them.
                do_constant_folding=not half,
                dynamo=False,
            )
        model = onnx.load(str(graph))
        if half:
            _halve_initializers(model)
        onnx.helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(graph))
        _check(network, weights, graph, list(inputs), examples, tolerance)
        if finish:
            finish(graph)
        digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        for file in files:
            os.replace(file, path.parent / file.name)
    return digests


def _safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Return a file whose header keeps the metadata's order; safetensors shuffles it."""
    data = save({name: value.contiguous() for name, value in tensors.items()}, dict(metadata))
    size = int.from_bytes(data[:8], 'little')
    header = {**json.loads(data[8 : 8 + size]), '__metadata__': dict(metadata)}
    text = json.dumps(header, separators=(',', ':')).encode()
    # The format wants the tensors aligned to eight bytes.
    text += b' ' * (-len(text) % 8)
    return len(text).to_bytes(8, 'little') + text + data[8 + size :]


def _halve(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() and value.ndim > 1 else value


def _halve_initializers(model: onnx.ModelProto) -> None:
    """Store large weights in half precision and cast them when the model is loaded."""
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT or len(weight.dims) < 2:
            continue
        name, values = weight.name, onnx.numpy_helper.to_array(weight)
        weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f'{name}.half'))
        casts.append(
            onnx.helper.make_node('Cast', [weight.name], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@torch.no_grad()
def _check(
    network: nn.Module,
    weights: Path,
    graph: Path,
    names: Sequence[str],
    examples: Sequence[tuple[Tensor, ...]],
    tolerance: float,
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(graph), providers=['CPUExecutionProvider'])
    expected = [network(*example).numpy() for example in examples]
    own = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(load_file(weights))
    results = {weights: [network(*example).numpy() for example in examples]}
    network.load_state_dict(own)
    results[graph] = [
        session.run(None, {name: x.numpy() for name, x in zip(names, example, strict=True)})[0]
        for example in examples
    ]
    for path, values in results.items():
        error = max(float(np.abs(a - b).max()) for a, b in zip(values, expected, strict=True))
        if not error <= tolerance:
            raise CheckpointError(
                f'{path.name} differs from PyTorch by {error:.2g}, more than {tolerance:g}. '
                'Train longer if it was hardly trained, else try other versions of torch, onnx or '
                'onnxruntime.'
            )
