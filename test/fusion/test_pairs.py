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
    assert len(load_pairs(folder / 'scenes')) == 2


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
    with pytest.raises(DataError, match=r'vis.two\.png: cannot be read'):
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
