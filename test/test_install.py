"""`pip install` of the ROS-free half ships every module."""

from __future__ import annotations

import runpy
from pathlib import Path

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
