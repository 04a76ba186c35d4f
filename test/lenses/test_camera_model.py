import numpy as np
import pytest

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.lenses.camera_model import CameraModel

MODEL = CameraModel(
    name='vis_right',
    width=640,
    height=480,
    K=[[1000, 0, 320.5], [0, 990, 241], [0, 0, 1]],
    D=[-0.1, 1e-5, 0.001, 0, 0],
    distortion_model='plumb_bob',
    R=np.eye(3),
    P=[[995, 0, 319, -60], [0, 995, 240, 0], [0, 0, 1, 0]],
    frame_id='vis_right_optical',
)


def test_yaml_round_trip(tmp_path):
    MODEL.to_yaml(tmp_path / 'vis right.yaml')
    url = (tmp_path / 'vis right.yaml').as_uri()
    for source in (tmp_path / 'vis right.yaml', url):
        model = CameraModel.from_yaml(source, frame_id='vis_right_optical')
        for field in ('K', 'D', 'R', 'P'):
            np.testing.assert_array_equal(getattr(model, field), getattr(MODEL, field))
        assert (model.name, model.width, model.height) == ('vis_right', 640, 480)
        assert (model.distortion_model, model.frame_id) == ('plumb_bob', 'vis_right_optical')


def test_package_url_is_resolved(tmp_path):
    (tmp_path / 'config').mkdir()
    MODEL.to_yaml(tmp_path / 'config' / 'a.yaml')
    model = CameraModel.from_yaml(
        'package://somebody/config/a.yaml', {'somebody': tmp_path}.__getitem__
    )
    assert model.width == 640
    with pytest.raises(CalibrationError, match="'nobody' is not found; build it"):
        CameraModel.from_yaml('package://nobody/a.yaml', {}.__getitem__)


@pytest.mark.parametrize(
    ('package', 'problem'),
    [
        ('', "'' is no name of a package; write package://<package>/"),
        ('my pkg', "'my pkg' is no name of a package; write package://<package>/"),
        ('somebody', "'somebody' is not found; build it and source its install space"),
    ],
)
def test_package_url_that_ros_refuses(monkeypatch, package, problem):
    """It holds no name of a package, or no install space is sourced."""
    index = pytest.importorskip('ament_index_python')
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    with pytest.raises(CalibrationError, match=problem):
        CameraModel.from_yaml(f'package://{package}/a.yaml', index.get_package_share_directory)


def test_reads_what_camera_info_manager_writes(tmp_path):
    """Its numbers need no decimal point, which YAML 1.1 takes for strings."""
    (tmp_path / 'a.yaml').write_text(
        """image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [1e+03, 0, 320, 0, 1e+03, 240, 0, 0, 1]
distortion_model: rational_polynomial
distortion_coefficients:
  rows: 1
  cols: 8
  data: [1e-05, 0, 0, 0, 0, 0, 0, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [1000, 0, 320, 0, 0, 1000, 240, 0, 0, 0, 1, 0]
"""
    )
    model = CameraModel.from_yaml(tmp_path / 'a.yaml')
    assert model.name == 'narrow_stereo'
    assert model.D[0] == 1e-5
    assert model.K[0, 0] == 1000


def test_rectified_model_has_the_projection_alone():
    model = MODEL.rectified()
    np.testing.assert_array_equal(model.K, MODEL.P[:, :3])
    np.testing.assert_array_equal(model.P, MODEL.P)
    np.testing.assert_array_equal(model.R, np.eye(3))
    assert not model.D.any()
    assert model.frame_id == MODEL.frame_id


@pytest.mark.parametrize(
    ('before', 'after', 'problem'),
    [
        ('image_width: 640', '', 'field image_width is missing'),
        ('image_height: 480', 'image_height: tall', "field image_height is 'tall'"),
        ('image_height: 480', 'image_height: true', 'field image_height is True'),
        ('plumb_bob', 'fisheye', "distortion_model is 'fisheye', must be one of plumb_bob"),
        ('plumb_bob', '[plumb_bob]', r"distortion_model is \['plumb_bob'\], must be one of"),
        ('plumb_bob', 'equidistant', 'D has 5 coefficients, but equidistant has 4'),
        ('[1000.0, 0.0, 320.5', '[0.0, 320.5', 'field camera_matrix is no matrix'),
        ('[1000.0, 0.0, 320.5', '[0.0, 0.0, 320.5', 'K must have positive focal lengths'),
        (
            ', 0.0, 0.0, 1.0]\ndistortion_model',
            ', 0.0, 0.0, 0.0]\ndistortion_model',
            'K must have 0 0 1',
        ),
        ('[1000.0, 0.0, 320.5', '[.nan, 0.0, 320.5', 'K has a value that is not finite'),
        ('[1.0, 0.0, 0.0, 0.0, 1.0', '[2.0, 0.0, 0.0, 0.0, 1.0', 'R must be a rotation'),
        ('[1.0, 0.0, 0.0, 0.0, 1.0', '[-1.0, 0.0, 0.0, 0.0, 1.0', 'R must be a rotation'),
        ('rows: 3\n  cols: 4', 'rows: 4\n  cols: 3', 'projection_matrix is 4x3, but must be 3x4'),
        ('image_width', '- image_width', 'is not YAML'),
    ],
)
def test_broken_file_names_file_field_and_cure(tmp_path, before, after, problem):
    text = MODEL.yaml()
    assert before in text
    (tmp_path / 'broken.yaml').write_text(text.replace(before, after))
    with pytest.raises(CalibrationError, match=f'broken.yaml.*{problem}'):
        CameraModel.from_yaml(tmp_path / 'broken.yaml')


def test_missing_file_and_unknown_scheme(tmp_path):
    with pytest.raises(CalibrationError, match=r'none\.yaml.*correct camera_info_url'):
        CameraModel.from_yaml(tmp_path / 'none.yaml')
    with pytest.raises(CalibrationError, match='not understood'):
        CameraModel.from_yaml('https://example.org/a.yaml')
    (tmp_path / 'empty.yaml').touch()
    with pytest.raises(CalibrationError, match='is empty'):
        CameraModel.from_yaml(tmp_path / 'empty.yaml')
