"""Under torchrun, one process speaks for all."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from fer_fusion_ros.fusion.pairs import SPLITS, Pair

CONFIGS = Path(__file__).parents[2] / 'config' / 'training'


def _expression(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    path = folder / 'fer.npz'
    x, y = rng.integers(0, 256, (24, 48, 48), np.uint8), np.arange(24) % 7
    np.savez(path, train_x=x[:16], train_y=y[:16], public_x=x[16:], public_y=y[16:])
    small = ['size=20', 'batch_size=8', 'precision=32-true', 'epochs=1']
    recipe = str(CONFIGS / 'expression.yaml')
    return ['train-expression', recipe, '--data', str(path), '--set', *small]


def _fusion(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    names = {Pair(name, '', np.empty(0), np.empty(0)).split: name for name in map(str, range(50))}
    assert names.keys() == set(SPLITS)
    for kind in ('ir', 'vis'):
        (folder / kind).mkdir()
        for name in names.values():
            image = rng.integers(0, 256, (60, 70), np.uint8)
            cv2.imwrite(str(folder / kind / f'{name}.png'), image)
    recipe = folder / 'recipe.yaml'
    recipe.write_text('preset: realtime\npatch: 48\n')
    small = ['epochs=1', 'steps=1', 'batch_size=2', 'precision=32-true', 'critic.steps=1']
    small += ['critic.widths=[2,2,2,2,2,2]', 'critic.patch=32', 'scenes.faces=0.2']
    return ['train-fusion', str(recipe), '--data', str(folder), '--set', *small]


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (_expression, 'crowd_weight is 0.5, but has no effect without --votes.'),
        (_fusion, 'scenes.faces is 0.2, but has no effect without --faces.'),
    ],
)
def test_the_result_and_what_was_without_effect_are_told_once(words, told, tmp_path):
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    command += ['--nproc-per-node=2', '-m', 'fer_fusion_ros.commands.main', *words(tmp_path)]
    environment = {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    environment['PYTHONPATH'] = os.pathsep.join(sys.path)
    run = subprocess.run(
        [*command, '--output', str(tmp_path / 'out')],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count('Best ') == 1, run.stdout
    assert run.stdout.count(told) == 1, run.stdout
