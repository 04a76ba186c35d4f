"""FER2013 reads the same from both of its forms, and FERPlus beside it."""

import re

import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.fer2013 import USAGE, load_fer2013
from fer_fusion_ros.expression.data.ferplus import COLUMNS, add_ferplus
from fer_fusion_ros.expression.labels import LABELS

NUMBERS = np.array([3, 0, 6])
"""Happy, angry, neutral in FER2013's numbering."""


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)


@pytest.fixture
def archive(tmp_path, images):
    path = tmp_path / 'fer.npz'
    np.savez(path, train_x=images, train_y=NUMBERS.astype(np.uint8))
    return path


@pytest.fixture
def table(tmp_path, images):
    lines = ['emotion,pixels,Usage', f'2,{" ".join(["9"] * 2304)},PublicTest']
    for number, image in zip(NUMBERS, images, strict=True):
        lines.append(f'{number},{" ".join(map(str, image.ravel()))},Training')
    path = tmp_path / 'fer2013.csv'
    path.write_text('\n'.join(lines) + '\n')
    return path


def test_archive_and_table_hold_the_same_faces(archive, table, images):
    for path in (archive, table):
        faces = load_fer2013(path, 'train')
        np.testing.assert_array_equal(faces.images, images)
        assert [LABELS[label] for label in faces.labels] == ['happy', 'angry', 'neutral']
        assert str(path) in faces.name
    assert len(load_fer2013(table, 'public')) == 1


def test_missing_files_and_splits_are_named(archive, table, tmp_path):
    with pytest.raises(DataError, match=r'none\.npz: no such file'):
        load_fer2013(tmp_path / 'none.npz', 'train')
    with pytest.raises(DataError, match=r'fer\.npz: no private_x .* so no private split'):
        load_fer2013(archive, 'private')
    with pytest.raises(DataError, match=r'fer2013\.csv: no row has the usage PrivateTest'):
        load_fer2013(table, 'private')
    with pytest.raises(DataError, match="Split 'validation' is unknown"):
        load_fer2013(archive, 'validation')


def test_malformed_data_are_named(tmp_path, images):
    path = tmp_path / 'bad.npz'
    np.savez(path, train_x=images, train_y=np.array([1, 2, 9]))
    with pytest.raises(DataError, match=r'bad\.npz: row 2 of train has the unknown label 9'):
        load_fer2013(path, 'train')
    np.savez(path, train_x=images[:, :40], train_y=NUMBERS)
    with pytest.raises(DataError, match=r'bad\.npz: train images are \(40, 48\)'):
        load_fer2013(path, 'train')
    path.write_bytes(b'PK nothing')
    with pytest.raises(DataError, match=r'bad\.npz: not a readable npz'):
        load_fer2013(path, 'train')
    table = tmp_path / 'bad.csv'
    table.write_text('emotion,pixels,Usage\n0,1 2 3,Training\n')
    with pytest.raises(DataError, match=r'bad\.csv: line 2 is malformed'):
        load_fer2013(table, 'train')
    table.write_text('emotion,pixels\n')
    with pytest.raises(DataError, match=r'bad\.csv: no column Usage; .* names emotion, pix'):
        load_fer2013(table, 'train')
    np.savez(path, train_x=images, train_y=NUMBERS[:, None])
    with pytest.raises(DataError, match=r'bad\.npz: train_y is of shape \(3, 1\)'):
        load_fer2013(path, 'train')


@pytest.mark.parametrize('label', [1.5, np.nan, np.inf, 1e30])
def test_labels_that_are_no_whole_numbers_are_named(tmp_path, images, label):
    path = tmp_path / 'bad.npz'
    np.savez(path, train_x=images, train_y=np.array([1.0, label, 2.5]))
    told = re.escape(f'bad.npz: row 1 of train_y is {label}; it must be a whole number')
    with pytest.raises(DataError, match=told):
        load_fer2013(path, 'train')
    np.savez(path, train_x=images, train_y=NUMBERS.astype(np.float32))
    assert [LABELS[i] for i in load_fer2013(path, 'train').labels] == ['happy', 'angry', 'neutral']


def test_a_table_as_kaggle_and_spreadsheets_write_it(table, images):
    rows = [line.split(',') for line in table.read_text().splitlines()]
    text = '\r\n'.join(', '.join([emotion, usage, pixels]) for emotion, pixels, usage in rows)
    path = table.with_name('icml_face_data.CSV')
    path.write_bytes(text.encode('utf-8-sig'))
    np.testing.assert_array_equal(load_fer2013(path, 'train').images, images)


@pytest.mark.parametrize(
    ('cut', 'told'),
    [
        (4, "line 5: Usage is 'Trai', not one of"),
        (12, 'line 5: no Usage'),
        (9, 'line 5: no Usage'),
        (2318, 'line 5: no pixels'),
    ],
)
def test_a_table_cut_short_is_no_table_of_fewer_faces(table, cut, told):
    text = table.read_text().rstrip()
    table.write_text(text[: len(text) - cut] if cut != 2318 else text[: text.rindex('\n') + 2])
    with pytest.raises(DataError, match=rf'fer2013\.csv: {told}'):
        load_fer2013(table, 'public')


def test_what_is_no_text_is_named(table):
    table.write_bytes(table.read_text().encode('utf-16'))
    with pytest.raises(DataError, match=r'fer2013\.csv: line 1: not UTF-8'):
        load_fer2013(table, 'train')
    table.write_text('emotion,pixels,Usage\n1,' + '9' * 200_000)
    with pytest.raises(DataError, match=r'fer2013\.csv: not a CSV table'):
        load_fer2013(table, 'train')


