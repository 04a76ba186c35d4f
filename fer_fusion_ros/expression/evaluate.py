"""Measure a classifier on labelled faces."""

from dataclasses import dataclass

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.calibration import calibration_error
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.predictor import Predict

VIEWS = ('single', 'flip', 'ten-crop')
"""Ways to look at a face: the centre; the centre and its mirror image; the centre and the four
corners, each with its mirror image."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """
    What a classifier says of labelled faces.

    :param faces: the faces.
    :param probabilities: (N, 7) float32 by view.
    :param duplicates: (N,) bool, whose exact pixels also stand in the training set; None if
        that set is not known.
    """

    faces: Faces
    probabilities: dict[str, np.ndarray]
    duplicates: np.ndarray | None = None

    def accuracies(self) -> list[dict[str, str | int | float]]:
        """
        Return one row per view and subset: accuracy, mean recall over classes, ECE.

        A subset that no face is in has no row.
        """
        subsets = {'all': np.ones(len(self.faces), bool)}
        if self.duplicates is not None and not self.duplicates.all():
            subsets['without duplicates of training faces'] = ~self.duplicates
        rows = []
        for view, probabilities in self.probabilities.items():
            for name, mask in subsets.items():
                labels, said = self.faces.labels[mask], probabilities[mask].argmax(1)
                recalls = [(said[labels == label] == label).mean() for label in np.unique(labels)]
                rows.append(
                    {
                        'view': view,
                        'faces': name,
                        'count': int(mask.sum()),
                        'accuracy': float((said == labels).mean()),
                        'mean_recall': float(np.mean(recalls)),
                        'calibration_error': calibration_error(probabilities[mask], labels),
                    }
                )
        return rows

    def confusion(self, view: str) -> np.ndarray:
        """Return (7, 7) counts: row is the label, column what the classifier says."""
        matrix = np.zeros((len(self.faces.classes),) * 2, np.int64)
        np.add.at(matrix, (self.faces.labels, self.probabilities[view].argmax(1)), 1)
        return matrix

    def classes(self, view: str) -> list[dict[str, str | int | float]]:
        """Return one row per class: count, recall (its accuracy), precision and F1."""
        matrix = self.confusion(view)
        rows = []
        for index, name in enumerate(self.faces.classes):
            hits, count, said = matrix[index, index], matrix[index].sum(), matrix[:, index].sum()
            rows.append(
                {
                    'class': name,
                    'count': int(count),
                    'recall': float(hits / count) if count else float('nan'),
                    'precision': float(hits / said) if said else float('nan'),
                    'f1': float(2 * hits / (count + said)) if count + said else float('nan'),
                }
            )
        return rows


def evaluate(
    predict: Predict, size: int, faces: Faces, training: Faces | None = None
) -> Evaluation:
    """
    Classify faces in every view.

    :param predict: such as a `Predictor`.
    :param size: height and width of its crops in pixels.
    :param faces: at least that large.
    :param training: what the classifier was trained on, to find duplicates.
    :raises DataError: if there are no faces, or they are too small.
    """
    if not len(faces):
        raise DataError(f'{faces.name}: has no faces to evaluate; choose another split or fold.')
    if min(faces.images.shape[1:]) < size:
        raise DataError(f'{faces.name}: images are smaller than the {size} pixels needed.')
    each = np.stack([predict(crops) for crops in _ten_crops(faces.images, size)])
    means = each[0], each[:2].mean(0), each.mean(0)
    probabilities = dict(zip(VIEWS, means, strict=True))
    return Evaluation(faces, probabilities, None if training is None else faces.found_in(training))


def _ten_crops(images: np.ndarray, size: int) -> list[np.ndarray]:
    """Return the centre and the four corners, each followed by its mirror image."""
    bottom, right = images.shape[1] - size, images.shape[2] - size
    corners = [(bottom // 2, right // 2), (0, 0), (0, right), (bottom, 0), (bottom, right)]
    crops = [images[:, y : y + size, x : x + size] for y, x in corners]
    return [view for crop in crops for view in (crop, crop[:, :, ::-1])]
