"""Processes of two ROS distributions hear each other."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / 'test' / 'fixtures'


def _enter(suffix: str) -> str:
    """Return the shell words that enter the environment of wheels with that suffix."""
    venv, install = ROOT / f'.venv{suffix}', ROOT / f'install{suffix}'
    if not ((venv / '.run').exists() and (install / 'setup.bash').exists()):
        pytest.skip('it takes both builds: `make test-interop`')
    distribution = suffix[1:] or 'jazzy'
    # The wheels set the last one once they have set the library path of their own prefix.
    return (
        'unset PYTHONPATH LD_LIBRARY_PATH COLCON_PREFIX_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE '
        'FASTRTPS_DEFAULT_PROFILES_FILE FASTDDS_DEFAULT_PROFILES_FILE; '
        f'export ROS_DISTRO={distribution} '
        f'AMENT_PREFIX_PATH={venv} CMAKE_PREFIX_PATH={venv}; '
        f'source {venv}/bin/activate; source {install}/setup.bash; '
        'export $(python -m fer_fusion_ros.messages.transport); exec python'
    )


@pytest.mark.parametrize('kind', ['expressions', 'image'])
@pytest.mark.parametrize(
    ('talker', 'listener'),
    [('', '-kilted'), ('-kilted', '')],
    ids=['jazzy-kilted', 'kilted-jazzy'],
)
def test_one_distribution_hears_the_other(
    start_process, kind: str, talker: str, listener: str
) -> None:
    # Fast DDS 2 and 3 do not share memory: images go over UDP, which loses some unless reliable.
    listens_to = 'reliable-image' if kind == 'image' else kind
    hears = start_process(
        'bash', '-c', f'{_enter(listener)} {FIXTURES}/listener.py {listens_to} 60'
    )
    talks = start_process('bash', '-c', f'{_enter(talker)} {FIXTURES}/talker.py {kind} 30 30')
    talks.wait_for('published', timeout=30)
    heard = [line.split()[1:] for line in hears.output.splitlines() if line.startswith('heard')]
    assert len(heard) >= 27, hears.output
    if kind == 'expressions':
        assert heard[-1] == ['29', 'face-1', 'happy', '1.0']
    else:
        assert heard[-1] == ['29', str(640 * 480 * 3), '29']
