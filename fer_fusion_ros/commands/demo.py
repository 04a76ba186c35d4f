"""See it work without a camera: simulated lenses, real nodes, a video, a picture and a bag.

The light of a simulated room goes down to near dark and up again while somebody smiles. The nodes
run as on a robot, each in a process of its own; the demo records what they publish into a bag,
and draws the video and the picture from it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from fer_fusion_ros.commands._options import make_folder, positive
from fer_fusion_ros.exceptions import DemoError
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import LightProgramme, SimulatedRig
from fer_fusion_ros.messages.transport import use_shared_memory_profile

NAMESPACE = '/fer'
START_TIMEOUT = 30.0
"""Seconds that the nodes may take until their first message."""
DAYLIGHT, DARK = 1.0, 0.02
# The light of the room over the run's duration, as shares of it.
_LIGHT = ((0.0, DAYLIGHT), (0.3, DAYLIGHT), (0.45, DARK), (0.7, DARK), (0.85, DAYLIGHT))
# The moments in the picture, likewise.
_SHOWN = {'daylight': 0.25, 'near dark': 0.6, 'light again': 0.95}
EXPECTED = 'happy'
"""The expression of the astronaut, who is shown by default."""
MARK = '.fer_fusion_demo'
"""A file in the bags that the demo records, and so may remove."""
HUMBLE_DOMAIN = '87'
"""The ROS domain of the demo with Humble, which hardly any robot has."""
ENOUGH = 0.8
"""Share of the frames below which too few were read to call the processor fast enough."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        '--output',
        type=Path,
        default=Path('out'),
        help='folder for the results, out by default; those of an earlier demo are replaced',
    )
    parser.add_argument(
        '--faces', default='', help='photograph or folder to show in place of the astronaut'
    )
    parser.add_argument('--seconds', type=positive, default=16.0, help='length of the run, 16')
    parser.add_argument('--rate', type=positive, default=15.0, help='frames per second, 15')
    parser.add_argument('--distance', type=positive, default=3.0, help='to the face in metres, 3')
    parser.add_argument(
        '--window',
        action=argparse.BooleanOptionalAction,
        default=bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')),
        help='show it live; by default when there is a display',
    )


def main(args: argparse.Namespace) -> int:
    """Run the demo; return 0 when expressions came out of it."""
    began = time.monotonic()
    _check_modules()
    # Windows has none: what is missing there is told before.
    import fcntl

    # As the node makes it: what it refuses is told before anything of an earlier demo is removed.
    SimulatedRig(args.faces or None, distance=args.distance, fps=args.rate)
    output = make_folder(args.output).resolve()
    with (output / 'nodes.log').open('a') as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(
                f'another demo writes to {output}; wait for its end, or choose another --output'
            ) from error
        _make_way(output / 'bag')
        _tell(args, output, began)
    print(f'Done in {time.monotonic() - began:.0f} s.')
    return 0


def _check_modules() -> None:
    """Import what the demo needs, before anything of an earlier one is removed."""
    try:
        importlib.import_module('rclpy')
    except ImportError as error:
        if error.name != 'rclpy':
            reason = str(error).partition('\n')[0]
            raise DemoError(
                f'rclpy is installed but cannot be imported ({reason}); source the setup.bash of '
                'its ROS distribution'
            ) from error
        raise DemoError(
            'the demo runs real nodes and there is no ROS here; type `make demo` in the source '
            "folder, which sets it up, or source a ROS distribution's setup.bash"
        ) from error
    try:
        importlib.import_module('fer_fusion_ros.msg')
    except ModuleNotFoundError as error:
        raise DemoError(
            'the demo runs real nodes and their messages are not built here; build this package '
            'with colcon and source its install space, or type `make demo` in the source folder'
        ) from error
    for name in ('bag_recorder', 'board', 'story'):
        importlib.import_module(f'fer_fusion_ros.demo.{name}')


def _make_way(bag: Path) -> None:
    """Remove the bag of an earlier demo, also one that was cut off."""
    if (bag / MARK).is_file():
        shutil.rmtree(bag)
    elif os.path.lexists(bag):
        raise DemoError(
            f'{bag} exists and was not recorded by this demo; move it away, or choose another '
            '--output'
        )


def _tell(args: argparse.Namespace, output: Path, began: float) -> None:
    """Run the nodes, and draw and say what came out of it."""
    bag = output / 'bag'
    programme = ' '.join(f'{share * args.seconds:.2f}:{level}' for share, level in _LIGHT)
    keep_apart(os.environ)
    use_shared_memory_profile()
    _run(args, programme, bag, output, began)

    from fer_fusion_ros.demo.story import Story

    story = Story(bag, NAMESPACE, args.distance)
    if not story.frames:
        raise DemoError(f'the pipeline published no expressions; see {output / "nodes.log"}')
    light = LightProgramme(programme)
    _draw(story, light, args.rate, output)
    _conclude(story, light, named=not args.faces)
    for name in ('demo.mp4', 'demo.png', 'bag', 'nodes.log'):
        print(f'  {output / name}')


