"""CK+ reads from all its forms, and its folds keep people apart."""

import cv2
import numpy as np
import pytest

h5py = pytest.importorskip('h5py')

from fer_fusion_ros.exceptions import DataError  # noqa: E402
from fer_fusion_ros.expression.data.ck_plus import load_ck_plus  # noqa: E402
from fer_fusion_ros.expression.data.folds import divide  # noqa: E402
from fer_fusion_ros.expression.data.load_faces import load_faces  # noqa: E402
from fer_fusion_ros.expression.labels import CK_PLUS_LABELS  # noqa: E402
from fer_fusion_ros.faces.detection import Detection  # noqa: E402
from fer_fusion_ros.faces.face_detector import FaceDetector  # noqa: E402
from fer_fusion_ros.faces.haar_detector import HaarDetector  # noqa: E402

COUNTS = {
    'angry': 45,
    'disgust': 59,
    'fear': 25,
    'happy': 69,
    'sad': 28,
    'surprise': 83,
    'contempt': 18,
}
"""Sequences of each expression, as the data set's paper gives them, in the archive's order."""


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp('ck') / 'CK_data.h5'
    labels = np.repeat(range(7), [3 * count for count in COUNTS.values()])
    pixels = np.random.default_rng(0).integers(0, 256, (981, 48, 48), np.uint8)
    with h5py.File(path, 'w') as file:
        file['data_pixel'], file['data_label'] = pixels, labels
    return path


@pytest.fixture(scope='module')
def faces(archive):
    return load_faces(archive)


def test_the_archive_holds_the_last_three_frames_of_327_sequences(faces):
    assert faces.images.shape == (981, 48, 48)
    assert faces.classes == CK_PLUS_LABELS
    assert {
        CK_PLUS_LABELS[label]: count // 3 for label, count in enumerate(np.bincount(faces.labels))
    } == COUNTS
    sequences, frames = np.unique(faces.sequences, return_counts=True)
    assert len(sequences) == 327 and (frames == 3).all()
    # The data set's 327 labelled sequences show 118 people, each an expression at most once.
    assert len(np.unique(faces.subjects)) == 118
    shown = {(s, label) for s, label in zip(faces.subjects, faces.labels, strict=True)}
    assert len(shown) == 327


def test_nobody_is_in_two_folds_of_subjects(faces):
    folds = divide(faces, 'subject')
    for subject in np.unique(faces.subjects):
        assert len(set(folds[faces.subjects == subject])) == 1
    sizes = np.bincount(folds, minlength=10)
    assert sizes.min() > 90 and sizes.max() < 106


def test_folds_of_sequences_split_people_but_no_sequence(faces):
    folds = divide(faces, 'sequence')
    for sequence in np.unique(faces.sequences):
        assert len(set(folds[faces.sequences == sequence])) == 1
    mixed = [s for s in np.unique(faces.subjects) if len(set(folds[faces.subjects == s])) > 1]
    assert len(mixed) > 50
    for label in range(7):
        assert set(folds[faces.labels == label]) == set(range(10))


def test_folds_need_to_know_who_is_shown(faces):
    with pytest.raises(DataError, match='does not tell the subject'):
        divide(faces.__class__('plain', faces.images, faces.labels), 'subject')
    with pytest.raises(DataError, match='has fewer than 10 subjects'):
        divide(faces.subset(faces.subjects < 15), 'subject')


def test_another_order_of_the_archive_is_refused(tmp_path, archive):
    path = tmp_path / 'other.h5'
    with h5py.File(archive) as old, h5py.File(path, 'w') as new:
        new['data_pixel'], new['data_label'] = (
            old['data_pixel'][:][::-1],
            old['data_label'][:][::-1],
        )
    with pytest.raises(DataError, match=r'other\.h5: not the 981 faces of 327 sequences'):
        load_ck_plus(path)
    with h5py.File(path, 'w') as new:
        new['data_pixel'] = np.zeros((3, 48, 48), np.uint8)
    with pytest.raises(DataError, match=r'other\.h5: no data set data_label'):
        load_ck_plus(path)
    path.write_bytes(b'nothing')
    with pytest.raises(DataError, match=r'other\.h5: not a readable HDF5 file'):
        load_ck_plus(path)


class MiddleDetector(FaceDetector):
    """Finds a face of 100 pixels in the middle of any image."""

    def detect(self, image, size_range=None):
        height, width = image.shape
        return [Detection((width / 2 - 50, height / 2 - 50, 100.0, 100.0), 1.0)]


def recording(folder, subject, sequence, code, frames):
    images = folder / 'cohn-kanade-images' / subject / sequence
    notes = folder / 'Emotion' / subject / sequence
    images.mkdir(parents=True)
    notes.mkdir(parents=True)
    for number in range(1, frames + 1):
        image = np.full((240, 320), 20 * number, np.uint8)
        cv2.imwrite(str(images / f'{subject}_{sequence}_{number:08}.png'), image)
    (notes / f'{subject}_{sequence}_{frames:08}_emotion.txt').write_text(f'   {code:.7e}\n')


def test_the_recordings_themselves_give_their_last_three_frames(tmp_path):
    recording(tmp_path, 'S010', '001', 5, 6)
    recording(tmp_path, 'S011', '003', 2, 4)
    faces = load_ck_plus(tmp_path, MiddleDetector())
    assert faces.images.shape == (6, 48, 48)
    assert faces.images.mean((1, 2)).tolist() == [80, 100, 120, 40, 60, 80]
    assert [CK_PLUS_LABELS[label] for label in faces.labels] == 3 * ['happy'] + 3 * ['contempt']
    assert faces.subjects.tolist() == [10, 10, 10, 11, 11, 11]
    recording(tmp_path, 'S012', '001', 5, 2)
    with pytest.raises(DataError, match=r'S012.001: holds 2 frames; at least 3'):
        load_ck_plus(tmp_path, MiddleDetector())


def test_a_frame_without_a_face_is_named(tmp_path):
    recording(tmp_path, 'S010', '001', 5, 3)
    with pytest.raises(DataError, match=r'\.png: no face is found'):
        load_ck_plus(tmp_path, HaarDetector())


@pytest.mark.parametrize('code', ['inf', 'nan', '-1', '8', '5.5', '0', 'happy'])
def test_a_note_that_is_no_number_of_an_expression_is_named(tmp_path, code):
    recording(tmp_path, 'S010', '001', 5, 3)
    (note,) = tmp_path.glob('Emotion/*/*/*.txt')
    note.write_text(code)
    with pytest.raises(DataError, match=r'emotion\.txt: not the number of an expression, 1 to 7'):
        load_ck_plus(tmp_path, MiddleDetector())


def test_a_person_without_a_number_is_named(tmp_path):
    recording(tmp_path, 'Sam', '001', 5, 3)
    with pytest.raises(DataError, match=r'emotion\.txt: Sam is not S and a number'):
        load_ck_plus(tmp_path, MiddleDetector())
