"""Files of images: their order, and names and contents that OpenCV dislikes."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError, LensError, RigError
from fer_fusion_ros.image_files import image_files, imwrite, read_grey, read_image
from fer_fusion_ros.lenses.folder_source import FolderSource
from fer_fusion_ros.lenses.rig.photographs import Photographs


@pytest.fixture
def latin(tmp_path: Path) -> Path:
    """Return an image whose name is not UTF-8."""
    folder = tmp_path / os.fsdecode(b'stra\xdfe')
    folder.mkdir()
    file = folder / os.fsdecode(b'b\xfc.png')
    file.write_bytes(cv2.imencode('.png', np.full((48, 64), 7, np.uint8))[1].tobytes())
    return file


def test_numbers_are_ordered_by_value(tmp_path: Path) -> None:
    names = ['1.png', '01a.png', '2b3.png', '2b20.png', 'f2.png', 'f10.JPG', 'g.png']
    for name in [*names, '.hidden.png', 'notes.txt']:
        (tmp_path / name).touch()
    assert [file.name for file in image_files(tmp_path)] == names


def test_names_that_are_not_utf_8_are_read(latin: Path) -> None:
    assert read_image(latin, cv2.IMREAD_COLOR).shape == (48, 64, 3)
    assert read_grey(latin)[0, 0] == 7
    imwrite(latin, np.full((48, 64), 9, np.uint8))
    assert read_grey(latin)[0, 0] == 9
    imwrite(latin, np.full((48, 64), 7, np.uint8))
    assert Photographs(latin)[0].shape == (48, 64, 3)
    source = FolderSource('ir_left', latin.parent, rate=30.0, rounds=None, start_ns=time.time_ns())
    source.open()
    assert source.read()[0][0, 0] == 7


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / 'empty.png').touch()
    (tmp_path / 'text.png').write_text('no image')
    (tmp_path / 'folder.png').mkdir()
    for file in (*tmp_path.iterdir(), tmp_path / 'missing.png'):
        with pytest.raises(DataError, match=file.name):
            read_grey(file)
        with pytest.raises(RigError, match=file.name):
            Photographs(file)
    source = FolderSource('vis_left', tmp_path, rate=30.0, rounds=None, start_ns=time.time_ns())
    source.open()
    with pytest.raises(LensError, match='not a readable image'):
        source.read()


def test_images_are_read_as_opencv_does(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for suffix in ('.bmp', '.jpg', '.png', '.tif', '.webp'):
        file = tmp_path / f'a{suffix}'
        cv2.imwrite(str(file), rng.integers(0, 256, (48, 64, 3), np.uint8))
        for flags in (cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE):
            np.testing.assert_array_equal(read_image(file, flags), cv2.imread(str(file), flags))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    file = tmp_path / 'a.png'
    cv2.imwrite(str(file), np.array([[0, 65535]], np.uint16))
    assert read_grey(file).tolist() == [[0, 255]]
    cv2.imwrite(str(file), np.array([[0, 4095]], np.uint16))
    with pytest.raises(DataError, match='no pixel above 4095'):
        read_grey(file)
    # A dark room, and one in which there is no light at all.
    for brightest in (4096, 0):
        cv2.imwrite(str(file), np.array([[0, brightest]], np.uint16))
        assert read_grey(file).tolist() == [[0, brightest // 256]]


def test_why_a_file_cannot_be_opened_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=r'a\.png: no such file\. Add it'):
        read_grey(tmp_path / 'a.png')
    with pytest.raises(DataError, match=r"a\\x00\.png': no name of a file"):
        read_grey(tmp_path / 'a\0.png')

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, 'Permission denied', str(path))

    # As root, the tests may read everything.
    monkeypatch.setattr(np, 'fromfile', refuse)
    with pytest.raises(DataError, match=r'a\.png: permission denied\. Make it readable'):
        read_grey(tmp_path / 'a.png')
