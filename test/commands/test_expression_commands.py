"""Train, resume, export and evaluate on a few real faces by the commands alone."""

import csv
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from fer_fusion_ros.commands.main import main
from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.expression.classifier import Classifier
from fer_fusion_ros.expression.data.load_faces import load_faces
from fer_fusion_ros.expression.evaluation_report import save_csv
from fer_fusion_ros.expression.export import export_expression, load_network
from fer_fusion_ros.expression.labels import CK_PLUS_LABELS, LABELS
from fer_fusion_ros.expression.light_experiment import LIGHTS, MODALITIES
from fer_fusion_ros.learning.checkpoint import load_checkpoint, save_checkpoint

CONFIG = Path(__file__).parents[2] / 'config' / 'training' / 'expression.yaml'


@pytest.fixture
def archive(shared_data, tmp_path):
    path = tmp_path / 'fer.npz'
    with np.load(shared_data / 'fer2013' / 'fer2013_train_public.npz') as whole:
        x, y = whole['public_x'][:40], whole['public_y'][:40]
    # The first four faces stand in both splits.
    np.savez(path, train_x=x[:24], train_y=y[:24], public_x=x[20:40], public_y=y[20:40])
    return path


def test_the_way_from_faces_to_figures(archive, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ['size=20', 'batch_size=8', 'precision=32-true', 'ema=0.5']
    train = ['train-expression', str(CONFIG), '--data', str(archive), '--output', 'run', '--set']
    assert main([*train, *settings, 'epochs=1']) == 0
    # Before the teacher looks at all faces, or is found not to be there.
    assert main([*train, *settings, 'soft_share=0.5', '--teacher', 'none.onnx']) == 1
    assert 'run/last.ckpt is of a training that this one would ov' in capsys.readouterr().err
    assert main([*train, *settings, 'epochs=2', '--resume']) == 0
    assert 'Best accuracy on the selection set' in capsys.readouterr().out
    assert len(Path('run/history.csv').read_text().splitlines()) == 3

    assert main(['export-expression', 'run/last.ckpt', '--output', 'weights']) == 0
    assert 'weights/expression.onnx' in capsys.readouterr().out

    figures = []
    for weights in ('run/last.ckpt', 'weights/expression.safetensors', 'weights/expression.onnx'):
        evaluate = ['evaluate-expression', '--data', str(archive), '--weights', weights]
        assert main([*evaluate, '--output', 'figures']) == 0
        out = capsys.readouterr().out
        assert 'without duplicates of training faces' in out and 'ten-crop' in out
        figures.append(json.loads(Path('figures/figures.json').read_text())['accuracy'])
    calibrate = ['evaluate-expression', '--data', str(archive), '--output', 'figures']
    assert main([*calibrate, '--calibrate']) == 0
    assert 'Temperature' in capsys.readouterr().out
    # Always sure of happy.
    assert main([*calibrate, '--calibrate', '--weights', 'run/last.ckpt']) == 1
    assert 'These faces tell no temperature' in capsys.readouterr().err
    assert [row['accuracy'] for row in figures[0]] == [row['accuracy'] for row in figures[1]]
    counts = {row['faces']: row['count'] for row in figures[0]}
    assert counts == {'all': 20, 'without duplicates of training faces': 16}

    further = [*train, *settings, 'epochs=1', 'soft_share=0.7', '--output', 'further']
    teacher = ['--start-from', 'weights/expression.safetensors', '--teacher']
    assert main([*further, *teacher, 'weights/expression.onnx']) == 0
    assert Path('further/last.ckpt').exists()


def test_an_export_keeps_the_temperature_unless_one_is_given(tmp_path, capsys):
    path = tmp_path / 'again.onnx'
    export = ['export-expression', 'expression_stride2', '--output', str(tmp_path)]
    export += ['--name', 'again']
    for wrong in ('0', '-1', 'nan', 'inf'):
        assert main([*export, '--temperature', wrong]) == 1
        assert 'it must be finite and above 0' in capsys.readouterr().err
    assert not path.exists()
    bundled = Classifier('onnxruntime', 'expression_stride2').temperature
    assert bundled != 1
    assert main(export) == 0
    assert Classifier('onnxruntime', path).temperature == bundled
    assert main([*export, '--temperature', '1.5']) == 0
    assert Classifier('onnxruntime', path).temperature == 1.5


@pytest.mark.usefixtures('quantise')
def test_an_export_computes_in_integers_if_asked(archive, tmp_path, capsys):
    export = ['export-expression', 'expression_stride2', '--int8', str(archive)]
    assert main([*export, '--name', 'integers', '--output', str(tmp_path)]) == 0
    path = tmp_path / 'integers.onnx'
    assert str(path) in capsys.readouterr().out
    assert b'QuantizeLinear' in path.read_bytes()


def test_the_light_experiment_goes_from_daylight_to_night(archive, tmp_path, capsys):
    data = ['evaluate-light', '--data', str(archive), '--faces', '3', '--output', str(tmp_path)]
    assert main(data) == 0
    with (tmp_path / 'light.csv').open() as file:
        rows = [(row['distance'], row['modality'], row['light']) for row in csv.DictReader(file)]
    assert rows == [
        (distance, modality, str(light))
        for distance in ('3.0', '3.5')
        for light in LIGHTS
        for modality in MODALITIES
    ]
    assert 'light is 1, dark is 0.005 of daylight' in capsys.readouterr().out
    assert (tmp_path / 'light.png').stat().st_size > 10_000
    odd = archive.rename(archive.with_name(os.fsdecode(b'f\xe9r.npz')))
    data[2] = str(odd)
    assert main([*data, '--distances', '2', '--lights', '0.1', '1']) == 0
    assert 'light is 1, dark is 0.1 of daylight' in capsys.readouterr().out
    assert r'f\udce9r.npz' in (tmp_path / 'light.md').read_text()
    assert len((tmp_path / 'light.csv').read_text().splitlines()) == 1 + 2 * len(MODALITIES)


def test_photographs_of_a_lens_adapt_the_bundled_network(
    archive, shared_data, tmp_path, capsys, monkeypatch, quantise
):
    photographs, recipe = shared_data / 'nir_faces', CONFIG.with_name('adaptation.yaml')
    data = ['--photographs', str(photographs), '--data', str(archive), '--output', str(tmp_path)]
    small = ['--set', 'known_faces=8', 'views=1', 'steps=2', 'folds=2']
    assert main(['adapt-expression', str(recipe), *data, *small]) == 0
    out, err = capsys.readouterr()
    assert 'warning: expression may have learned these photographs already' in err
    assert 'Before:' in out and 'each of 2 groups of people by a network without them' in out
    figures = json.loads((tmp_path / 'figures.json').read_text())['accuracy']
    assert {row['count'] for row in figures} == {66}
    weights = str(tmp_path / 'expression.onnx')
    assert b'QuantizeLinear' in Path(weights).read_bytes()
    evaluate = ['evaluate-expression', '--data', str(photographs), '--weights', weights]
    assert main([*evaluate, '--output', str(tmp_path / 'figures')]) == 0
    monkeypatch.setattr(quantise, 'TOLERANCE', 0.0)
    assert main(['adapt-expression', str(recipe), *data, *small, 'folds=0']) == 0
    assert 'warning: In eight bits the probabilities of' in capsys.readouterr().err
    assert b'QuantizeLinear' not in Path(weights).read_bytes()
    assert main(['adapt-expression', str(recipe), *data, '--set', 'folds=10']) == 1
    told = capsys.readouterr().err
    assert 'fewer than 10 subjects' in told and 'set folds to fewer' in told


def test_only_weights_that_know_the_photographs_are_warned_of(
    archive, shared_data, tmp_path, capsys
):
    lens = tmp_path / 'lens'
    lens.mkdir()
    with (shared_data / 'nir_faces' / 'labels.csv').open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        shutil.copyfile(shared_data / 'nir_faces' / row['file'], lens / row['file'])
        row['expression'] = LABELS[LABELS.index(row['expression']) - 1]
    save_csv(lens / 'labels.csv', rows)
    adapt = ['adapt-expression', str(CONFIG.with_name('adaptation.yaml')), '--data', str(archive)]
    adapt += ['--photographs', str(lens), '--output', str(tmp_path)]
    small = ['--set', 'known_faces=8', 'views=1', 'steps=1', 'folds=2']
    assert main([*adapt, '--weights', 'expression_stride2', *small]) == 0
    out, err = capsys.readouterr()
    assert 'Before:' in out and 'already' not in err


def test_errors_come_without_a_traceback(archive, tmp_path, capsys):
    data = ['--data', str(archive), '--output', str(tmp_path / 'run')]
    assert main(['train-expression', str(CONFIG), *data, '--set', 'epoch=1']) == 1
    assert 'unknown field epoch' in capsys.readouterr().err
    assert main(['train-expression', str(CONFIG), *data, '--teacher', 'weights.onnx']) == 1
    assert '--teacher has no effect while soft_share is 0' in capsys.readouterr().err
    assert main(['train-expression', str(CONFIG), *data, '--set', 'soft_share=0.7']) == 1
    assert 'soft labels need votes, a teacher, or both' in capsys.readouterr().err
    assert main(['train-expression', str(CONFIG), *data, '--set', 'soft_share=7']) == 1
    assert 'soft_share is 7.0; it must be in 0..1' in capsys.readouterr().err
    none = ['--data', str(tmp_path / 'none.npz'), *data[2:]]
    assert main(['train-expression', str(CONFIG), *none]) == 1
    assert 'none.npz: no such file' in capsys.readouterr().err
    spoilt = {'train_x': np.zeros((2, 48, 48), np.uint8), 'train_y': np.array([0, 9])}
    with np.load(archive) as whole:
        np.savez(tmp_path / 'spoilt.npz', **{**whole, **spoilt})
    assert main(['evaluate-expression', '--data', str(tmp_path / 'spoilt.npz'), *data[2:]]) == 0
    assert 'training split are not told apart: ' in capsys.readouterr().err
    assert main(['evaluate-expression', *data, '--split', 'private']) == 1
    assert 'no private_x' in capsys.readouterr().err


@pytest.fixture
def class_folders(tmp_path):
    """Return a folder with folders happy and sad, which are light and dark, of eight faces."""
    rng = np.random.default_rng(0)
    for name, level in (('happy', 200), ('sad', 20)):
        folder = tmp_path / 'faces' / name
        folder.mkdir(parents=True)
        for number in range(8):
            image = rng.integers(level, level + 40, (48, 48), np.uint8)
            cv2.imwrite(str(folder / f'{number}.png'), image)
    return tmp_path / 'faces'


@pytest.fixture
def trained_on(monkeypatch):
    """Return what the trainer is given: faces to train on, to select on."""
    given = []

    class Trainer:
        def __init__(self, config, train, select, *_):
            given[:] = train, select
            raise ConfigurationError('This is as far as this test goes.')

    monkeypatch.setattr('fer_fusion_ros.expression.train.Trainer', Trainer)
    return given


def test_a_limit_takes_every_expression(class_folders, tmp_path, trained_on):
    (tmp_path / 'select').mkdir()
    for name in ('happy', 'sad'):
        shutil.copytree(class_folders / name, tmp_path / 'select' / name)
        for path in (tmp_path / 'select' / name).iterdir():
            cv2.imwrite(str(path), 255 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    train = ['train-expression', str(CONFIG), '--data', str(class_folders), '--limit', '6']
    train += ['--output', str(tmp_path / 'run')]
    for _ in range(2):
        assert main([*train, '--select', str(tmp_path / 'select')]) == 1
        for faces in trained_on:
            assert len(faces) == 6
            assert {LABELS[label] for label in faces.labels} == {'happy', 'sad'}
        first, again = trained_on[0], load_faces(class_folders)
        # The same ones each time, with their labels.
        assert ((first.images.mean((1, 2)) > 128) == (first.labels == LABELS.index('happy'))).all()
        assert first.found_in(again).all()


def test_one_folder_to_train_and_select_on_says_what_to_give(class_folders, tmp_path, capsys):
    train = ['train-expression', str(CONFIG), '--data', str(class_folders)]
    assert main([*train, '--output', str(tmp_path / 'run')]) == 1
    told = capsys.readouterr().err
    assert 'none are left to train on; give --select, or folders train and test in it' in told


def test_every_form_of_weights_is_evaluated_on_its_own_labels(class_folders, tmp_path, capsys):
    (class_folders / 'sad').rename(class_folders / 'contempt')
    network, metadata = load_network('expression_stride2')
    export_expression(network, {**metadata, 'labels': ','.join(CK_PLUS_LABELS)}, tmp_path)
    evaluate = ['evaluate-expression', '--output', str(tmp_path / 'figures'), '--data']
    evaluate += [str(class_folders), '--weights']
    for suffix in ('onnx', 'safetensors'):
        assert main([*evaluate, str(tmp_path / f'expression.{suffix}')]) == 0
        assert '| contempt | 8 |' in capsys.readouterr().out
    assert main([*evaluate, 'expression_stride2']) == 1
    assert 'contempt' in capsys.readouterr().err


def test_the_light_experiment_wants_the_seven_expressions(class_folders, tmp_path, capsys):
    (class_folders / 'sad').rename(class_folders / 'contempt')
    light = ['evaluate-light', '--data', str(class_folders), '--output', str(tmp_path)]
    assert main(light) == 1
    told = capsys.readouterr().err
    assert 'contempt' in told and 'but the tables are of neutral' in told
    assert not (tmp_path / 'light.csv').exists()


def test_the_light_experiment_wants_a_network_of_these(
    class_folders, tmp_path, capsys, monkeypatch
):
    class Predictor:
        classes, size = CK_PLUS_LABELS, 44

        def __init__(self, *_):
            pass

    monkeypatch.setattr('fer_fusion_ros.expression.predictor.Predictor', Predictor)
    light = ['evaluate-light', '--data', str(class_folders), '--output', str(tmp_path)]
    assert main(light) == 1
    assert 'but the network tells' in capsys.readouterr().err


def test_without_best_weights_it_points_to_the_last(archive, tmp_path, capsys):
    train = ['train-expression', str(CONFIG), '--data', str(archive), '--output', str(tmp_path)]
    train += ['--set', 'size=20', 'batch_size=8', 'precision=32-true', 'epochs=1']
    assert main(train) == 0
    state = load_checkpoint(tmp_path / 'last.ckpt')
    save_checkpoint(tmp_path / 'last.ckpt', {**state, 'best': -np.inf})
    capsys.readouterr()
    assert main([*train, '--resume']) == 0
    told = capsys.readouterr().out
    assert 'no best weights yet' in told and f'{tmp_path}/last.ckpt' in told and 'inf' not in told


def test_votes_have_the_effect_that_their_weight_asks_for(archive, tmp_path, capsys):
    np.savez(tmp_path / 'votes.npz', train_votes=np.ones((24, 10)))
    train = ['train-expression', str(CONFIG), '--data', str(archive), '--output', str(tmp_path)]
    train += ['--votes', str(tmp_path / 'votes.npz')]
    assert main([*train, '--set', 'size=20', 'batch_size=8', 'epochs=1']) == 0
    assert 'no effect' not in capsys.readouterr().out


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['--folds', 'subject'], '--folds has no effect without --fold'),
        (['--fold', '0', '--select', 'faces'], '--select has no effect beside --fold'),
    ],
)
def test_options_without_an_effect_are_refused(archive, capsys, words, told):
    assert main(['train-expression', str(CONFIG), '--data', str(archive), *words]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize('name', ['', 'out/expression'])
def test_an_export_wants_a_name_without_a_folder(tmp_path, capsys, name):
    export = ['export-expression', 'expression_stride2', '--output', str(tmp_path)]
    assert main([*export, '--name', name]) == 1
    assert f'--name is {name!r}; give a name without a slash' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