def keep_apart(environ: MutableMapping[str, str]) -> None:
    """Let neither the robots on this network nor the demo hear each other."""
    environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    if environ.get('ROS_DISTRO') == 'humble':  # It does not know that.
        environ.setdefault('ROS_DOMAIN_ID', HUMBLE_DOMAIN)


def _run(args: argparse.Namespace, programme: str, bag: Path, output: Path, began: float) -> None:
    """Start the nodes, record what they publish, and say it as it comes."""
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image
    from visualization_msgs.msg import MarkerArray

    from fer_fusion_ros.demo.bag_recorder import BagRecorder
    from fer_fusion_ros.messages.qos import IMAGE_SUBSCRIBER_QOS, SUBSCRIBER_QOS
    from fer_fusion_ros.msg import ExpressionArray, ExpressionStamped
    from fer_fusion_ros.nodes.run import on_signals

    expressions = f'{NAMESPACE}/expressions'
    topics = {
        **{f'{NAMESPACE}/{lens}/image_raw/compressed': CompressedImage for lens in LENSES},
        **{f'{NAMESPACE}/{lens}/camera_info': CameraInfo for lens in LENSES},
        f'{NAMESPACE}/expression': ExpressionStamped,
        expressions: ExpressionArray,
        f'{NAMESPACE}/markers': MarkerArray,
        '/diagnostics': DiagnosticArray,
    }
    cameras = [
        'source:=rig',
        f"rig.light:='{programme}'",
        f'rig.distance:={args.distance}',
        f'rig.fps:={args.rate}',
        'compressed:=true',
    ]
    if args.faces:
        # Values are YAML, in which a path may mean something else without quotes.
        path = json.dumps(str(Path(args.faces).expanduser().resolve()), ensure_ascii=False)
        cameras.append(f'rig.faces:={path}')
    # Signals are heard between two messages, never within rclpy or the writer of the bag.
    stop = threading.Event()
    on_signals(lambda *_: stop.set())
    # Not the command's own arguments, which need not be UTF-8.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('demo', namespace=NAMESPACE)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    recorder = BagRecorder(node, bag, topics)
    (bag / MARK).touch()
    try:
        teller = _Teller()
        node.create_subscription(ExpressionArray, expressions, teller.tell, SUBSCRIBER_QOS)
        if args.window:
            node.create_subscription(
                Image, f'{NAMESPACE}/overlay/image', _show, IMAGE_SUBSCRIBER_QOS
            )
        with _Nodes(output / 'nodes.log') as nodes:

            def spin(waiting: bool = True) -> None:
                executor.spin_once(timeout_sec=0.1)
                if stop.is_set():
                    raise KeyboardInterrupt
                nodes.check(waiting)

            nodes.start('pipeline', f'plane_distance:={args.distance}')
            # Ready before the lenses, to see all of the light.
            while not node.count_publishers(expressions):
                spin()
            nodes.start('camera_array', *cameras)
            while not any(recorder.counts[topic] for topic in topics if NAMESPACE in topic):
                spin()
            start = time.monotonic()
            print(f'First frame after {start - began:.1f} s.', flush=True)
            while time.monotonic() < start + args.seconds:
                spin(waiting=False)
                if node.count_publishers(expressions) > 1:
                    raise DemoError(
                        f'another pipeline publishes {expressions} too; stop it, or set '
                        'ROS_DOMAIN_ID to another number'
                    )
    finally:
        recorder.close()
        rclpy.try_shutdown()
        on_signals(signal.default_int_handler)
    print('Received, per second:')
    for topic, count in sorted(recorder.counts.items()):
        print(f'  {count / args.seconds:5.1f}  {topic}')


