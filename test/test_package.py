"""The package as a whole: entry points, what the core may import, what package.xml says."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import fer_fusion_ros

ROOT = Path(__file__).resolve().parent.parent
LISTS = runpy.run_path(str(ROOT / 'setup.py'))
SCRIPTS = [script.split(' = ') for script in LISTS['ENTRY_POINTS']['console_scripts']]


@pytest.mark.parametrize(('name', 'target'), SCRIPTS)
def test_every_entry_point_is_an_executable_that_imports(
    install_prefix: Path, name: str, target: str
) -> None:
    path = install_prefix / 'lib' / 'fer_fusion_ros' / name
    assert os.access(path, os.X_OK)
    interpreter = path.read_text().splitlines()[0].removeprefix('#!')
    module, function = target.split(':')
    subprocess.run(
        [interpreter, '-c', f'from {module} import {function}; assert callable({function})'],
        check=True,
    )


def test_launch_and_config_are_installed(install_prefix: Path) -> None:
    share = install_prefix / 'share' / 'fer_fusion_ros'
    for folder in ('launch', 'config'):
        for path in (ROOT / folder).rglob('*.*'):
            assert (share / path.relative_to(ROOT)).is_file()


def test_one_version_everywhere() -> None:
    manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
    assert manifest.findtext('version') == fer_fusion_ros.__version__
    assert LISTS['_version']() == fer_fusion_ros.__version__


def test_maintainer_address_is_one_that_colcon_accepts() -> None:
    # With a malformed one colcon silently builds the package as plain Python.
    manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
    address = manifest.find('maintainer').get('email')
    assert re.fullmatch(r'[-a-zA-Z0-9_%+.]+@[-a-zA-Z0-9.]+\.[a-zA-Z]{2,}', address)


ROS = {'rclpy', 'launch', 'launch_ros', 'message_filters', 'cv_bridge', 'ament_index_python'}
# Only these folders may know of ROS; everything else runs without it.
KNOWING = ('nodes', 'messages', 'commands', 'demo')


def _imports(path: Path, at_once: bool = False) -> set[str]:
    """Return the full names of what a file imports, or of that alone which it imports at once."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not (at_once and node.col_offset):
            start = f'{node.module}.' if isinstance(node, ast.ImportFrom) else ''
            names |= {start + alias.name for alias in node.names}
    return names


def _brings_ros(name: str) -> bool:
    """Tell whether importing something imports ROS, or what may do so at any time."""
    match name.split('.'):
        case ['fer_fusion_ros', 'messages', module, *_]:
            # Some read what others received, and import ROS in the functions alone that need it.
            path = ROOT / 'fer_fusion_ros' / 'messages' / f'{module}.py'
            return any(map(_brings_ros, _imports(path, at_once=True)))
        case ['fer_fusion_ros', folder, *_]:
            return folder in (*KNOWING, 'msg')
        case [package, *_]:
            return package in ROS or package.endswith('_msgs')


def test_the_core_does_not_import_ros() -> None:
    package = ROOT / 'fer_fusion_ros'
    knowing = {package / name for name in KNOWING}
    for path in package.rglob('*.py'):
        # filters.py is the one place that asks for message_filters, and stands in for it.
        if knowing & set(path.parents) or path.name == 'filters.py':
            continue
        guilty = set(filter(_brings_ros, _imports(path)))
        assert not guilty, f'{path} imports {guilty}'


@pytest.mark.parametrize('folder', ['fer_fusion_ros', 'launch'])
def test_files_are_read_as_utf_8_whatever_the_locale(folder: str) -> None:
    for path in (ROOT / folder).rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        for arguments in re.findall(r'\.read_text\((.*?)\)', text):
            assert "encoding='utf-8'" in arguments, path


def test_the_run_time_path_does_not_import_torch() -> None:
    code = (
        'import sys\n'
        'import fer_fusion_ros.pipeline\n'
        "heavy = {'torch', 'matplotlib', 'openvino', 'onnxruntime'} & set(sys.modules)\n"
        'sys.exit(str(heavy) if heavy else 0)\n'
    )
    pytest.importorskip('fer_fusion_ros.pipeline')
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)


PAGES = [
    path.relative_to(ROOT)
    for folder in ('.', 'doc', 'fer_fusion_ros/weights')
    for path in (ROOT / folder).glob('*.md')
]


@pytest.mark.parametrize('page', PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text()
    links = re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', text)
    for link in links:
        assert (ROOT / page).parent.joinpath(link).exists(), link


@pytest.mark.parametrize('name', ['expression', 'fusion'])
def test_the_card_is_of_these_weights(name: str) -> None:
    folder = ROOT / 'fer_fusion_ros' / 'weights'
    card = (folder / f'{name}.md').read_text()
    digests = {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob(f'{name}*')
        if path.suffix != '.md'
    }
    assert set(re.findall(r'\b[0-9a-f]{64}\b', card)) == digests


def test_the_architecture_names_every_folder() -> None:
    named = set(re.findall(r'^\| `(\w+)/`', (ROOT / 'doc/architecture.md').read_text(), re.M))
    folders = {p.name for p in (ROOT / 'fer_fusion_ros').iterdir() if p.is_dir()} - {'__pycache__'}
    assert named == folders
