"""The message of one face."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from rclpy.duration import Duration

from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.messages.expression import make_header, to_expression_stamped


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        ((10.4, 20.6, 80.0, 80.0), (10, 21, 80, 80)),
        ((600.0, 450.0, 80.0, 80.0), (600, 450, 40, 30)),
        ((-30.0, -10.0, 80.0, 80.0), (0, 0, 50, 70)),
        ((-90.0, 500.0, 80.0, 80.0), (0, 480, 0, 0)),
    ],
)
def test_the_region_is_the_part_of_the_box_inside_the_image(
    box: tuple[float, float, float, float], expected: tuple[int, int, int, int]
) -> None:
    likely = np.eye(7, dtype=np.float32)[1]
    face = FaceExpression(
        face_id='face-1',
        side='left',
        box=box,
        image_size=(640, 480),
        probabilities=likely,
        raw_probabilities=likely,
        category=1,
        confidence=1.0,
        raw_category=1,
        raw_confidence=1.0,
        modality=Modality.FUSED,
        lenses=5,
        illumination=0.5,
        position=None,
        distance=math.nan,
    )
    header = make_header(1, 'vis_left_optical')
    roi = to_expression_stamped(face, header, Duration(), 'model').roi
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == expected
