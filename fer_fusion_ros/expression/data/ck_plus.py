"""Extended Cohn-Kanade (CK+): the last three frames of 327 sequences, 981 faces."""

from pathlib import Path

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.labelled_photographs import cut_face
from fer_fusion_ros.expression.labels import CK_PLUS_LABELS
from fer_fusion_ros.faces.face_detector import FaceDetector
from fer_fusion_ros.image_files import read_grey

SIZE = 48
FRAMES = 3
"""So many of the last frames of a sequence show the expression."""

_H5_CLASSES = ('angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'contempt')
"""The numbering of `data_label` in the widely used `CK_data.h5`."""

_EMOTION_CODES = ('neutral', 'angry', 'contempt', 'disgust', 'fear', 'happy', 'sad', 'surprise')
"""The numbers in the data set's own files of labels."""

_H5_SUBJECTS = {
    'angry': '10 11 14 22 26 28 29 32 34 37 42 45 50 55 58 66 67 71 72 75 82 87 89 90 92 100 109 '
    '111 112 113 117 119 126 127 129 130 133 134 136 501 502 503 504 506 999',
    'disgust': '5 11 22 32 35 44 45 46 51 52 54 55 56 57 58 60 61 62 65 67 68 69 70 71 73 74 75 '
    '76 77 78 79 80 81 82 85 87 88 90 95 96 97 98 99 102 105 106 107 108 109 111 116 124 125 128 '
    '129 130 131 132 134',
    'fear': '11 32 46 50 54 55 59 62 65 68 74 84 91 102 117 119 124 125 132 138 501 502 504 506 '
    '999',
    'happy': '10 11 14 26 32 34 35 37 42 44 50 52 53 55 56 57 60 61 62 63 64 65 66 67 68 69 70 71 '
    '72 74 75 76 78 79 83 85 86 87 89 91 92 93 94 95 96 97 98 99 100 106 108 109 114 115 116 124 '
    '125 127 128 129 130 131 132 133 134 135 136 137 138',
    'sad': '11 14 26 42 46 64 66 71 80 81 93 95 106 108 113 115 125 130 131 132 136 137 138 501 '
    '503 504 505 506',
    'surprise': '10 11 14 22 26 32 34 35 37 42 44 46 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 '
    '65 66 67 68 69 70 71 73 74 75 76 77 78 79 80 81 82 84 85 86 87 88 89 90 92 94 95 96 97 99 '
    '100 101 102 107 110 111 113 114 115 116 117 119 122 124 125 126 127 129 130 131 132 133 135 '
    '136 137 138',
    'contempt': '138 139 147 148 149 151 154 155 156 157 158 160 502 503 504 505 506 895',
}
"""Who shows the sequences of `CK_data.h5`, which was made from files sorted by name; the archive
itself does not say."""


def load_ck_plus(path: str | Path, detector: FaceDetector | None = None) -> Faces:
    """
    Read CK+ with its seven labels, `CK_PLUS_LABELS`.

    :param path: `CK_data.h5` with `data_pixel` (981, 48, 48) and `data_label` (981,); or the
        folder of the data set itself, with `cohn-kanade-images` and `Emotion`, of which the last
        three frames are taken.
    :param detector: finds the faces in the data set's own frames; Haar's by default.
    :raises DataError: naming the file that is missing or malformed.
    """
    path = Path(path)
    return _read_recordings(path, detector) if path.is_dir() else _read_h5(path)


def _read_h5(path: Path) -> Faces:
    import h5py

    try:
        with h5py.File(path) as file:
            missing = {'data_pixel', 'data_label'} - set(file)
            if missing:
                raise DataError(f'{path}: no data set {", ".join(sorted(missing))}.')
            images, numbers = np.array(file['data_pixel']), np.array(file['data_label'])
    except OSError as error:
        raise DataError(f'{path}: not a readable HDF5 file ({error}).') from error
    images = images.reshape(-1, *images.shape[-2:]).astype(np.uint8)
    numbers = numbers.astype(np.int64).ravel()
    wrong = np.flatnonzero((numbers < 0) | (numbers >= len(_H5_CLASSES)))
    if len(wrong):
        raise DataError(f'{path}: row {wrong[0]} has the unknown label {numbers[wrong[0]]}.')
    order = [(name, int(who)) for name in _H5_CLASSES for who in _H5_SUBJECTS[name].split()]
    names = [_H5_CLASSES[number] for number in numbers]
    if names != [name for name, _ in order for _ in range(FRAMES)]:
        raise DataError(
            f'{path}: not the 981 faces of 327 sequences in their usual order, so nobody knows '
            'who is shown; give the folder of the images in place of it.'
        )
    return Faces(
        str(path),
        images,
        np.array([CK_PLUS_LABELS.index(name) for name in names]),
        subjects=np.repeat([who for _, who in order], FRAMES),
        sequences=np.repeat(np.arange(len(order)), FRAMES),
        classes=CK_PLUS_LABELS,
    )


def _read_recordings(path: Path, detector: FaceDetector | None) -> Faces:
    if detector is None:
        from fer_fusion_ros.faces.create_detector import create_detector

        detector = create_detector()
    images, labels, subjects, sequences = [], [], [], []
    for number, note in enumerate(sorted(path.glob('Emotion*/S*/*/*_emotion.txt'))):
        subject, sequence = note.parts[-3:-1]
        try:
            # Other numbers are not in this range: fractions, infinities and negative ones.
            code = range(len(_EMOTION_CODES)).index(float(note.read_text(encoding='utf-8')))
            label = CK_PLUS_LABELS.index(_EMOTION_CODES[code])
        except ValueError as error:
            raise DataError(
                f'{note}: not the number of an expression, 1 to {len(_EMOTION_CODES) - 1}.'
            ) from error
        if not subject[1:].isdecimal():
            raise DataError(f'{note}: {subject} is not S and a number, which tells the person.')
        folder = path / 'cohn-kanade-images' / subject / sequence
        frames = sorted(folder.glob('*.png'))[-FRAMES:]
        if len(frames) < FRAMES:
            raise DataError(f'{folder}: holds {len(frames)} frames; at least {FRAMES} are needed.')
        for frame in frames:
            face, found = cut_face(read_grey(frame), detector, SIZE)
            if not found:
                raise DataError(f'{frame}: no face is found in it.')
            images.append(face)
            labels.append(label)
            subjects.append(int(subject[1:]))
            sequences.append(number)
    if not images:
        raise DataError(f'{path}: no Emotion/S*/*/*_emotion.txt tells an expression.')
    return Faces(
        str(path),
        np.stack(images),
        np.array(labels),
        subjects=np.array(subjects),
        sequences=np.array(sequences),
        classes=CK_PLUS_LABELS,
    )
