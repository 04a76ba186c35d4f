"""Test that processes which train together end in order."""

LEAVING = """
import atexit
import sys
from pathlib import Path

import torch

from fer_fusion_ros.learning.fabric import make_fabric


def note_threads():
    names = {path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')}
    Path(sys.argv[1], moment + str(fabric.global_rank)).write_text(' '.join(names))


moment = 'end'
atexit.register(note_threads)
fabric = make_fabric('32-true')
# At the end, this script still holds what shares the gradients.
model = fabric.setup(torch.nn.Linear(2, 2))
fabric.backward(model(torch.ones(1, 2)).sum())
moment = 'training'
note_threads()
moment = 'end'
"""


def test_no_thread_of_the_process_group_outlives_the_training(start_two_processes, tmp_path):
    script = tmp_path / 'leaving.py'
    script.write_text(LEAVING)
    assert start_two_processes(script, tmp_path).wait() == 0
    for rank in (0, 1):
        assert 'gloo' in (tmp_path / f'training{rank}').read_text()
        assert 'gloo' not in (tmp_path / f'end{rank}').read_text()
