"""A checkpoint brings back what was saved, the random state included."""

import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.exceptions import CheckpointError  # noqa: E402
from fer_fusion_ros.learning.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402


def draw():
    return random.random(), np.random.random(), torch.rand(1).item()


def test_values_and_random_numbers_come_back(tmp_path):
    path = tmp_path / 'new' / 'last.ckpt'
    save_checkpoint(path, {'epoch': 3, 'weights': torch.ones(2)})
    expected = draw()
    draw()
    state = load_checkpoint(path)
    assert state.keys() == {'epoch', 'weights'}
    assert state['epoch'] == 3
    assert draw() == expected
    assert [file.name for file in path.parent.iterdir()] == ['last.ckpt']


def test_a_failed_write_leaves_the_former_checkpoint(tmp_path):
    path = tmp_path / 'last.ckpt'
    save_checkpoint(path, {'epoch': 3})
    with pytest.raises(Exception, match='pickle'):
        save_checkpoint(path, {'epoch': lambda: 4})
    assert load_checkpoint(path)['epoch'] == 3


def test_no_code_of_a_checkpoint_is_run(tmp_path):
    class Intruder:
        def __reduce__(self):
            return Path.touch, (tmp_path / 'intruded',)

    torch.save({'random': None, 'weights': Intruder()}, tmp_path / 'strange.ckpt')
    with pytest.raises(CheckpointError, match=r'strange\.ckpt: not a readable checkpoint'):
        load_checkpoint(tmp_path / 'strange.ckpt')
    assert not (tmp_path / 'intruded').exists()


def test_errors_name_the_file(tmp_path):
    with pytest.raises(CheckpointError, match=r'none\.ckpt: no such checkpoint'):
        load_checkpoint(tmp_path / 'none.ckpt')
    (tmp_path / 'bad.ckpt').write_bytes(b'not a checkpoint')
    with pytest.raises(CheckpointError, match=r'bad\.ckpt: not a readable checkpoint'):
        load_checkpoint(tmp_path / 'bad.ckpt')
    torch.save({'weights': 1}, tmp_path / 'other.ckpt')
    with pytest.raises(CheckpointError, match=r'other\.ckpt: not a checkpoint of a training'):
        load_checkpoint(tmp_path / 'other.ckpt')


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / 'last.ckpt'
    save_checkpoint(path, {'epoch': 3, 'network': 1})
    assert load_checkpoint(path, 'fusion training', ['epoch'])['epoch'] == 3
    expected = torch.get_rng_state()
    torch.rand(1)
    told = r'last\.ckpt: not a checkpoint of a fusion training; choose another output folder'
    with pytest.raises(CheckpointError, match=told):
        load_checkpoint(path, 'fusion training', ['epoch', 'critic'])
    assert not torch.equal(torch.get_rng_state(), expected)
    torch.save([1], path)
    with pytest.raises(CheckpointError, match=told):
        load_checkpoint(path, 'fusion training')
