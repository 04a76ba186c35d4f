import cv2
import numpy as np
import pytest

pytest.importorskip('sensor_msgs', reason='needs the ROS messages')

from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.messages.camera_info import (
    blank_camera_info,
    camera_info_content,
    camera_info_to_model,
    model_to_camera_info,
)

MODEL = CameraModel(
    name='ir_right',
    width=640,
    height=480,
    K=[[1000, 0, 320.5], [0, 990, 241], [0, 0, 1]],
    D=[-0.1, 0.05, 0.001, -0.002, 0, 0.01, 0.02, 0.03],
    distortion_model='rational_polynomial',
    R=cv2.Rodrigues(np.array([0.01, -0.02, 0.03]))[0],
    P=[[995, 0, 319, -60], [0, 995, 240, 12], [0, 0, 1, 0]],
    frame_id='ir_right_optical',
)


def test_round_trip():
    msg = model_to_camera_info(MODEL, 3_000_000_007, 'ir_right_optical')
    assert (msg.header.stamp.sec, msg.header.stamp.nanosec) == (3, 7)
    model = camera_info_to_model(msg, 'ir_right')
    for field in ('K', 'D', 'R', 'P'):
        np.testing.assert_array_equal(getattr(model, field), getattr(MODEL, field))
    for field in ('name', 'width', 'height', 'distortion_model', 'frame_id'):
        assert getattr(model, field) == getattr(MODEL, field)


def test_uncalibrated_lens_has_no_model():
    msg = blank_camera_info(640, 480, 0, 'ir_right_optical')
    assert (msg.width, msg.height, msg.header.frame_id) == (640, 480, 'ir_right_optical')
    assert camera_info_to_model(msg, 'ir_right') is None


def test_binning_and_region_move_the_projection_of_a_point():
    """A point of the scene falls on the same place of the cropped and shrunk image."""
    msg = model_to_camera_info(MODEL, 0, '')
    msg.roi.x_offset, msg.roi.y_offset, msg.roi.width, msg.roi.height = 100, 60, 400, 300
    msg.binning_x, msg.binning_y = 2, 3
    model = camera_info_to_model(msg, 'ir_right')
    assert (model.width, model.height) == (200, 100)
    point = np.array([0.1, -0.05, 3.0, 1.0])
    for whole, part in (
        (MODEL.P @ point, model.P @ point),
        (MODEL.K @ point[:3], model.K @ point[:3]),
    ):
        expected = (whole[:2] / whole[2] - (100, 60)) / (2, 3)
        np.testing.assert_allclose(part[:2] / part[2], expected)


def test_sparse_message_of_a_rectified_camera():
    msg = model_to_camera_info(MODEL.rectified(), 0, '')
    msg.d, msg.distortion_model, msg.r = [], '', np.zeros(9)
    model = camera_info_to_model(msg, 'ir_right')
    np.testing.assert_array_equal(model.R, np.eye(3))
    assert model.distortion_model == 'plumb_bob'
    assert not model.D.any()


@pytest.mark.parametrize(
    ('distortion_model', 'count'),
    [('plumb_bob', 5), ('equidistant', 4), ('rational_polynomial', 14)],
)
def test_without_coefficients_they_are_zero(distortion_model, count):
    """As many as the model has."""
    msg = model_to_camera_info(MODEL, 0, '')
    msg.d, msg.distortion_model = [], distortion_model
    np.testing.assert_array_equal(camera_info_to_model(msg, 'ir_right').D, np.zeros(count))


def test_a_projection_that_is_none_is_named():
    msg = model_to_camera_info(MODEL, 0, '')
    msg.p[10] = 0.0
    with pytest.raises(CalibrationError, match=r"'ir_right': P must have 0 0 1 in its last row"):
        camera_info_to_model(msg, 'ir_right')
    msg.p = np.zeros(12)
    with pytest.raises(CalibrationError, match=r"'ir_right': P is zero although K is not; let"):
        camera_info_to_model(msg, 'ir_right')


def test_unknown_distortion_model_is_named():
    msg = model_to_camera_info(MODEL, 0, '')
    msg.d, msg.distortion_model = [], 'fisheye'
    with pytest.raises(CalibrationError, match="distortion_model is 'fisheye', must be one of"):
        camera_info_to_model(msg, 'ir_right')


def test_contradiction_names_lens_and_field():
    msg = model_to_camera_info(MODEL, 0, '')
    msg.distortion_model = 'plumb_bob'
    with pytest.raises(CalibrationError, match="lens 'ir_right': D has 8 coefficients"):
        camera_info_to_model(msg, 'ir_right')


def test_content_is_all_but_the_stamp():
    """Numbers that are none do not make a calibration differ from itself."""

    def content(**changes):
        msg = model_to_camera_info(MODEL, changes.pop('stamp_ns', 0), 'ir_right_optical')
        msg.p[10] = np.nan
        for name, value in changes.items():
            setattr(msg, name, value)
        return camera_info_content(msg)

    assert content(stamp_ns=1) == content()
    k = MODEL.K.ravel().copy()
    k[0] = np.nextafter(k[0], np.inf)
    changes = (
        {'k': k},
        {'d': []},
        {'r': np.zeros(9)},
        {'p': np.zeros(12)},
        {'width': 1},
        {'height': 1},
        {'distortion_model': ''},
        {'binning_x': 2},
        {'binning_y': 2},
        {'roi': RegionOfInterest(width=1)},
        {'header': Header()},
    )
    assert len({content(), *(content(**change) for change in changes)}) == 1 + len(changes)
