"""`pip install` of the ROS-free half ships every module."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from setuptools import find_packages

ROOT = Path(__file__).resolve().parent.parent


def test_every_folder_with_modules_is_a_package() -> None:
    listed = set(find_packages(str(ROOT), include=['fer_fusion_ros', 'fer_fusion_ros.*']))
    folders = {path.parent for path in (ROOT / 'fer_fusion_ros').rglob('*.py')}
    wanted = {'.'.join(folder.relative_to(ROOT).parts) for folder in folders}
    assert wanted == listed


def test_requirements_of_the_core_are_listed_once() -> None:
    lists = runpy.run_path(str(ROOT / 'setup.py'))
    names = [line.split('>')[0].split('=')[0] for line in lists['INSTALL_REQUIRES']]
    assert len(names) == len(set(names))
    for extra in lists['EXTRAS_REQUIRE'].values():
        assert not set(names) & {line.split('>')[0].split('=')[0] for line in extra}


@pytest.mark.parametrize('verb', ['light', 'fusion'])
def test_evaluations_without_pytorch_need_the_extras_engine_and_demo_alone(
    verb: str, tmp_path: Path
) -> None:
    lists = runpy.run_path(str(ROOT / 'setup.py'))
    extras = {
        name: {re.split('[<>=]', line)[0].replace('-', '_') for line in lines}
        for name, lines in lists['EXTRAS_REQUIRE'].items()
    }
    for name in extras['engine'] | extras['demo'] - {'scikit_image', 'pillow'}:
        pytest.importorskip(name, reason=f'{name} is not installed')
    rng = np.random.default_rng(0)
    if verb == 'light':
        for name in ('happy', 'sad'):
            (tmp_path / 'data' / name).mkdir(parents=True)
            face = rng.integers(0, 256, (48, 48), np.uint8)
            cv2.imwrite(str(tmp_path / 'data' / name / 'face.png'), face)
        words = ['--faces', '2', '--distances', '3', '--lights', '1']
    else:
        for name in ('ir', 'vis'):
            (tmp_path / 'data' / name).mkdir(parents=True)
            image = rng.integers(0, 256, (64, 64), np.uint8)
            cv2.imwrite(str(tmp_path / 'data' / name / 'a.png'), image)
        words = ['--split', 'all']
    words += ['--data', tmp_path / 'data', '--output', tmp_path / 'out']
    absent = extras['train'] - extras['engine'] - extras['demo']
    code = (
        f'import sys; sys.modules.update(dict.fromkeys({sorted(absent)}))\n'
        'from fer_fusion_ros.commands.main import main; sys.exit(main())'
    )
    environment = {'PYTHONPATH': os.pathsep.join(sys.path), 'CUDA_VISIBLE_DEVICES': ''}
    run = subprocess.run(
        [sys.executable, '-c', code, f'evaluate-{verb}', *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
