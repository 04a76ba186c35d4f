"""Fetching a model checks it."""

from __future__ import annotations

import http.client
import os
import urllib.request
from pathlib import Path

import pytest

from fer_fusion_ros.commands.fetch import NAME, SHA256, fetch
from fer_fusion_ros.commands.main import main
from fer_fusion_ros.exceptions import DownloadError


def test_a_right_file_is_copied_once(
    yunet_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(['fetch', str(yunet_model), '--to', str(tmp_path / 'models')]) == 0
    copied = Path(capsys.readouterr().out.strip())
    assert copied == tmp_path / 'models' / NAME
    assert copied.read_bytes() == yunet_model.read_bytes()
    # What is there already needs no source.
    assert fetch('file:///nowhere', tmp_path / 'models') == copied


def test_a_wrong_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    pointer = tmp_path / 'pointer'
    pointer.write_text('version https://git-lfs.github.com/spec/v1')
    with pytest.raises(DownloadError, match=SHA256):
        fetch(str(pointer), tmp_path / 'models')
    assert not (tmp_path / 'models').exists()


def test_a_folder_that_cannot_be_made_is_one_line(
    yunet_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / 'file').touch()
    assert main(['fetch', str(yunet_model), '--to', str(tmp_path / 'file')]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f'{tmp_path / "file"} cannot be used as a folder for results (File exists)' in line


def test_only_the_default_folder_needs_a_home(
    yunet_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv('HOME', raising=False)
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setattr(os, 'getuid', lambda: 2**31 - 5)  # a user of whom the system knows nothing
    with pytest.raises(SystemExit) as end:
        main(['fetch', '--help'])
    assert end.value.code == 0
    assert main(['fetch', str(yunet_model), '--to', str(tmp_path)]) == 0
    assert main(['fetch', str(yunet_model)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert '--to FOLDER' in line


@pytest.mark.parametrize(
    'source',
    ['http://[::1/x', 'http://a host/x', 'http://localhost:port/x', '~nosuchuser/x', 'a\0b'],
)
def test_a_source_that_is_none_is_one_line(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(['fetch', source, '--to', str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'cannot read' in line


@pytest.mark.parametrize(
    'error', [http.client.IncompleteRead(b'half', 4), http.client.BadStatusLine('nothing')]
)
def test_a_download_that_breaks_off_is_one_line(
    error: Exception,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def urlopen(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(urllib.request, 'urlopen', urlopen)
    assert main(['fetch', 'http://localhost/x', '--to', str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'cannot read http://localhost/x' in line
    assert not list(tmp_path.iterdir())
