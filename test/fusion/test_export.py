import numpy as np
import pytest

torch = pytest.importorskip('torch')
onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')

from fer_fusion_ros.exceptions import CheckpointError, EngineError  # noqa: E402
from fer_fusion_ros.fusion import export  # noqa: E402
from fer_fusion_ros.fusion.generator import PRESETS, Generator, Shape  # noqa: E402
from fer_fusion_ros.learning.checkpoint import save_checkpoint  # noqa: E402


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp('exported')
    torch.manual_seed(0)
    generator = Generator.from_preset('realtime').eval()
    return folder, generator, export.export_generator(generator, 'realtime', folder)


def test_both_files_carry_what_the_network_is(exported):
    folder, _, digests = exported
    assert set(digests) == {'fusion.onnx', 'fusion.safetensors'}
    model = onnx.load(str(folder / 'fusion.onnx'))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    with export.safe_open(folder / 'fusion.safetensors', 'pt') as file:
        assert file.metadata() == metadata
    assert metadata['preset'] == 'realtime'
    assert metadata['fold'] == '2'
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert shapes == {name: ['N', 1, 'H', 'W'] for name in ('ir', 'vis', 'fused')}


@pytest.mark.parametrize('shape', [(1, 1, 31, 43), (4, 1, 44, 44), (1, 1, 47, 52)])
def test_onnx_and_safetensors_agree_with_pytorch(exported, shape):
    folder, generator, _ = exported
    ir, vis = np.random.default_rng(1).uniform(-1, 1, (2, *shape)).astype(np.float32)
    with torch.no_grad():
        expected = generator(torch.from_numpy(ir), torch.from_numpy(vis))
        loaded = export.load_generator(folder / 'fusion.safetensors')
        again = loaded(torch.from_numpy(ir), torch.from_numpy(vis))
    assert torch.equal(again, expected)
    session = onnxruntime.InferenceSession(str(folder / 'fusion.onnx'))
    (fused,) = session.run(None, {'ir': ir, 'vis': vis})
    np.testing.assert_allclose(fused, expected.numpy(), atol=export.TOLERANCE)


def test_an_export_loads_after_its_preset_has_changed(tmp_path, monkeypatch):
    shape = Shape((4, 4, 4, 4), fold=2)
    monkeypatch.setitem(PRESETS, 'realtime', shape)
    generator = Generator(shape).eval()
    export.export_generator(generator, 'realtime', tmp_path)
    monkeypatch.undo()
    loaded = export.load_generator(tmp_path / 'fusion.safetensors')
    image = torch.rand(1, 1, 20, 20)
    with torch.no_grad():
        assert torch.equal(loaded(image, -image), generator(image, -image))


def test_an_export_that_differs_is_refused(exported, tmp_path, monkeypatch):
    _, generator, _ = exported
    write = torch.onnx.export

    def write_other_weights(generator, *args, **kwargs):
        write(Generator.from_preset('realtime').eval(), *args, **kwargs)

    monkeypatch.setattr(torch.onnx, 'export', write_other_weights)
    with pytest.raises(CheckpointError, match=r'fusion\.onnx differs from PyTorch'):
        export.export_generator(generator, 'realtime', tmp_path)


def checkpoint(path, preset, generator):
    weights = generator.state_dict()
    state = {'config': {'preset': preset}, 'generator': weights, 'ema': {'network': weights}}
    save_checkpoint(path, state)
    return path


def test_of_several_checkpoints_the_mean_of_the_weights_is_taken(tmp_path):
    generators = [Generator.from_preset('realtime') for _ in range(3)]
    paths = [
        checkpoint(tmp_path / f'{n}.ckpt', 'realtime', generator)
        for n, generator in enumerate(generators)
    ]
    mean, preset = export.load_mean_generator(paths)
    assert preset == 'realtime'
    for name, value in mean.state_dict().items():
        expected = sum(generator.state_dict()[name] for generator in generators) / 3
        torch.testing.assert_close(value, expected)
    narrow = checkpoint(tmp_path / 'narrow.ckpt', 'narrow', Generator.from_preset('narrow'))
    with pytest.raises(CheckpointError, match=r'narrow\.ckpt holds the preset narrow'):
        export.load_mean_generator([paths[0], narrow])


def test_bundled_and_exported_weights_load_by_name_and_export_again(exported, tmp_path):
    folder, generator, digests = exported
    again, preset = export.load_mean_generator([folder / 'fusion.safetensors'])
    assert export.export_generator(again, preset, tmp_path) == digests
    bundled = export.load_generator('fusion').state_dict()
    assert bundled.keys() == generator.state_dict().keys()
    with pytest.raises(EngineError, match=r"no bundled weights 'fusio'; choose one of .*fusion"):
        export.load_generator('fusio')
    with pytest.raises(
        CheckpointError, match=r'expression\.safetensors: not exported weights of a '
    ):
        export.load_generator('expression')


def test_a_checkpoint_of_expressions_is_told_from_one_of_the_fusion(tmp_path):
    path = tmp_path / 'best.ckpt'
    save_checkpoint(path, {'config': {'preset': 'stride2'}, 'classes': (), 'ema': {}})
    told = (
        r'best\.ckpt: not a readable checkpoint of a fusion training \(it is not of such a train'
    )
    for load in (export.load_generator, export.load_checkpoint_generator):
        with pytest.raises(CheckpointError, match=told):
            load(path)


@pytest.mark.parametrize('load', [export.load_generator, export.load_checkpoint_generator])
def test_files_that_hold_no_generator_are_named(load, tmp_path):
    other = tmp_path / 'other.bin'
    for content in (None, b'something else'):
        if content:
            other.write_bytes(content)
        with pytest.raises(CheckpointError, match=r'other\.bin: not '):
            load(other)
