"""Photographs of faces with a table of their expressions."""

from pathlib import Path

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.table import read_table
from fer_fusion_ros.expression.labels import label_index
from fer_fusion_ros.faces.crop import crop
from fer_fusion_ros.faces.face_detector import FaceDetector
from fer_fusion_ros.image_files import read_grey

SIZE = 48
"""Height and width of the crops in pixels: FER2013's, which are as wide as a detected face."""


def load_labelled_photographs(path: str | Path, detector: FaceDetector) -> Faces:
    """
    Read a folder with `labels.csv` (columns file, expression and, if known, subject).

    :param path: the folder.
    :param detector: finds the face in each photograph; the largest one counts, and where it finds
        none, the photograph's central square is taken.
    :return: crops of 48x48 pixels framed as FER2013's, whose name tells in how many photographs a
        face was found.
    :raises DataError: naming the file that is missing or unreadable, or the line of the table
        that lacks something or has an unknown expression.
    """
    path = Path(path)
    table = path / 'labels.csv'
    rows = list(read_table(table, ('file', 'expression'), ('subject',)))
    if not rows:
        raise DataError(f'{table}: lists no photographs; give each a line.')
    images, labels, found = [], [], 0
    for number, row in rows:
        try:
            labels.append(label_index(row['expression']))
        except KeyError as error:
            raise DataError(f'{table}: line {number}: unknown expression {error}.') from error
        try:
            photograph = read_grey(path / row['file'])
        except DataError as error:
            raise DataError(f'{table}: line {number}: {error}') from error
        face, seen = cut_face(photograph, detector, SIZE)
        images.append(face)
        found += seen
    subjects = None
    if 'subject' in rows[0][1]:
        subjects = np.unique([row['subject'] for _, row in rows], return_inverse=True)[1]
    name = f'{path}, faces found in {found} of {len(rows)} photographs'
    return Faces(name, np.stack(images), np.array(labels), subjects=subjects)


def cut_face(image: np.ndarray, detector: FaceDetector, size: int) -> tuple[np.ndarray, bool]:
    """
    Cut the largest face out of a photograph, framed as FER2013's, else its central square.

    :param image: (H, W) uint8.
    :param size: height and width of the result in pixels.
    :return: (size, size) uint8, and whether a face was found.
    """
    faces = detector.detect(image, (min(image.shape) / 8, float(min(image.shape))))
    if faces:
        square = max(faces, key=lambda face: face.box[2]).box
    else:
        height, width = image.shape
        side = float(min(height, width))
        square = ((width - side) / 2, (height - side) / 2, side, side)
    return crop(image, square, size), bool(faces)
