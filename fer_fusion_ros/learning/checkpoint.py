"""Checkpoints that a training resumes from exactly."""

import hashlib
import os
import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fer_fusion_ros.exceptions import CheckpointError


def save_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """
    Write a checkpoint with the random state, so that a kill half-way leaves the former one.

    :param path: of the file; its folder is made.
    :param state: state dicts and plain values.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix('.partial')
    torch.save({**state, 'random': _random_state()}, partial)
    os.replace(partial, path)


def last_checkpoint(folder: str | Path) -> Path:
    """Return the file that a training in a folder resumes from."""
    return Path(folder) / 'last.ckpt'


def refuse_to_overwrite(folder: str | Path) -> None:
    """
    Refuse to start a training afresh where there already is one.

    :param folder: of the training.
    :raises CheckpointError: if it holds a last checkpoint.
    """
    path = last_checkpoint(folder)
    if path.exists():
        raise CheckpointError(
            f'{path} is of a training that this one would overwrite. Continue that one with '
            '--resume, or choose another --output.'
        )


def require_checkpoint(path: str | Path) -> None:
    """Raise a CheckpointError unless there is a checkpoint to resume from."""
    if not Path(path).is_file():
        raise CheckpointError(f'{path}: no such checkpoint. Train without --resume to start one.')


def read_checkpoint(path: str | Path, names: Collection[str]) -> dict[str, Any]:
    """
    Read a checkpoint onto the CPU; none of its code is run, as a stranger may have made it.

    :param names: of the values that such a training saves.
    :raises CheckpointError: if it lacks some of them.
    :raises Exception: of any kind if it cannot be read.
    """
    state = torch.load(path, map_location='cpu', weights_only=True)
    if not isinstance(state, dict) or not {'random', *names} <= state.keys():
        raise CheckpointError('it is not of such a training')
    return state


def load_checkpoint(
    path: str | Path, training: str = 'training', names: Collection[str] = ()
) -> dict[str, Any]:
    """
    Read a checkpoint and restore its random state.

    :param training: what it must be of, for messages.
    :param names: of the values that such a training saves.
    :raises CheckpointError: if there is none, it cannot be read or is of another training.
    """
    require_checkpoint(path)
    try:
        state = read_checkpoint(path, names)
    except CheckpointError as error:
        raise CheckpointError(
            f'{path}: not a checkpoint of a {training}; choose another output folder.'
        ) from error
    except Exception as error:
        raise CheckpointError(
            f'{path}: not a readable checkpoint ({error}). Remove it to start afresh.'
        ) from error
    _restore_random_state(state.pop('random'))
    return state


def fingerprint(*arrays: np.ndarray) -> str:
    """Return a hash of arrays, by which a checkpoint tells whether data are still the same."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def _random_state() -> dict[str, Any]:
    # Plain numbers, so that reading them needs no pickled code.
    name, key, *rest = np.random.get_state()
    return {
        'python': random.getstate(),
        'numpy': (name, key.tolist(), *rest),
        'torch': torch.get_rng_state(),
        'cuda': torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _restore_random_state(state: dict[str, Any]) -> None:
    random.setstate(state['python'])
    np.random.set_state(state['numpy'])
    torch.set_rng_state(state['torch'])
    if state['cuda'] and torch.cuda.device_count() == len(state['cuda']):
        torch.cuda.set_rng_state_all(state['cuda'])
