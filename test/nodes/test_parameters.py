"""Wrong parameters are named, with what they may be."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip('rclpy', reason='there is no ROS here')

import rclpy
from rclpy.parameter import Parameter

from fer_fusion_ros.exceptions import ParameterError
from fer_fusion_ros.nodes.parameters import declare, report_unknown

CONFIG = Path(__file__).resolve().parent.parent.parent / 'config' / 'fer_fusion.yaml'


@pytest.fixture
def make_node(ros_context):
    nodes = []

    def make(**given):
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        node = rclpy.create_node('tested', context=ros_context, parameter_overrides=overrides)
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.destroy_node()


def test_default_and_descriptor(make_node):
    node = make_node()
    assert declare(node, 'distance', 3.0, 'in metres', range=(0.3, 30.0)) == 3.0
    descriptor = node.describe_parameter('distance')
    assert descriptor.description == 'in metres'
    assert descriptor.floating_point_range[0].to_value == 30.0
    assert descriptor.read_only


def test_number_is_taken_for_a_text(make_node):
    assert declare(make_node(light=0.5), 'light', '1.0', 'level') == '0.5'
    assert declare(make_node(source=2), 'source', 'rig', 'where from') == '2'


def test_whole_number_is_taken_for_a_real_one(make_node):
    assert declare(make_node(distance=4), 'distance', 3.0, 'in metres') == 4.0


@pytest.mark.parametrize(
    ('given', 'default', 'limits', 'words'),
    [
        ('far', 3.0, {}, ['distance', "'far'", 'a number']),
        (1.5, 2, {}, ['distance', '1.5', 'a whole number']),
        (50.0, 3.0, {'range': (0.3, 30.0)}, ['distance', '50.0', 'from 0.3 to 30.0']),
        ('opnvino', 'auto', {'choices': ('auto', 'openvino')}, ["did you mean 'openvino'"]),
        (['vis_lft'], ['vis_left'], {'choices': ('vis_left',)}, ["did you mean 'vis_left'"]),
        (['vis_left'] * 2, ['vis_left'], {'choices': ('vis_left',)}, ['names one twice']),
    ],
)
def test_wrong_value_is_named_with_what_it_may_be(make_node, given, default, limits, words):
    with pytest.raises(ParameterError) as error:
        declare(make_node(distance=given), 'distance', default, 'in metres', **limits)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ('default', 'choices', 'words'),
    [
        (['vis_left'], ('vis_left', 'vis_right'), 'at least one of vis_left, vis_right'),
        ('auto', ('auto', 'openvino'), 'one of auto, openvino'),
        (3.0, None, 'a number such as 3.0'),
    ],
)
def test_an_empty_list_is_no_value(make_node, default, choices, words):
    # So `[]` comes from the command line and from files.
    node = make_node(setting=None)
    with pytest.raises(ParameterError, match=f"'setting' of node 'tested' is empty; give {words}"):
        declare(node, 'setting', default, 'which', choices=choices)


def test_unknown_parameter_is_named_with_the_nearest(make_node):
    node = make_node(plane_distnce=2.0)
    declare(node, 'plane_distance', 3.0, 'in metres')
    (warning,) = report_unknown(node)
    assert "'plane_distnce'" in warning
    assert "did you mean 'plane_distance'" in warning


def test_what_one_node_of_the_process_uses_is_not_unknown(make_node):
    node = make_node(distance=2.0, source='rig', loup=True)
    other = make_node(distance=2.0, source='rig', loup=True, tolerance=0.1)
    declare(node, 'distance', 3.0, 'in metres')
    declare(node, 'tolerance', 0.02, 'in seconds')
    declare(other, 'source', '', 'of images')
    declare(other, 'loop', False, 'again')
    misspelt, elsewhere = report_unknown(node, other)
    assert "'loup'" in misspelt
    assert "did you mean 'loop'" in misspelt
    # It was given to the node that has no use for it.
    assert "'tolerance'" in elsewhere


@pytest.mark.parametrize(
    'executable', ['camera_array', 'pipeline', 'registration', 'fusion', 'expression']
)
def test_the_parameter_file_lists_every_parameter_at_its_default(
    executable, start_node, ros_node, spin_until
):
    from rcl_interfaces.srv import GetParameters, ListParameters

    written = _flatten(yaml.safe_load(CONFIG.read_text())[f'/**/{executable}']['ros__parameters'])
    node = start_node(executable)

    def call(service, name, request):
        client = ros_node.create_client(service, f'/fer/{executable}/{name}')
        assert spin_until(client.service_is_ready, 20), node.output
        # Fast DDS can lose a reply to who asks as soon as the service is there.
        for _ in range(3):
            future = client.call_async(request)
            if spin_until(future.done, 5):
                return future.result()
        pytest.fail(f'{name} does not answer; the node said: {node.output}')

    names = [
        name
        for name in call(ListParameters, 'list_parameters', ListParameters.Request()).result.names
        if not name.startswith(('qos_overrides', 'use_sim_time', 'start_type_description'))
    ]
    values = call(GetParameters, 'get_parameters', GetParameters.Request(names=names)).values
    from rclpy.parameter import parameter_value_to_python

    declared = dict(zip(names, map(parameter_value_to_python, values), strict=True))
    assert written == declared


def _flatten(tree, prefix=''):
    flat = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f'{prefix}{name}.')
        else:
            flat[prefix + name] = value
    return flat
