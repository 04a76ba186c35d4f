"""Exported weights say the same as the checkpoint, in every engine, and how to feed them."""

import hashlib
import sys

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch')
onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')

from fer_fusion_ros.engine import WEIGHTS  # noqa: E402
from fer_fusion_ros.exceptions import CheckpointError, EngineError, QuantisationError  # noqa: E402
from fer_fusion_ros.expression import export  # noqa: E402
from fer_fusion_ros.expression.data.faces import Faces, center_crops  # noqa: E402
from fer_fusion_ros.expression.data.fer2013 import load_fer2013  # noqa: E402
from fer_fusion_ros.expression.export import export_expression, load_network  # noqa: E402
from fer_fusion_ros.expression.labels import LABELS  # noqa: E402
from fer_fusion_ros.expression.predictor import Predictor  # noqa: E402
from fer_fusion_ros.expression.train import ExpressionConfig, Trainer  # noqa: E402
from fer_fusion_ros.learning.checkpoint import save_checkpoint  # noqa: E402


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    rng = np.random.default_rng(0)
    faces = Faces('noise', rng.integers(0, 256, (8, 48, 48), np.uint8), np.arange(8) % 7)
    config = ExpressionConfig(size=20, epochs=1, batch_size=8, precision='32-true', mean=0.4)
    trainer = Trainer(config, faces, faces, tmp_path_factory.mktemp('training'))
    trainer.fit()
    return trainer.last


@pytest.fixture(scope='module')
def exported(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp('exported')
    network, metadata = load_network(checkpoint)
    metadata['temperature'] = '1.5'
    return folder, export_expression(network, metadata, folder)


def test_all_forms_of_the_weights_agree(checkpoint, exported):
    folder, _ = exported
    crops = np.random.default_rng(1).integers(0, 256, (5, 20, 20), np.uint8)
    forms = [folder / 'expression.onnx', folder / 'expression.safetensors']
    predictors = [Predictor(path, 'onnxruntime', 1) for path in forms]
    probabilities = [predict(crops) for predict in predictors]
    np.testing.assert_allclose(probabilities[0], probabilities[1], atol=2e-3)
    np.testing.assert_allclose(probabilities[0].sum(1), 1, rtol=1e-5)
    for predict in predictors:
        assert (predict.size, predict.temperature, predict.classes) == (20, 1.5, LABELS)
    # Dividing the logits by 1.5 is what tells the export from the checkpoint.
    raw = Predictor(checkpoint)(crops) ** (1 / 1.5)
    np.testing.assert_allclose(probabilities[1], raw / raw.sum(1, keepdims=True), atol=2e-3)


def test_the_metadata_tell_how_to_prepare_faces(exported):
    folder, hashes = exported
    session = onnxruntime.InferenceSession(str(folder / 'expression.onnx'))
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata == load_network(folder / 'expression.safetensors')[1]
    assert metadata['labels'] == ','.join(LABELS)
    assert (metadata['size'], metadata['mean'], metadata['std']) == ('20', '0.4', '0.255')
    for name, digest in hashes.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert {'expression.onnx', 'expression.safetensors'} == set(hashes)


def test_eight_bits_say_nearly_the_same(checkpoint, exported, tmp_path, monkeypatch, quantise):
    network, metadata = load_network(checkpoint)
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.integers(0, 256, (48, 48, 40), np.uint8), (9, 9), 3)
    faces = Faces('smooth', smooth.transpose(2, 0, 1).copy(), np.arange(40) % 7)
    hashes = export_expression(network, metadata, tmp_path, 'small', faces)
    path = tmp_path / 'small.onnx'
    assert hashlib.sha256(path.read_bytes()).hexdigest() == hashes['small.onnx']
    assert b'QuantizeLinear' in path.read_bytes()
    crops = faces.images[:, 14:34, 14:34]
    expected = Predictor(tmp_path / 'small.safetensors')(crops)
    for engine in ('onnxruntime', 'openvino'):
        pytest.importorskip(engine)
        predict = Predictor(path, engine, 1)
        assert (predict.size, predict.temperature) == (20, 1.0)
        assert np.abs(predict(crops) - expected).mean() < 0.01
    path = exported[0] / 'expression.onnx'
    kept = path.read_bytes()
    monkeypatch.setattr(quantise, 'TOLERANCE', 0.0)
    with pytest.raises(QuantisationError, match=r'In eight bits .* of smooth'):
        quantise.quantise(path, faces)
    assert path.read_bytes() == kept


def test_an_onnxruntime_too_old_for_eight_bits_is_told(checkpoint, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, 'fer_fusion_ros.expression.quantise', raising=False)
    monkeypatch.setitem(sys.modules, 'onnxruntime.quantization.shape_inference', None)
    faces = Faces('noise', np.zeros((8, 48, 48), np.uint8), np.arange(8) % 7)
    with pytest.raises(QuantisationError, match='take a newer ONNX Runtime than this one'):
        export_expression(*load_network(checkpoint), tmp_path, faces=faces)
    assert not list(tmp_path.iterdir())


