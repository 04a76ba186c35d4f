"""The command line's frame."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fer_fusion_ros.commands import fetch
from fer_fusion_ros.commands import main as command


def test_every_verb_has_a_summary() -> None:
    known = command.verbs()
    assert {'fetch', 'analyze'} <= set(known)
    assert all(summary.endswith('.') for summary in known.values()), known


def test_help_lists_the_verbs_and_imports_nothing_heavy() -> None:
    code = (
        'import sys; from fer_fusion_ros.commands.main import main\n'
        'try: main(["--help"])\n'
        'except SystemExit: pass\n'
        'heavy = {"numpy", "cv2", "torch", "rclpy", "matplotlib"} & set(sys.modules)\n'
        'sys.exit(str(heavy) if heavy else 0)'
    )
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for verb in command.verbs():
        assert f'  {verb} ' in run.stdout


@pytest.mark.parametrize('verb', sorted(command.verbs()))
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        command.main([verb, '--help'])
    assert end.value.code == 0
    assert f'fer_fusion {verb}' in capsys.readouterr().out


def test_unknown_verb_names_the_known_ones(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(['analyse'])
    assert end.value.code == 2
    assert 'analyze' in capsys.readouterr().err


def test_an_error_of_ours_is_one_line(tmp_path, capsys: pytest.CaptureFixture) -> None:
    missing = tmp_path / 'missing.onnx'
    assert command.main(['fetch', str(missing), '--to', str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert str(missing) in lines[0]


@pytest.mark.parametrize('words', [['--help'], ['analyze', '--help']])
def test_help_needs_no_utf_8(words: list[str]) -> None:
    environment = {'LC_ALL': 'C', 'PYTHONUTF8': '0', 'PYTHONCOERCECLOCALE': '0'}
    run = subprocess.run(
        [sys.executable, '-m', 'fer_fusion_ros.commands.main', *words],
        capture_output=True,
        env={**os.environ, **environment},
    )
    assert run.returncode == 0, run.stderr
    assert b'usage: fer_fusion' in run.stdout


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such pipes')
@pytest.mark.parametrize('lines', [1, 100_000])
@pytest.mark.parametrize('both', [False, True])
def test_a_reader_that_ends_first_is_no_error(lines: int, both: bool) -> None:
    stream = 'stderr' if both else 'stdout'
    code = (
        'import sys\n'
        'from fer_fusion_ros.commands import fetch, main\n'
        f'fetch.main = lambda _: print("a line\\n" * {lines}, file=sys.{stream})\n'
        'sys.exit(main.main(["fetch"]))'
    )
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, '-c', code], stdout=write, stderr=write if both else subprocess.PIPE
    )
    os.close(write)
    assert run.returncode == 141
    assert not run.stderr


@pytest.mark.parametrize(
    ('module', 'cure'),
    [
        ('rclpy', 'source a distribution'),
        ('visualization_msgs', 'sudo apt install ros-humble-visualization-msgs'),
        ('matplotlib', 'pip install matplotlib'),
    ],
)
def test_a_module_that_is_missing_is_told_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, module: str, cure: str
) -> None:
    def fail(_: object) -> None:
        raise ModuleNotFoundError(f'No module named {module!r}', name=module)

    monkeypatch.setenv('ROS_DISTRO', 'humble')
    monkeypatch.setattr(fetch, 'main', fail)
    assert command.main(['fetch']) == 1
    assert f"No module named '{module}'; " in (said := capsys.readouterr().err)
    assert cure in said
