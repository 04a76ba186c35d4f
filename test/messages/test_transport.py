"""The Fast DDS profile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fer_fusion_ros.messages.transport import profile_path, use_shared_memory_profile

FIXTURES = Path(__file__).resolve().parent.parent / 'fixtures'


@pytest.mark.parametrize(
    ('distribution', 'variable'),
    [
        ('humble', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('kilted', 'FASTDDS_DEFAULT_PROFILES_FILE'),
        ('rolling', 'FASTDDS_DEFAULT_PROFILES_FILE'),
    ],
)
def test_sets_the_variable_that_the_distribution_reads(distribution: str, variable: str) -> None:
    environment = {'ROS_DISTRO': distribution}
    assert use_shared_memory_profile(environment)
    assert set(environment) == {'ROS_DISTRO', variable}
    assert Path(environment[variable]).name == 'fastdds.xml'


@pytest.mark.parametrize(
    'variable', ['FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE']
)
def test_leaves_the_users_own_profile(variable: str) -> None:
    environment = {'ROS_DISTRO': 'jazzy', variable: '/etc/mine.xml'}
    assert not use_shared_memory_profile(environment)
    assert environment == {'ROS_DISTRO': 'jazzy', variable: '/etc/mine.xml'}


@pytest.mark.parametrize('own', ['', '/etc/mine.xml'])
def test_prints_what_a_shell_is_to_export(own: str) -> None:
    environment = {**os.environ, 'ROS_DISTRO': 'jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE': own}
    environment.pop('FASTDDS_DEFAULT_PROFILES_FILE', None)
    command = [sys.executable, '-m', 'fer_fusion_ros.messages.transport']
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    path = own or profile_path()
    assert printed.stdout.strip() == f'FASTRTPS_DEFAULT_PROFILES_FILE={path}'


def test_one_message_holds_a_colour_image_and_the_segment_many() -> None:
    root = ElementTree.parse(profile_path()).getroot()
    size = {tag.split('}')[-1]: element for element in root.iter() for tag in [element.tag]}
    assert int(size['maxMessageSize'].text) > 1920 * 1080
    assert int(size['segment_size'].text) > 30 * 640 * 480 * 3


def test_best_effort_colour_images_arrive_with_the_profile(start_process, install_prefix) -> None:
    # Fast DDS's defaults lose two of three of these. The profile is set in conftest.py.
    listener = start_process('python', FIXTURES / 'listener.py', 'image', '60')
    talker = start_process('python', FIXTURES / 'talker.py', 'image', '90', '30')
    talker.wait_for('published', timeout=30)
    heard = [line.split() for line in listener.output.splitlines() if line.startswith('heard')]
    assert len(heard) >= 85, listener.output
    assert all(int(size) == 640 * 480 * 3 for _, _, size, _ in heard)
    assert all(int(number) % 256 == int(content) for _, number, _, content in heard)
    assert 'XMLPARSER' not in listener.output + talker.output
