"""Let CPUs compute an exported expression network in eight-bit integers."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fer_fusion_ros.exceptions import QuantisationError
from fer_fusion_ros.expression.classifier import softmax
from fer_fusion_ros.expression.data.faces import Faces, center_crops
from fer_fusion_ros.expression.data.modalities import Modalities

FACES = 512
"""Faces whose values tell the ranges."""

TOLERANCE = 0.02
"""Largest mean difference of a probability; the bundled weights' is 0.004."""

_BATCH = 8
"""Faces whose common range is averaged with those of the others: the range of all would be that of
the strangest, and leave few steps for the rest."""

_STRANGE = 2
"""Pictures of noise among them: what is taken for a face and is none keeps in range too."""

_OPERATORS = ['Conv', 'Relu', 'Concat', 'Slice', 'DepthToSpace']
"""Convolutions, and what hands their results on without calculating."""

_MODALITIES = Modalities(dim=0.25, infrared=0.25, fused=0.25)


def quantise(path: str | Path, faces: Faces, seed: int = 0) -> None:
    """
    Rewrite the ONNX file of an expression network so that its convolutions compute in integers.

    Each filter has a scale of its own; the ranges of what lies between the layers are the usual
    ones of `FACES` faces, shown in every modality, and of some noise. Weights are rounded to seven
    bits, as on CPUs without VNNI sums of two products of eight bits overflow.

    :param path: as `export_expression` writes it; replaced.
    :param faces: like those that the network was trained on; their labels are not used.
    :param seed: of the choice and of the modalities.
    :raises QuantisationError: if the probabilities of those faces change by more than `TOLERANCE`
        on average; the file then stays as it was.
    """
    rng = np.random.default_rng(seed)
    metadata = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    chosen = faces.images[rng.permutation(len(faces))[:FACES]].astype(np.float32) / 255
    crops = center_crops(_MODALITIES(chosen, rng), int(metadata['size']))[:, None]
    inputs = _normalised(crops, metadata)
    batches = np.split(inputs, range(_BATCH, len(inputs), _BATCH))
    noise = _noise(_STRANGE * len(batches), int(metadata['size']), rng)
    strange = np.split(_normalised(noise, metadata), len(batches))
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantised = (str(Path(folder) / name) for name in ('prepared', 'quantised'))
        quant_pre_process(str(path), prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantised,
            _Reader(np.concatenate(both) for both in zip(batches, strange, strict=True)),
            op_types_to_quantize=_OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={'CalibMovingAverage': True},
        )
        model = onnx.load(quantised)
        onnx.helper.set_model_props(model, metadata)
        _drop_unused_domains(model)
        before, after = _run(str(path), inputs), _run(quantised, inputs)
    change = float(np.abs(before - after).mean())
    if not change <= TOLERANCE:
        raise QuantisationError(
            f'In eight bits the probabilities of {faces.name} change by {change:.3f} on average, '
            f'more than {TOLERANCE:g}. Keep this network in floats.'
        )
    onnx.save(model, str(path))


def _normalised(crops: np.ndarray, metadata: Mapping[str, str]) -> np.ndarray:
    return (crops - np.float32(metadata['mean'])) / np.float32(metadata['std'])


def _noise(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise (count, 1, size, size) float32 in 0..1, from fine to coarse."""
    pictures = rng.random((count, size, size), np.float32)
    for picture in pictures:
        cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.1, 3.0), picture)
    return pictures[:, None]


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    # The quantiser names all operator sets that it knows; older ONNX Runtimes refuse those which
    # they do not.
    used = {node.domain for node in model.graph.node}
    kept = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


class _Reader(CalibrationDataReader):
    def __init__(self, batches: Iterator[np.ndarray]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {'face': batch}


def _run(path: str, inputs: np.ndarray) -> np.ndarray:
    session = InferenceSession(path, providers=['CPUExecutionProvider'])
    return softmax(session.run(None, {'face': inputs})[0])
