"""Read the calibration of a lens for a node."""

from ament_index_python.packages import get_package_share_directory
from rclpy.node import Node

from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES


def read_model(node: Node, url: str, lens: str, frame_id: str) -> CameraModel:
    """
    Read a calibration; warn if it is another lens's.

    :param url: a path, ``file:///…`` or ``package://…``, in which {lens} stands for the lens.
    :param frame_id: optical frame of the lens, '' when unknown.
    :raises CalibrationError: naming the file, the field and what to write there.
    """
    url = url.replace('{lens}', lens)
    model = CameraModel.from_yaml(url, get_package_share_directory, frame_id)
    if model.name in LENSES and model.name != lens:
        node.get_logger().warning(
            f'camera_info_url of {lens}: camera_name in {url} is {model.name}; give the '
            f'calibration of {lens}, {{lens}} stands for the name of the lens'
        )
    return model
