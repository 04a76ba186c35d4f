"""Fixtures for every test: the optional data, and real ROS nodes in this and other processes."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

# Before NumPy or OpenCV start their threads; also inherited by the nodes that tests start.
os.environ.setdefault('OMP_NUM_THREADS', '1')
# A test must neither hear nor disturb a robot on the same network.
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

import pytest

from fer_fusion_ros.messages.transport import use_shared_memory_profile

# Fast DDS reads it once, when a process makes its first context.
use_shared_memory_profile()
# What a shell starts in the background ignores Ctrl-C, and so would the processes of the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    # So it is with SIGHUP under nohup; with a handler they hear it, and this process survives it.
    signal.signal(signal.SIGHUP, lambda *_: None)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder with the data sets (fer2013, nir_faces, fusion); skip without it."""
    folder = Path(os.environ.get('FER_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no data sets in {folder}: set FER_DATA to their folder')
    return folder


@pytest.fixture(scope='session')
def yunet_model(shared_data: Path) -> Path:
    """Return YuNet's model file, kept in `models` beside the data sets; skip without it."""
    path = shared_data.parent / 'models' / 'face_detection_yunet_2023mar.onnx'
    if not path.is_file():
        pytest.skip(f'no face detector at {path}')
    return path


@pytest.fixture(scope='session')
def quantise() -> ModuleType:
    """Return the module; skip with an ONNX Runtime that is too old for it."""
    pytest.importorskip('onnxruntime.quantization.shape_inference')
    return importlib.import_module('fer_fusion_ros.expression.quantise')


@pytest.fixture
def start_two_processes() -> Callable[..., subprocess.Popen]:
    """Start a script with arguments in two processes under torchrun, on the processor."""

    def start(script: Path, *arguments: str | Path) -> subprocess.Popen:
        command = [sys.executable, '-m', 'torch.distributed.run']
        command += ['--standalone', '--nproc-per-node=2', script, *arguments]
        environment = {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
        environment['PYTHONPATH'] = os.pathsep.join(sys.path)
        return subprocess.Popen(command, env={**os.environ, **environment})

    return start


@pytest.fixture
def gradients_by_processes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start_two_processes: Callable[..., subprocess.Popen],
) -> Callable[[str], tuple[list, list]]:
    """
    Run a training script in this process and under torchrun with two.

    The script saves the number of `processes` and its `gradients` to the path that it is given.
    """
    import torch

    def run(text: str) -> tuple[list, list]:
        script = tmp_path / 'gradients.py'
        script.write_text(text)
        one, two = tmp_path / 'one.pt', tmp_path / 'two.pt'
        pair = start_two_processes(script, two)
        monkeypatch.setattr(sys, 'argv', ['gradients', str(one)])
        runpy.run_path(str(script))
        assert pair.wait() == 0
        saved = [torch.load(path) for path in (one, two)]
        assert [each['processes'] for each in saved] == [1, 2]
        return saved[0]['gradients'], saved[1]['gradients']

    return run


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Take a ROS_DOMAIN_ID that no other test on this machine has, and set it."""
    # 1 to 101 are the domains whose ports stay below Linux's ephemeral range.
    for attempt in range(1000):
        domain = 30 + (os.getpid() + attempt) % 70
        path = Path(f'/tmp/fer_fusion_ros.domain-{domain}')
        if not path.exists():
            path.touch()
        lock = path.open()  # may be another user's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain
        lock.close()
        return
    pytest.fail('no free ROS domain')


class Process:
    """Run a command in a process group of its own, its output kept in a file."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str]) -> None:
        self.command = command
        self.log = log
        with log.open('wb') as out:
            self.popen = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'PYTHONUNBUFFERED': '1', **environment},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """Everything it has printed so far."""
        return self.log.read_text(errors='replace')

    def wait_for(self, text: str, timeout: float = 15.0) -> str:
        """Wait until it prints `text`; return its output. Fail when it ends or takes too long."""
        end = time.monotonic() + timeout
        while text not in self.output:
            ended = self.popen.poll() is not None
            if (ended and text not in self.output) or time.monotonic() > end:
                why = f'ended with {self.popen.returncode}' if ended else f'took over {timeout} s'
                pytest.fail(f'{self.command[0]} {why} without {text!r}; it said:\n{self.output}')
            time.sleep(0.02)
        return self.output

    def wait(self, timeout: float = 15.0) -> int:
        """Wait for its end and return its exit status."""
        return self.popen.wait(timeout)

    def stop(self, sign: int = signal.SIGINT, timeout: float = 8.0) -> int:
        """Signal it, wait for its end, and return its exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(sign)
        return self.popen.wait(timeout)

    def kill(self) -> None:
        """End it and all its children, whatever state they are in."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


