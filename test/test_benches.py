"""The benchmarks run to their end, each a moment only: what they measure is no matter here."""

from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent.parent / 'bench'


@pytest.mark.parametrize(
    ('name', 'arguments', 'needs', 'last'),
    [
        ('core', ['--frames', '3'], 'openvino', 'peak resident memory'),
        ('fusion', ['--repetitions', '1'], 'torch', '| realtime '),
        ('image_messages', ['--seconds', '1'], 'rclpy', 'profile   reliable     bgr8'),
        ('offline', ['--seconds', '1', '--people', '1'], 'rosbags', 'videos  '),
        ('pipeline', ['--seconds', '2', '--people', '1'], 'rclpy', '  the whole frame'),
    ],
    ids=['core', 'fusion', 'image_messages', 'offline', 'pipeline'],
)
def test_benchmark_runs(install_prefix, start_process, name, arguments, needs, last):
    pytest.importorskip(needs, reason=f'{needs} is not installed')
    bench = start_process('python', BENCH / f'bench_{name}.py', *arguments)
    assert bench.wait(120) == 0, bench.output
    assert bench.output.splitlines()[-1].startswith(last), bench.output
