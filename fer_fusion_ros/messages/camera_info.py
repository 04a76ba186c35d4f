"""Calibrations between `CameraModel` and ``sensor_msgs/CameraInfo`` (REP-104)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.messages.stamps import set_stamp


def camera_info_to_model(msg: Any, name: str) -> CameraModel | None:
    """Read a ``CameraInfo``; binning and a region of interest are worked into the model.

    :param name: name of the lens.
    :return: the model of the image as it is sent, or None when ``K`` is all zero, which is how an
        uncalibrated lens says so.
    :raises CalibrationError: when the fields contradict each other.
    """
    K, P = np.array(msg.k).reshape(3, 3), np.array(msg.p).reshape(3, 4)
    if not K.any():
        return None
    if not P.any():
        raise CalibrationError(
            f'calibration of lens {name!r}: P is zero although K is not; let the driver send the '
            'projection matrix of the stereo calibration'
        )
    # An empty region stands for the whole image, 0 for no binning.
    roi, binning_x, binning_y = msg.roi, max(msg.binning_x, 1), max(msg.binning_y, 1)
    for matrix in (K, P):
        matrix[0, 2] -= roi.x_offset
        matrix[1, 2] -= roi.y_offset
        matrix[0] /= binning_x
        matrix[1] /= binning_y
    distortion_model = msg.distortion_model or 'plumb_bob'
    return CameraModel(
        name=name,
        width=(roi.width or msg.width) // binning_x,
        height=(roi.height or msg.height) // binning_y,
        K=K,
        D=np.array(msg.d),
        distortion_model=distortion_model,
        R=np.array(msg.r).reshape(3, 3) if np.any(msg.r) else np.eye(3),
        P=P,
        frame_id=msg.header.frame_id,
    )


def camera_info_content(msg: Any) -> tuple[Hashable, ...]:
    """Return all of a ``CameraInfo`` but its stamp, to tell whether a calibration has changed.

    Fields, and not the serialised message: what pads that is left to chance. Numbers as bytes,
    as one that is not a number differs from itself.
    """
    roi = msg.roi
    numbers = (each.tobytes() for each in (msg.d, msg.k, msg.r, msg.p))
    return (
        msg.header.frame_id,
        msg.width,
        msg.height,
        msg.distortion_model,
        *numbers,
        msg.binning_x,
        msg.binning_y,
        (roi.x_offset, roi.y_offset, roi.width, roi.height, roi.do_rectify),
    )


def model_to_camera_info(model: CameraModel, stamp_ns: int, frame_id: str) -> Any:
    """Return the ``CameraInfo`` of a calibrated lens."""
    msg = blank_camera_info(model.width, model.height, stamp_ns, frame_id)
    msg.distortion_model = model.distortion_model
    msg.d = model.D.tolist()
    msg.k, msg.r, msg.p = model.K.flatten(), model.R.flatten(), model.P.flatten()
    return msg


def blank_camera_info(width: int, height: int, stamp_ns: int, frame_id: str) -> Any:
    """Return the ``CameraInfo`` of an uncalibrated lens: its size, and zeros."""
    from sensor_msgs.msg import CameraInfo

    msg = CameraInfo(width=width, height=height)
    set_stamp(msg.header.stamp, stamp_ns)
    msg.header.frame_id = frame_id
    return msg
