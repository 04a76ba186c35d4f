import os

import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.fusion.pairs import Pair, load_pairs


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ('one', 'two'):
        for kind in ('ir', 'vis'):
            (tmp_path / 'scenes' / kind).mkdir(parents=True, exist_ok=True)
            image = rng.integers(0, 256, (20, 30), np.uint8)
            cv2.imwrite(str(tmp_path / 'scenes' / kind / f'{name}.png'), image)
    return tmp_path


def test_pairs_are_found_below_the_folder_and_at_it(folder):
    pairs = load_pairs(folder)
    assert [(pair.source, pair.name) for pair in pairs] == [('scenes', 'one'), ('scenes', 'two')]
    assert pairs[0].ir.shape == pairs[0].vis.shape == (20, 30)
    assert [pair.source for pair in load_pairs(folder / 'scenes')] == ['scenes', 'scenes']


def test_linked_and_nested_folders_have_names_of_their_own(folder):
    (folder / 'linked').symlink_to(folder / 'scenes')
    (folder / 'a').mkdir()
    (folder / 'scenes').rename(folder / 'a' / 'scenes')
    (folder / 'linked').unlink()
    (folder / 'linked').symlink_to(folder / 'a')
    sources = [pair.source for pair in load_pairs(folder)]
    assert sources == ['a/scenes', 'a/scenes', 'linked/scenes', 'linked/scenes']


def test_two_files_of_one_name_are_no_pair(folder):
    for kind in ('ir', 'vis'):
        image = cv2.imread(str(folder / 'scenes' / kind / 'one.png'))
        cv2.imwrite(str(folder / 'scenes' / kind / 'one.jpg'), image)
    with pytest.raises(DataError, match=r'one\.png: has the name of .*one\.jpg'):
        load_pairs(folder)


@pytest.mark.parametrize(('bits', 'fits'), [(16, True), (12, False)])
def test_sixteen_bits_must_be_used(folder, bits, fits):
    path = folder / 'scenes' / 'ir' / 'one.png'
    image = np.linspace(0, 2**bits - 1, 600).astype(np.uint16).reshape(20, 30)
    cv2.imwrite(str(path), image)
    if fits:
        assert np.array_equal(load_pairs(folder)[0].ir, image >> 8)
    else:
        with pytest.raises(DataError, match=r'one\.png: has 16 bits, but no pixel above 4095'):
            load_pairs(folder)


def test_the_files_of_a_pair_may_differ_in_kind_and_colour(folder):
    path = folder / 'scenes' / 'vis' / 'one.png'
    cv2.imwrite(str(path.with_suffix('.jpg')), np.full((20, 30, 3), 200, np.uint8))
    path.unlink()
    assert np.abs(load_pairs(folder)[0].vis.astype(int) - 200).max() < 3


def test_a_folder_without_pairs(tmp_path):
    with pytest.raises(DataError, match='subfolders ir and vis'):
        load_pairs(tmp_path)


@pytest.mark.parametrize('kind', ['ir', 'vis'])
def test_a_missing_partner_is_named(folder, kind):
    (folder / 'scenes' / kind / 'two.png').unlink()
    with pytest.raises(DataError, match=r'two\.png: has no partner'):
        load_pairs(folder)


def test_an_unreadable_image_is_named(folder):
    (folder / 'scenes' / 'vis' / 'two.png').write_bytes(b'not an image')
    with pytest.raises(DataError, match=r'vis.two\.png: not a readable image'):
        load_pairs(folder)


def test_different_sizes_are_named(folder):
    cv2.imwrite(str(folder / 'scenes' / 'vis' / 'two.png'), np.zeros((20, 31), np.uint8))
    with pytest.raises(DataError, match=r'ir.two\.png is 30x20 pixels, but .*two\.png is 31x20'):
        load_pairs(folder)


def test_images_smaller_than_a_patch_are_named(folder):
    with pytest.raises(DataError, match=r'one\.png: 30x20 pixels are less than the 24'):
        load_pairs(folder, smallest=24)


def test_the_split_depends_on_the_name_alone_and_is_about_six_to_one_to_one():
    image = np.zeros((1, 1), np.uint8)
    splits = [Pair(f'scene_{n}', 'a', image, image).split for n in range(4000)]
    assert splits == [Pair(f'scene_{n}', 'b', image, image).split for n in range(4000)]
    assert 430 < splits.count('test') < 570
    assert 430 < splits.count('validation') < 570


def test_names_that_are_not_utf_8_have_a_split(folder):
    for kind in ('ir', 'vis'):
        path = folder / 'scenes' / kind / 'one.png'
        path.rename(path.with_name(os.fsdecode(b'stra\xdfe.png')))
    assert {pair.split for pair in load_pairs(folder)} <= {'train', 'validation', 'test'}
