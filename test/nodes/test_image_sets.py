"""What a node says of the image sets that it cannot keep up with."""

import time

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.nodes.image_sets import START_UP, ImageSets, raw_topics
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.synchronisation import Frame

IMAGE = np.zeros((8, 8), np.uint8)


@pytest.fixture
def make_images(ros_context):
    made = []

    def make(**parameters):
        node = StageNode('slow', context=ros_context)
        for name, value in parameters.items():
            node.declare_parameter(name, value)
        images = ImageSets(node, raw_topics, lambda _: time.sleep(0.2), subscribe=False)
        made.append((node, images))
        return images

    yield make
    for node, images in made:
        images.close()
        node.destroy_node()


@pytest.mark.parametrize(
    ('parameters', 'cure'),
    [
        ({}, 'try fewer images per second'),
        ({'expression_weights': 'expression_stride2'}, 'try fewer images per second'),
        ({'expression_weights': ''}, 'try -p expression_weights:=expression_stride2, or fewer'),
    ],
)
def test_dropped_sets_are_reported_once_and_with_a_cure(make_images, parameters, cure):
    images = make_images(**parameters)

    def drops():
        return [problem for problem in images.diagnose()[0] if 'dropped' in problem]

    images.add(Frame(LENSES[0], 0, IMAGE))
    time.sleep(START_UP)
    assert drops() == []
    for index in range(1, 21):
        for lens in LENSES:
            images.add(Frame(lens, index * 33_000_000, IMAGE))
    [problem] = drops()
    dropped = images.diagnose()[1]['sets dropped']
    assert dropped > 10
    assert problem.startswith(f'{dropped} sets were dropped')
    assert cure in problem
    assert drops() == []
