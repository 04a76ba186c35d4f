"""The Makefile removes nothing but its own, and copes with a folder that has moved."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(not shutil.which('make'), reason='there is no make here')


@pytest.fixture
def make(tmp_path):
    """Return a function that runs make in a folder below the test's own, as without ROS."""
    quiet = {'AMENT_PREFIX_PATH', 'ROS_DISTRO', 'MAKEFLAGS', 'MAKELEVEL', 'MFLAGS'}
    environment = {name: value for name, value in os.environ.items() if name not in quiet}

    def run(folder: str, *words: str) -> subprocess.CompletedProcess:
        path = tmp_path / folder
        path.mkdir(parents=True, exist_ok=True)
        for name in ('Makefile', 'setup.py', 'package.xml', 'CMakeLists.txt', 'tools'):
            if not (path / name).exists():
                (path / name).symlink_to(ROOT / name)
        return subprocess.run(
            ['make', *words], cwd=path, env=environment, capture_output=True, text=True, timeout=60
        )

    return run


@pytest.mark.parametrize('name', ['ros2 ws', "it's", 'q"q', 'é', 'a$b', 'a#b', 'a(b', 'end '])
def test_a_path_that_breaks_builds_is_refused(make, tmp_path, name):
    # What `rm -rf /…/ros2 ws/fer/build` would remove.
    beside = tmp_path / 'ros2'
    beside.mkdir()
    done = make(f'{name}/fer', 'clean')
    assert done.returncode == 2
    assert 'only ASCII letters, digits and / . _ + @ ~ - are allowed' in done.stderr
    assert beside.exists()


def test_clean_removes_what_was_built(make, tmp_path):
    (tmp_path / 'ws-1.0_a+b@~' / 'build').mkdir(parents=True)
    assert make('ws-1.0_a+b@~', 'clean').returncode == 0
    assert not (tmp_path / 'ws-1.0_a+b@~' / 'build').exists()


@pytest.mark.parametrize('moved', [False, True])
def test_the_environment_of_a_folder_that_moved_is_made_anew(make, tmp_path, moved):
    environment = tmp_path / 'now' / '.venv'
    (environment / 'bin').mkdir(parents=True)
    path = tmp_path / 'before' / '.venv' if moved else environment
    (environment / 'bin' / 'activate').write_text(f'VIRTUAL_ENV="{path}"\nexport VIRTUAL_ENV\n')
    (environment / '.created').touch()
    done = make('now', '--dry-run', str(environment / '.created'))
    assert done.returncode == 0, done.stderr
    assert ('This folder has moved' in done.stdout) == moved
    assert (f'rm -rf {environment}' in done.stdout) == moved
    assert ('-m venv' in done.stdout) == moved
