"""Options that several verbs share are checked before the work."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

import pytest

from fer_fusion_ros.commands import evaluate_light, train_expression, train_fusion
from fer_fusion_ros.commands._options import make_folder
from fer_fusion_ros.commands.main import main

CONFIGS = Path(__file__).parents[2] / 'config' / 'training'


@pytest.mark.parametrize('verb_and_option', ['demo --seconds', 'demo --rate', 'demo --distance'])
@pytest.mark.parametrize('value', ['0', '-1', 'nan', 'inf', 'long'])
def test_the_demo_takes_positive_numbers(
    verb_and_option: str, value: str, capsys: pytest.CaptureFixture
) -> None:
    verb, option = verb_and_option.split()
    with pytest.raises(SystemExit) as end:
        main([verb, option, value])
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f'argument {option}: {value} is given; it must be a finite number above 0' in said


@pytest.mark.parametrize('value', ['-5', '2.5', 'all'])
def test_the_light_experiment_takes_a_count_of_faces(
    value: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as end:
        main(['evaluate-light', '--data', 'faces.npz', '--faces', value])
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f'argument --faces: {value} is given; it must be a whole number, 0 or more' in said


@pytest.mark.parametrize('verb', ['evaluate-expression', 'train-expression recipe'])
@pytest.mark.parametrize('value', ['10', '-1', 'first'])
def test_a_fold_is_one_of_ten(verb: str, value: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        main([*verb.split(), '--data', 'faces.npz', '--fold', value])
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f'argument --fold: {value} is given; give 0 to 9' in said


@pytest.mark.parametrize(
    ('words', 'needs'),
    [
        ('evaluate-light --data faces.npz', ['tqdm']),
        ('evaluate-expression --data faces.npz', ['tqdm']),
        ('evaluate-fusion --data pairs', ['tqdm']),
        ('demo', ['rclpy', 'rosbags']),
        (f'train-expression {CONFIGS}/expression.yaml --data faces.npz', ['lightning_fabric']),
        (f'train-fusion {CONFIGS}/fusion.yaml --data pairs', ['lightning_fabric']),
        ('export-expression best.ckpt --int8 faces.npz', ['lightning_fabric', 'onnx']),
        ('export-fusion best.ckpt', ['torch', 'onnx']),
    ],
)
def test_the_results_need_a_folder_before_the_work(
    words: str, needs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in needs:
        pytest.importorskip(name, reason=f'{name} is not installed')
    (tmp_path / 'file').touch()
    assert main([*words.split(), '--output', str(tmp_path / 'file')]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f'{tmp_path / "file"} cannot be used as a folder for results' in line


@pytest.mark.parametrize('kind', ['expression', 'fusion'])
def test_a_training_to_resume_is_there_before_the_data_are_read(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip('lightning_fabric', reason='lightning_fabric is not installed')
    train = [f'train-{kind}', f'{CONFIGS}/{kind}.yaml', '--data', 'none', '--resume', '--output']
    assert main([*train, str(tmp_path / 'run')]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'run/last.ckpt: no such checkpoint. Train without --resume to start one' in line
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    ('verb', 'words', 'option', 'values'),
    [
        (train_expression, 'recipe --data d', '--set', ['epochs=1', 'size=20']),
        (train_fusion, 'recipe --data d', '--set', ['epochs=1', 'patch=48']),
        (train_expression, 'recipe --data d', '--teacher', ['a.onnx', 'b.onnx']),
        (evaluate_light, '--data d', '--lights', [1.0, 0.1]),
        (evaluate_light, '--data d', '--distances', [2.0, 3.0]),
    ],
)
def test_an_option_may_be_repeated(
    verb: ModuleType, words: str, option: str, values: list
) -> None:
    for count in (2, 1):  # nothing of the first is left in the second
        parser = argparse.ArgumentParser()
        verb.add_arguments(parser)
        repeated = [word for value in values[:count] for word in (option, str(value))]
        given = vars(parser.parse_args([*words.split(), *repeated]))
        assert values[:count] in given.values()


def test_a_folder_for_results_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = make_folder(str(tmp_path / 'a' / 'b'))
    assert folder == make_folder(folder) == tmp_path / 'a' / 'b'
    assert list(folder.iterdir()) == []
