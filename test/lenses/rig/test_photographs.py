"""Photographs of faces, and where the face is."""

import cv2
import numpy as np
import pytest

from fer_fusion_ros.lenses.rig.photographs import ASTRONAUT_BOX, Photographs


@pytest.mark.parametrize('place', [0, 512])
def test_the_face_is_the_largest_one(place):
    portrait = Photographs()[0]
    picture = np.full((512, 1024, 3), 128, np.uint8)
    picture[:, 512 - place :][:, :512] = portrait
    picture[:256, place : place + 256] = cv2.resize(portrait, None, fx=0.5, fy=0.5)
    x, y, width, height = ASTRONAUT_BOX
    box = Photographs([picture]).face_box(0)
    assert box == pytest.approx((x + 512 - place, y, width, height), abs=12)
