"""Photographs with a table are cropped to their faces."""

import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.labelled_photographs import (
    cut_face,
    load_labelled_photographs,
)
from fer_fusion_ros.expression.data.load_faces import load_faces
from fer_fusion_ros.expression.labels import LABELS
from fer_fusion_ros.faces.haar_detector import HaarDetector


def test_the_real_near_infrared_photographs_are_read_whole(shared_data):
    faces = load_faces(shared_data / 'nir_faces')
    assert faces.images.shape == (66, 48, 48)
    assert len(np.unique(faces.subjects)) == 9
    assert set(faces.labels) == set(range(7))
    # Faces, not backgrounds: all crops resemble their mean.
    mean = faces.images.mean(0).ravel()
    likeness = [np.corrcoef(mean, image.ravel())[0, 1] for image in faces.images]
    assert np.median(likeness) > 0.6


def test_a_photograph_without_a_face_gives_its_central_square(tmp_path):
    image = np.tile(np.arange(96, dtype=np.uint8), (48, 1))
    crop, found = cut_face(image, HaarDetector(), 48)
    assert not found
    assert crop.shape == (48, 48)
    np.testing.assert_allclose(crop[10], np.arange(24, 72), atol=1)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(DataError, match=r'labels\.csv: cannot be read'):
        load_labelled_photographs(tmp_path, HaarDetector())
    table = tmp_path / 'labels.csv'
    table.write_text('name,expression\n')
    with pytest.raises(DataError, match=r'labels\.csv: no column file; .* must name file, '):
        load_labelled_photographs(tmp_path, HaarDetector())
    table.write_text('file,expression\na.png,happy\n')
    with pytest.raises(DataError, match=r'labels\.csv: line 2: .*a\.png: no such file'):
        load_labelled_photographs(tmp_path, HaarDetector())
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((60, 60), np.uint8))
    faces = load_labelled_photographs(tmp_path, HaarDetector())
    assert [LABELS[label] for label in faces.labels] == ['happy'] and faces.subjects is None
    assert 'faces found in 0 of 1' in faces.name
    table.write_text('file,expression\na.png,happy\na.png,bored\n')
    with pytest.raises(DataError, match=r"labels\.csv: line 3: unknown expression 'bored'"):
        load_labelled_photographs(tmp_path, HaarDetector())


@pytest.fixture
def photographs(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((60, 60), np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ('row', 'told'),
    [
        ('a.png', 'line 4: no expression'),
        ('a.png,', 'line 4: no expression'),
        ('a.png,happy', 'line 4: no subject'),
        (',happy,1', 'line 4: no file'),
        ('a.png,fröhlich,1', 'line 4: not UTF-8'),
    ],
)
def test_errors_name_the_line(photographs, row, told):
    # Line 3 is empty, which is no fault.
    text = f'file,expression,subject\na.png,happy,1\n\n{row}\n'
    (photographs / 'labels.csv').write_text(text, encoding='latin-1')
    with pytest.raises(DataError, match=rf'labels\.csv: {told}'):
        load_labelled_photographs(photographs, HaarDetector())


def test_a_table_without_rows_is_told_from_one_without_columns(photographs):
    (photographs / 'labels.csv').write_text('file,expression\n')
    with pytest.raises(DataError, match=r'labels\.csv: lists no photographs'):
        load_labelled_photographs(photographs, HaarDetector())


def test_a_table_as_excel_saves_it_is_read(photographs):
    text = 'file, expression, subject\r\na.png ,happy,Jürgen\r\na.png,sad ,Ada\r\n'
    (photographs / 'labels.csv').write_bytes(text.encode('utf-8-sig'))
    faces = load_labelled_photographs(photographs, HaarDetector())
    assert [LABELS[label] for label in faces.labels] == ['happy', 'sad']
    assert faces.subjects.tolist() == [1, 0]
