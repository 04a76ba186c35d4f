"""Faces in folders named after their expressions, with or without splits."""

import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.class_folders import load_class_folders
from fer_fusion_ros.expression.data.load_faces import has_splits, load_faces
from fer_fusion_ros.expression.labels import CK_PLUS_LABELS, LABELS


def write(folder, name, level, side=48):
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / name), np.full((side, side), level, np.uint8))


def test_folders_name_the_expressions_and_images_are_scaled(tmp_path):
    write(tmp_path / 'Happiness', 'a.png', 10)
    write(tmp_path / 'anger', 'b.png', 20, side=96)
    write(tmp_path / 'neutral', 'c.png', 30, side=20)
    (tmp_path / 'anger' / 'notes.txt').write_text('not an image')
    faces = load_class_folders(tmp_path)
    assert faces.images.shape == (3, 48, 48)
    assert {
        (LABELS[label], int(image.mean()))
        for label, image in zip(faces.labels, faces.images, strict=True)
    } == {('happy', 10), ('angry', 20), ('neutral', 30)}
    assert faces.classes == LABELS and faces.subjects is None


def test_contempt_in_place_of_neutral_makes_it_ck_plus(tmp_path):
    write(tmp_path / 'contempt', 'S138_008_00000007.png', 1)
    write(tmp_path / 'sadness', 'S010_004_00000017.png', 2)
    write(tmp_path / 'sadness', 'S010_004_00000018.png', 2)
    write(tmp_path / 'sadness', 'S010_005_00000018.png', 2)
    faces = load_class_folders(tmp_path)
    assert faces.classes == CK_PLUS_LABELS
    assert [CK_PLUS_LABELS[label] for label in faces.labels] == ['contempt'] + 3 * ['sad']
    assert faces.subjects.tolist() == [138, 10, 10, 10]
    assert len(set(faces.sequences[1:3])) == 1 and len(set(faces.sequences)) == 3


def test_splits_may_lie_in_folders_of_their_own(tmp_path):
    write(tmp_path / 'train' / 'happy', 'a.png', 1)
    write(tmp_path / 'train' / 'sad', 'b.png', 2)
    write(tmp_path / 'test' / 'happy', 'c.png', 3)
    assert len(load_faces(tmp_path, 'train')) == 2
    assert load_faces(tmp_path, 'public').images.max() == 3
    assert load_faces(tmp_path, 'private').images.max() == 3


def test_the_names_of_splits_may_vary_and_a_missing_one_is_named(tmp_path):
    write(tmp_path / 'Train' / 'happy', 'a.png', 1)
    with pytest.raises(DataError, match=r'has train, but no public split, .* choose another'):
        load_faces(tmp_path, 'public')
    write(tmp_path / 'valid' / 'happy', 'b.png', 2)
    assert load_faces(tmp_path, 'train').images.max() == 1
    assert load_faces(tmp_path, 'public').images.max() == 2
    assert has_splits(tmp_path) and not has_splits(tmp_path / 'Train')


def test_photographs_are_no_crops(tmp_path):
    (tmp_path / 'happy').mkdir()
    cv2.imwrite(str(tmp_path / 'happy' / 'a.png'), np.zeros((54, 96), np.uint8))
    with pytest.raises(DataError, match=r'a\.png: 96x54 pixels are no crop .* labels\.csv'):
        load_class_folders(tmp_path)


def test_hidden_folders_are_left_out(tmp_path):
    write(tmp_path / 'happy', 'a.png', 1)
    (tmp_path / '.ipynb_checkpoints').mkdir()
    assert len(load_class_folders(tmp_path)) == 1


def test_errors_name_the_folder_or_the_file(tmp_path):
    with pytest.raises(DataError, match=r'empty: holds no folders'):
        load_class_folders(tmp_path / 'empty')
    with pytest.raises(DataError, match=r'nothing: no such file or folder'):
        load_faces(tmp_path / 'nothing')
    write(tmp_path / 'happy', 'a.png', 1)
    (tmp_path / 'sad').mkdir()
    with pytest.raises(DataError, match=r'sad: holds no images'):
        load_class_folders(tmp_path)
    (tmp_path / 'sad' / 'broken.png').write_bytes(b'not a picture')
    with pytest.raises(DataError, match=r'broken\.png: not a readable image'):
        load_class_folders(tmp_path)
    (tmp_path / 'bored').mkdir()
    with pytest.raises(DataError, match=r'bored: unknown expression; known are neutral'):
        load_class_folders(tmp_path)
