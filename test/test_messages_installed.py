"""The messages as every other package sees them: in the install space, for Python, C and C++."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

EXPRESSION = {
    'category': 'uint8',
    'label': 'string',
    'confidence': 'float',
    'probabilities': 'float[7]',
}
EXPRESSION_STAMPED = {
    'header': 'std_msgs/Header',
    'face_id': 'string',
    'expression': 'fer_fusion_ros/Expression',
    'raw': 'fer_fusion_ros/Expression',
    'roi': 'sensor_msgs/RegionOfInterest',
    'position': 'geometry_msgs/Point',
    'distance': 'float',
    'modality': 'uint8',
    'lenses': 'uint8',
    'illumination': 'float',
    'latency': 'builtin_interfaces/Duration',
    'model': 'string',
}
EXPRESSION_ARRAY = {
    'header': 'std_msgs/Header',
    'expressions': 'sequence<fer_fusion_ros/ExpressionStamped>',
}
CATEGORIES = ('NEUTRAL', 'HAPPY', 'SAD', 'ANGRY', 'FEAR', 'SURPRISE', 'DISGUST')


@pytest.fixture
def msg(install_prefix: Path):
    return pytest.importorskip('fer_fusion_ros.msg')


@pytest.mark.parametrize(
    ('name', 'fields'),
    [
        ('Expression', EXPRESSION),
        ('ExpressionStamped', EXPRESSION_STAMPED),
        ('ExpressionArray', EXPRESSION_ARRAY),
    ],
)
def test_fields_have_the_documented_types(msg, name: str, fields: dict[str, str]) -> None:
    assert getattr(msg, name).get_fields_and_field_types() == fields


def test_constants_keep_their_values(msg) -> None:
    assert [getattr(msg.Expression, name) for name in CATEGORIES] == list(range(7))
    assert msg.Expression.UNCERTAIN == 255
    stamped = msg.ExpressionStamped
    assert (stamped.UNKNOWN, stamped.FUSED, stamped.VISIBLE, stamped.INFRARED) == (0, 1, 2, 3)
    lenses = (stamped.IR_LEFT, stamped.IR_RIGHT, stamped.VIS_LEFT, stamped.VIS_RIGHT)
    assert lenses == (1, 2, 4, 8)


def test_ament_index_lists_the_definitions(install_prefix: Path) -> None:
    from ament_index_python import get_package_share_directory, get_resource

    listed, prefix = get_resource('rosidl_interfaces', 'fer_fusion_ros')
    assert Path(prefix) == install_prefix
    share = Path(get_package_share_directory('fer_fusion_ros'))
    for name in ('Expression', 'ExpressionStamped', 'ExpressionArray'):
        assert f'msg/{name}.msg' in listed.split()
        assert (share / 'msg' / f'{name}.msg').is_file()


@pytest.mark.parametrize('language', ['c', 'cpp'])
def test_typesupport_of_c_and_cpp_is_installed_and_loads(
    install_prefix: Path, language: str
) -> None:
    for kind in ('', '_fastrtps', '_introspection'):
        name = f'libfer_fusion_ros__rosidl_typesupport{kind}_{language}.so'
        ctypes.CDLL(str(install_prefix / 'lib' / name))
    suffix = {'c': 'h', 'cpp': 'hpp'}[language]
    headers = install_prefix / 'include' / 'fer_fusion_ros' / 'fer_fusion_ros' / 'msg'
    for name in ('expression', 'expression_stamped', 'expression_array'):
        assert (headers / f'{name}.{suffix}').is_file()
    assert list((install_prefix / 'share' / 'fer_fusion_ros' / 'cmake').glob('*Config.cmake'))


def test_message_survives_serialisation(msg) -> None:
    serialization = pytest.importorskip('rclpy.serialization')
    array = msg.ExpressionArray()
    face = msg.ExpressionStamped(face_id='face-1', modality=msg.ExpressionStamped.FUSED)
    face.raw.probabilities = [0.25, 0.75, 0.0, 0.0, 0.0, 0.0, 0.0]
    array.expressions = [face]
    data = serialization.serialize_message(array)
    back = serialization.deserialize_message(data, msg.ExpressionArray)
    assert back == array
    assert back.expressions[0].raw.probabilities[1] == 0.75
