"""A set of faces checks itself, and finds duplicates by their pixels."""

import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces


def some(n=4, **fields):
    images = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 3, 3), np.uint8)
    return Faces('some.npz', images, np.arange(n) % 7, **fields)


def test_a_subset_takes_all_rows_along():
    faces = some(
        crowd=np.eye(4, 7, dtype=np.float32), subjects=np.arange(4), sequences=np.arange(4) + 10
    )
    part = faces.subset(np.array([2, 0]))
    assert part.images[:, 0, 0].tolist() == [2, 0]
    assert part.labels.tolist() == [2, 0]
    assert part.crowd.argmax(1).tolist() == [2, 0]
    assert (part.subjects.tolist(), part.sequences.tolist()) == ([2, 0], [12, 10])
    assert len(faces.subset(faces.labels > 1)) == 2


def test_duplicates_are_found_by_exact_pixels():
    faces = some().subset(np.array([0, 1, 0, 3, 1]))
    assert faces.repeated().tolist() == [False, False, True, False, True]
    other = some().subset(np.array([1, 2]))
    assert faces.found_in(other).tolist() == [False, True, False, False, True]
    near = faces.images.copy()
    near[1, 0, 0] += 1
    assert not Faces('near', near, faces.labels).found_in(other)[1]


def test_errors_name_the_source():
    images = np.zeros((2, 3, 3), np.uint8)
    with pytest.raises(DataError, match=r'a\.npz: images must be uint8 .* not float32'):
        Faces('a.npz', images.astype(np.float32), np.zeros(2, int))
    with pytest.raises(DataError, match=r'a\.npz: 2 images but 3 labels'):
        Faces('a.npz', images, np.zeros(3, int))
    with pytest.raises(DataError, match=r'a\.npz: row 1 has the unknown label 7'):
        Faces('a.npz', images, np.array([0, 7]))