def test_what_fails_its_check_replaces_nothing(checkpoint, tmp_path, monkeypatch, quantise):
    network, metadata = load_network(checkpoint)
    rng = np.random.default_rng(0)
    faces = Faces('noise', rng.integers(0, 256, (8, 48, 48), np.uint8), np.arange(8) % 7)
    export_expression(network, metadata, tmp_path)
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
    other = {**metadata, 'temperature': '2.0'}
    monkeypatch.setattr(quantise, 'TOLERANCE', 0.0)
    with pytest.raises(QuantisationError, match=r'In eight bits .* of noise .* Keep'):
        export_expression(network, other, tmp_path, faces=faces)
    monkeypatch.setattr(export, 'TOLERANCE', -1.0)
    with pytest.raises(CheckpointError, match='differs from PyTorch'):
        export_expression(network, other, tmp_path)
    assert kept == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize('name', ['expression', 'small'])
def test_the_same_network_gives_the_same_files(checkpoint, tmp_path, name, request):
    if name == 'small':
        request.getfixturevalue('quantise')
    rng = np.random.default_rng(0)
    faces = Faces('noise', rng.integers(0, 256, (8, 48, 48), np.uint8), np.arange(8) % 7)
    hashes = []
    for order in (1, -1):
        network, metadata = load_network(checkpoint)
        metadata = dict([*metadata.items()][::order])
        integers = faces if name == 'small' else None
        hashes.append(export_expression(network, metadata, tmp_path, name, integers))
    assert hashes[0] == hashes[1]
    assert load_network(tmp_path / f'{name}.safetensors')[1] == metadata
    # Older ONNX Runtimes refuse operators that they do not know, also where none is used.
    assert [each.domain for each in onnx.load(tmp_path / f'{name}.onnx').opset_import] == ['']


def test_other_files_are_refused(tmp_path):
    path = tmp_path / 'expression.safetensors'
    path.write_bytes(b'nothing')
    with pytest.raises(CheckpointError, match=r'expression\.safetensors: not exported weights'):
        load_network(path)
    with pytest.raises(CheckpointError, match=r'none\.ckpt: not a readable checkpoint'):
        load_network(tmp_path / 'none.ckpt')
    path = tmp_path / 'fusion.ckpt'
    save_checkpoint(path, {'config': {'preset': 'realtime'}, 'generator': {}, 'ema': {}})
    told = r'fusion\.ckpt: not a readable .* expression training \(it is not of such a training\)'
    with pytest.raises(CheckpointError, match=told):
        load_network(path)
    with pytest.raises(EngineError, match="no bundled weights 'fusoin'"):
        load_network('fusoin')


@pytest.mark.parametrize('name', ['expression', 'expression_stride2'])
def test_both_bundled_files_hold_the_same_network(name):
    noise = np.random.default_rng(1).integers(0, 256, (44, 44, 8), np.uint8)
    crops = np.ascontiguousarray(cv2.GaussianBlur(noise, (9, 9), 2).transpose(2, 0, 1))
    onnx, torch_ = (
        Predictor(WEIGHTS / f'{name}.{suffix}', 'onnxruntime', 1)
        for suffix in ('onnx', 'safetensors')
    )
    assert np.abs(onnx(crops) - torch_(crops)).mean() < 0.02
    assert onnx.temperature == torch_.temperature and onnx.size == torch_.size == 44


@pytest.mark.parametrize('name', ['expression', 'expression_stride2'])
def test_in_integers_the_bundled_networks_say_of_faces_what_they_say_in_floats(shared_data, name):
    faces = load_fer2013(shared_data / 'fer2013' / 'fer2013_train_public.npz', 'public')
    crops = center_crops(faces.images[:300], 44)
    integers, floats = (
        Predictor(WEIGHTS / f'{name}.{suffix}', 'onnxruntime', 1)(crops)
        for suffix in ('onnx', 'safetensors')
    )
    assert np.abs(integers - floats).mean() < 0.005
    assert (integers.argmax(1) == floats.argmax(1)).mean() > 0.97


@pytest.mark.parametrize('name', ['expression', 'expression_stride2'])
def test_bundled_weights_in_floats_say_the_same_in_every_engine(name, tmp_path):
    export_expression(*load_network(name), tmp_path)
    crops = np.random.default_rng(1).integers(0, 256, (3, 44, 44), np.uint8)
    expected = Predictor(tmp_path / 'expression.onnx', 'onnxruntime', 1)(crops)
    for engine in ('openvino', 'torch'):
        pytest.importorskip(engine)
        actual = Predictor(tmp_path / 'expression.onnx', engine, 1)(crops)
        np.testing.assert_allclose(actual, expected, atol=1e-3)