@pytest.mark.parametrize('fault', ['empty', 'cut short', 'damaged', 'one array'])
def test_what_is_no_archive_is_named(tmp_path, images, fault):
    faces = Faces('known', images, np.zeros(3, int))
    path = tmp_path / 'bad.npz'
    np.savez_compressed(path, train_x=images, train_y=NUMBERS, train_votes=votes())
    whole = path.read_bytes()
    if fault == 'empty':
        path.write_bytes(b'')
    elif fault == 'cut short':
        path.write_bytes(whole[:2000])
    elif fault == 'damaged':
        # What follows the name of each array in the archive is no longer what was compressed.
        for name in (b'train_x.npy', b'train_votes.npy'):
            start = whole.index(name) + len(name) + 20
            whole = whole[:start] + b'\xff' * 20 + whole[start + 20 :]
        path.write_bytes(whole)
    else:
        with path.open('wb') as file:
            np.save(file, images)
    with pytest.raises(DataError, match=r'bad\.npz: not a readable npz'):
        load_fer2013(path, 'train')
    with pytest.raises(DataError, match=r'bad\.npz: not a readable npz'):
        add_ferplus(faces, path, 'train')


def votes():
    rows = np.zeros((3, 10), np.uint8)
    rows[0, [COLUMNS.index('happiness'), COLUMNS.index('neutral')]] = 6, 2
    rows[1, [COLUMNS.index('anger'), COLUMNS.index('unknown')]] = 2, 8
    rows[2, COLUMNS.index('NF')] = 10
    return rows


def test_votes_become_distributions(archive, tmp_path):
    faces = load_fer2013(archive, 'train')
    np.savez(tmp_path / 'votes.npz', train_votes=votes())
    lines = [','.join(['Usage', 'Image name', *COLUMNS])]
    lines += [','.join([USAGE['train'], 'fer.png', *map(str, row)]) for row in votes()]
    lines.append(','.join([USAGE['public'], 'fer.png', *'1234567890']))
    (tmp_path / 'votes.csv').write_text('\n'.join(lines))
    for name in ('votes.npz', 'votes.csv'):
        crowd = add_ferplus(faces, tmp_path / name, 'train').crowd
        assert crowd[0, LABELS.index('happy')] == 0.75
        assert crowd[0, LABELS.index('neutral')] == 0.25
        # Two votes for the seven expressions are too few to say anything.
        assert crowd[1:].sum() == 0
        kept = add_ferplus(faces, tmp_path / name, 'train', drop_non_faces=True)
        np.testing.assert_array_equal(kept.images, faces.images[:2])


def test_votes_must_be_aligned(archive, tmp_path):
    faces = load_fer2013(archive, 'train')
    path = tmp_path / 'votes.npz'
    np.savez(path, train_votes=votes()[:2])
    with pytest.raises(DataError, match=r'votes\.npz: the votes on train are \(2, 10\)'):
        add_ferplus(faces, path, 'train')
    with pytest.raises(DataError, match=r'votes\.npz: no public_votes'):
        add_ferplus(faces, path, 'public')
    with pytest.raises(DataError, match=r'none\.csv: no such file'):
        add_ferplus(faces, tmp_path / 'none.csv', 'train')


@pytest.mark.parametrize('cells', ['1,,0,0,0,0,0,0,0,0', '1', '1,x,0,0,0,0,0,0,0,0'])
def test_votes_that_are_no_numbers_are_named_by_line(archive, tmp_path, cells):
    path = tmp_path / 'votes.csv'
    whole = ','.join(['Training', 'fer.png', *'1000000000'])
    row = f'Training,fer.png,{cells}'
    path.write_text('\n'.join([','.join(['Usage', 'Image name', *COLUMNS]), whole, row]))
    with pytest.raises(DataError, match=r'votes\.csv: line 3: (no happiness|each of neutral, )'):
        add_ferplus(load_fer2013(archive, 'train'), path, 'train')


@pytest.mark.parametrize('number', [-1, np.nan, np.inf])
@pytest.mark.parametrize('name', ['votes.npz', 'votes.csv'])
def test_votes_that_cannot_be_are_named_by_row(archive, tmp_path, name, number):
    path = tmp_path / name
    wrong = votes().astype(float)
    wrong[1, COLUMNS.index('anger')] = number
    if path.suffix == '.npz':
        np.savez(path, train_votes=wrong)
    else:
        rows = [','.join(['Training', *map(str, row)]) for row in wrong]
        path.write_text('\n'.join([','.join(['Usage', *COLUMNS]), *rows]))
    with pytest.raises(DataError, match=f'{name}: row 1 of train has {number} votes for anger'):
        add_ferplus(load_fer2013(archive, 'train'), path, 'train')


def test_the_real_splits_and_votes_agree(shared_data):
    faces = load_fer2013(shared_data / 'fer2013' / 'fer2013_train_public.npz', 'public')
    assert len(faces) == 3589
    assert np.bincount(faces.labels).tolist() == [607, 895, 653, 467, 496, 415, 56]
    faces = add_ferplus(faces, shared_data / 'fer2013' / 'ferplus_votes.npz', 'public')
    voted = faces.crowd.sum(1) > 0
    np.testing.assert_allclose(faces.crowd[voted].sum(1), 1, rtol=1e-5)
    # The crowd and FER2013's own labels disagree often, but far less than by chance.
    assert (faces.crowd[voted].argmax(1) == faces.labels[voted]).mean() > 0.6
