import importlib.util
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fer_fusion_ros.engine import WEIGHTS, Engine, create_engine
from fer_fusion_ros.engine.engine import LARGEST_BATCH
from fer_fusion_ros.exceptions import EngineError

NAMES = ('openvino', 'onnxruntime', 'torch')


@pytest.fixture(params=NAMES)
def name(request):
    pytest.importorskip(request.param)
    return request.param


def faces(count, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (count, 1, 44, 44)).astype(np.float32)


def softmax(logits):
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True)


def pairs(shape, seed=0):
    rng = np.random.default_rng(seed)
    return {key: rng.uniform(-1, 1, shape).astype(np.float32) for key in ('ir', 'vis')}


def test_engines_agree(name):
    pytest.importorskip('onnxruntime')
    first, second = (create_engine('fusion', engine, 1) for engine in ('onnxruntime', name))
    for shape in ((2, 1, 56, 56), (1, 1, 61, 45)):
        fused = second.run(pairs(shape))['fused']
        assert fused.shape == shape
        assert fused == pytest.approx(first.run(pairs(shape))['fused'], abs=1e-3)


def test_engines_nearly_agree_in_eight_bits(name):
    pytest.importorskip('onnxruntime')
    first, second = (create_engine('expression', engine, 1) for engine in ('onnxruntime', name))
    expected, actual = (
        softmax(engine.run({'face': faces(3)})['logits']) for engine in (first, second)
    )
    assert expected.shape == (3, 7)
    # Torch computes in floats; the others round alike.
    assert np.abs(actual - expected).mean() < (0.03 if name == 'torch' else 0.005)
    assert second.metadata['labels'] == first.metadata['labels']
    assert len(second.model_hash) == 12


def test_results_belong_to_the_caller(name):
    engine = create_engine(WEIGHTS / 'expression.onnx', name, 1)
    first = engine.run({'face': faces(1)})['logits']
    kept = first.copy()
    engine.run({'face': faces(1, seed=1)})
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(('count', 'runs'), [(1, 1), (2, 1), (3, 2), (7, 3), (12, 2), (600, 5)])
def test_batches_come_in_powers_of_two_up_to_a_limit(count, runs):
    class Noting(Engine):
        def run(self, inputs):
            sizes.append(len(inputs['face']))
            return {'double': inputs['face'] * 2}

    sizes = []
    doubled = Noting(WEIGHTS / 'expression.onnx').run_batch({'face': faces(count)})['double']
    assert np.array_equal(doubled, faces(count) * 2)
    assert sum(sizes) == count and all(size & (size - 1) == 0 for size in sizes)
    assert len(sizes) == runs and max(sizes) <= LARGEST_BATCH


def test_auto_takes_the_first_installed_and_imports_no_other():
    first = next(name for name in NAMES if importlib.util.find_spec(name))
    script = (
        'import sys; from fer_fusion_ros.engine import WEIGHTS, create_engine; '
        'engine = create_engine(WEIGHTS / "fusion.onnx"); '
        'cuda = "torch" in sys.modules and sys.modules["torch"].cuda.is_available(); '
        'print(engine.name, cuda, *(name for name in sys.argv[1:] if name in sys.modules))'
    )
    done = subprocess.run(
        [sys.executable, '-c', script, *NAMES], capture_output=True, text=True, check=True
    )
    name, cuda, *imported = done.stdout.split()
    assert name == ('torch' if cuda == 'True' else first)
    assert imported == [name]


def test_auto_runs_a_lone_onnx_file_where_there_is_cuda(tmp_path, monkeypatch):
    module = importlib.import_module('fer_fusion_ros.engine.create_engine')
    monkeypatch.setattr(module, '_can_use_cuda', lambda: True)
    engine = module.cpu_engine()
    lone = Path(shutil.copy(WEIGHTS / 'expression_stride2.onnx', tmp_path / 'mine.onnx'))
    assert create_engine(lone).name == engine
    with pytest.raises(EngineError, match=r'mine\.safetensors is missing'):
        create_engine(lone, 'torch')
    with pytest.raises(EngineError, match=r'absent\.onnx is missing'):
        create_engine(tmp_path / 'absent.onnx')
    pytest.importorskip('torch')
    shutil.copy(WEIGHTS / 'expression_stride2.safetensors', tmp_path / 'mine.safetensors')
    assert create_engine(lone).name == 'torch'


def test_auto_goes_on_without_a_torch_that_cannot_be_imported(tmp_path, monkeypatch, caplog):
    pytest.importorskip('safetensors')
    module = importlib.import_module('fer_fusion_ros.engine.create_engine')
    module._warn_of_torch.cache_clear()
    monkeypatch.setattr(module, '_CUDA_DRIVERS', (tmp_path,))
    (tmp_path / 'torch.py').write_text("raise OSError('libcudnn.so.8: cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'torch', raising=False)
    for name in ('fusion', 'expression'):
        assert create_engine(name).name == module.cpu_engine()
    (warning,) = caplog.messages
    assert 'cannot be imported (libcudnn.so.8: cannot open)' in warning


def test_torch_keeps_cudnn_but_computes_in_full_floats(monkeypatch):
    torch = pytest.importorskip('torch')
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    for flags in (convolutions, products):
        monkeypatch.setattr(flags, 'allow_tf32', True)
    engine = create_engine('fusion', 'torch', 1)
    seen = set()

    def look(*_):
        seen.add((convolutions.enabled, convolutions.allow_tf32, products.allow_tf32))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(engine.run, [pairs((1, 1, 8, 8))] * 30))
    hook.remove()
    assert seen == {(True, False, False)}
    assert convolutions.enabled


def test_bundled_weights_have_names(name):
    suffix = '.safetensors' if name == 'torch' else '.onnx'
    assert create_engine('fusion', name).path == WEIGHTS / f'fusion{suffix}'
    with pytest.raises(EngineError, match="no bundled weights 'fusoin'; choose one of exp"):
        create_engine('fusoin')


def test_errors_carry_their_cure(tmp_path, monkeypatch):
    with pytest.raises(EngineError, match='auto, openvino'):
        create_engine(WEIGHTS / 'fusion.onnx', 'tensorrt')
    with pytest.raises(EngineError, match=r'absent\.onnx is missing'):
        create_engine(tmp_path / 'absent.onnx')
    bad = tmp_path / 'bad.onnx'
    bad.write_bytes(b'not a network')
    for name in ('openvino', 'onnxruntime'):
        if importlib.util.find_spec(name):
            with pytest.raises(EngineError, match='export the weights again'):
                create_engine(bad, name)
    monkeypatch.setitem(sys.modules, 'openvino', None)
    monkeypatch.delitem(sys.modules, 'fer_fusion_ros.engine.openvino_engine', raising=False)
    with pytest.raises(EngineError, match='pip install openvino'):
        create_engine(WEIGHTS / 'fusion.onnx', 'openvino')