class _Nodes:
    """Installed nodes, each in a process, that end with the block.

    :param log: file for what they print.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._processes: dict[str, subprocess.Popen] = {}
        self._limit = 0.0

    def __enter__(self) -> _Nodes:
        self._log.write_text('')
        return self

    def start(self, name: str, *parameters: str) -> None:
        """Start an executable with parameters such as ``'compressed:=true'``."""
        from ament_index_python import get_package_prefix

        path = Path(get_package_prefix('fer_fusion_ros'), 'lib', 'fer_fusion_ros', name)
        words = [word for parameter in parameters for word in ('-p', parameter)]
        # Where the demo is killed, the system ends them.
        wrapper = ['setpriv', '--pdeathsig', 'TERM'] if shutil.which('setpriv') else []
        with self._log.open('a') as out:
            self._processes[name] = subprocess.Popen(
                [*wrapper, path, '--ros-args', *words],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends them
            )
        self._limit = time.monotonic() + START_TIMEOUT

    def check(self, waiting: bool) -> None:
        """Raise a `DemoError` when one has ended, or has been waited for too long."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise DemoError(f'{name} ended by itself; it said:\n{self._end()}')
        if waiting and time.monotonic() > self._limit:
            raise DemoError(
                f'nothing came from {name} within {START_TIMEOUT:.0f} s; it said:\n{self._end()}'
            )

    def _end(self) -> str:
        text = self._log.read_text(encoding='utf-8', errors='replace')
        return '\n'.join(text.splitlines()[-15:])

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGINT)
        for process in self._processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


class _Teller:
    """Print the expression of the face known longest when it changes, and once per second."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._last: tuple[str, str] | None = None
        self._next = 0.0

    def tell(self, message: Any) -> None:
        """Take a message of expressions."""
        now = message.header.stamp.sec + message.header.stamp.nanosec / 1e9
        if self._start is None:
            self._start = now
        if not message.expressions:
            said = ('nobody', '')
            words = 'nobody'
        else:
            face = message.expressions[0]
            modality = Modality(face.modality).name.lower()
            said = (face.expression.label, modality)
            latency = face.latency.sec * 1e3 + face.latency.nanosec / 1e6
            words = (
                f'{face.face_id}  {face.expression.label:9} {face.expression.confidence:4.0%}  '
                f'read from the {modality} image, face light {face.illumination:4.0%}, '
                f'{latency:.0f} ms'
            )
        if said != self._last or now >= self._next:
            self._last, self._next = said, now + 1.0
            print(f'{now - self._start:6.1f} s  {words}', flush=True)


def _show(message: Any) -> None:
    """Show the overlay in a window."""
    import cv2

    from fer_fusion_ros.messages.image import image_to_array

    cv2.imshow('fer_fusion demo', image_to_array(message, 'bgr8'))
    cv2.waitKey(1)


def _draw(story: Any, light: LightProgramme, rate: float, output: Path) -> None:
    """Write the video and the picture."""
    from fer_fusion_ros.demo.board import Board
    from fer_fusion_ros.demo.video_file import VideoFile
    from fer_fusion_ros.image_files import imwrite

    board = Board(story.readings, story.duration, story.begin)
    chosen: dict[str, Any] = {}

    def distance(moment: Any, share: float) -> tuple[bool, float]:
        return moment.reading is None, abs(moment.time - share * story.duration)

    with VideoFile(output / 'demo.mp4', Board.VIDEO_SIZE, rate) as video:
        for moment in story.moments():
            moment.light = light(moment.time)
            video.write(board.frame(moment))
            for name, share in _SHOWN.items():
                best = chosen.get(name)
                if best is None or distance(moment, share) < distance(best, share):
                    chosen[name] = moment
    imwrite(output / 'demo.png', board.picture(list(chosen.items())))


def _conclude(story: Any, light: LightProgramme, named: bool) -> None:
    """Print what was measured, and whether the smile was named."""
    print('Expression of the face known longest:')
    good = True
    for name, level in (('daylight', DAYLIGHT), ('near dark', DARK)):
        # Frames whose light has been so for half a second, longer than the smoothing lasts.
        readings = [
            reading
            for reading in story.readings
            if abs(light(reading.time) - level) < 0.001
            and abs(light(reading.time - 0.5) - level) < 0.001
        ]
        labels = [reading.label for reading in readings]
        if not labels:
            print(f'  {name:9}  nobody found')
            good = False
            continue
        most = max(set(labels), key=labels.count)
        share = labels.count(most) / len(labels)
        confidence = sum(r.confidence for r in readings if r.label == most) / labels.count(most)
        modalities = {reading.modality.name.lower() for reading in readings}
        print(
            f'  {name:9}  {most} in {share:.0%} of {len(labels)} frames, mean confidence '
            f'{confidence:.0%}, read from: {", ".join(sorted(modalities))}'
        )
        good = good and most == EXPECTED
    if named:
        print(
            'The smile was named in the light and in the dark.'
            if good
            else f'The astronaut is {EXPECTED}; that was not named everywhere.'
        )
    if slow := remark_on_pace(story.read, story.captured):
        print(slow)


def remark_on_pace(read: int, captured: int) -> str:
    """Return what to say when clearly fewer frames were read than came, else ''."""
    if read >= ENOUGH * captured:
        return ''
    return (
        f'The processor was too slow: expressions were read in {read} of {captured} frames. '
        'Close other programs, or try a lower --rate.'
    )