@pytest.fixture
def start_process(tmp_path: Path, ros_domain: int) -> Iterator[Callable[..., Process]]:
    """
    Start commands in other processes, in this test's ROS domain; end them after the test.

    `start_process('python', 'file.py', NAME='value')`: words, then variables of the environment.
    """
    processes: list[Process] = []

    def start(*command: str | Path, **environment: str) -> Process:
        log = tmp_path / f'process-{len(processes)}.log'
        words = [sys.executable if word == 'python' else str(word) for word in command]
        processes.append(Process(words, log, environment))
        return processes[-1]

    yield start
    # A killed participant leaves its shared memory, 35 MB, to the machine.
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.stop()
        process.kill()


@pytest.fixture(scope='session')
def install_prefix() -> Path:
    """Return the prefix this package is installed to, as the ament index knows it."""
    index = pytest.importorskip('ament_index_python', reason='there is no ROS here')
    try:
        return Path(index.get_package_prefix('fer_fusion_ros'))
    except index.PackageNotFoundError:
        pytest.skip('fer_fusion_ros is not built: `make build`, then `eval "$(make -s env)"`')


@pytest.fixture
def start_node(
    install_prefix: Path, start_process: Callable[..., Process]
) -> Callable[..., Process]:
    """
    Start an installed executable of this package in another process.

    `start_node('camera_array', '-p', 'frame_rate:=10.0')`: what follows the name is `--ros-args`.
    """

    def start(executable: str, *ros_arguments: str, **environment: str) -> Process:
        path = install_prefix / 'lib' / 'fer_fusion_ros' / executable
        arguments = ('--ros-args', *ros_arguments) if ros_arguments else ()
        return start_process(path, *arguments, **environment)

    return start


@pytest.fixture
def ros_context(ros_domain: int) -> Iterator:
    """Return a context of this process in the test's ROS domain."""
    rclpy = pytest.importorskip('rclpy', reason='there is no ROS here')
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    yield context
    context.try_shutdown()


@pytest.fixture
def ros_node(ros_context) -> Iterator:
    """Return a node in a context of its own."""
    import rclpy

    node = rclpy.create_node('test_node', context=ros_context)
    yield node
    node.destroy_node()


@pytest.fixture
def spin_until(ros_node) -> Iterator[Callable[..., bool]]:
    """
    Return a function that spins `ros_node` until a condition holds.

    `assert spin_until(lambda: received, timeout=5.0)`
    """
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=ros_node.context)
    executor.add_node(ros_node)

    def spin(condition: Callable[[], object], timeout: float = 10.0) -> bool:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            executor.spin_once(timeout_sec=0.05)
        return True

    yield spin
    executor.shutdown()


@pytest.fixture
def fill_the_disk(monkeypatch):
    """Return what lets a module's second checkpoint fail, as on a full disk."""

    def fill(module):
        save, saved = module.save_checkpoint, []

        def save_one(path, state):
            if saved:
                raise OSError('No space left on device')
            saved.append(path)
            save(path, state)

        monkeypatch.setattr(module, 'save_checkpoint', save_one)

    return fill
