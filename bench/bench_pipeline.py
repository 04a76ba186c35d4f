"""Measure the live pipeline: four lenses x 30 frames/s over DDS from another process.

    python bench/bench_pipeline.py [--seconds 60] [--people 1 4]

Run it on an otherwise idle machine, in the environment of `make env`. The lenses send pictures of
the simulated rig that were rendered beforehand, as cameras take no processor time to render. The
bench_core.py beside it measures the stages one by one; the last table here shows where the time
of a frame goes.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

TICK = os.sysconf('SC_CLK_TCK')
PAGE = os.sysconf('SC_PAGE_SIZE')
RATE = 30.0
PICTURES = 90  # rendered beforehand for each lens


class Watched:
    """Another process, and what it uses of the machine."""

    def __init__(self, name: str, *words: str) -> None:
        self.name = name
        self.popen = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)

    def cpu(self) -> float:
        """Return the processor seconds used so far."""
        fields = Path(f'/proc/{self.popen.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> float:
        """Return the resident memory in MB."""
        return int(Path(f'/proc/{self.popen.pid}/statm').read_text().split()[1]) * PAGE / 1e6

    def stop(self) -> None:
        """End it."""
        self.popen.send_signal(signal.SIGINT)
        self.popen.wait(10)


def send(people: int) -> None:
    """Publish four lenses at 30 frames/s, to and fro through some seconds, until interrupted."""
    import rclpy
    from sensor_msgs.msg import CameraInfo, Image

    from fer_fusion_ros.lenses.names import LENSES, optical_frame
    from fer_fusion_ros.lenses.rig import SimulatedRig
    from fer_fusion_ros.messages.camera_info import model_to_camera_info
    from fer_fusion_ros.messages.image import array_to_image
    from fer_fusion_ros.messages.qos import PUBLISHER_QOS

    rig = SimulatedRig(people=people, dwell=3600.0)
    pictures = {
        lens: [rig.render(lens, index / RATE) for index in range(PICTURES)] for lens in LENSES
    }
    infos = {
        lens: model_to_camera_info(rig.camera_model(lens), 0, optical_frame(lens))
        for lens in LENSES
    }
    rclpy.init()
    node = rclpy.create_node('lenses', namespace='fer')
    publishers = {
        lens: (
            node.create_publisher(Image, f'{lens}/image_raw', PUBLISHER_QOS),
            node.create_publisher(CameraInfo, f'{lens}/camera_info', PUBLISHER_QOS),
        )
        for lens in LENSES
    }
    print('ready', flush=True)
    start, number = time.monotonic(), 0
    try:
        while True:
            time.sleep(max(0.0, start + number / RATE - time.monotonic()))
            stamp = time.time_ns()
            index = number % (2 * PICTURES - 2)
            for lens, (images, calibration) in publishers.items():
                picture = pictures[lens][min(index, 2 * PICTURES - 2 - index)]
                calibration.publish(infos[lens])
                images.publish(array_to_image(picture, stamp, optical_frame(lens)))
            number += 1
    except KeyboardInterrupt:
        rclpy.try_shutdown()


def live(people: int, seconds: float, settings: dict[str, str]) -> None:
    """Print what a minute of the live pipeline gives and costs."""
    import rclpy
    from ament_index_python import get_package_prefix
    from diagnostic_msgs.msg import DiagnosticArray

    from fer_fusion_ros.messages.transport import use_shared_memory_profile
    from fer_fusion_ros.msg import ExpressionArray

    use_shared_memory_profile()
    rclpy.init()
    node = rclpy.create_node('bench')
    frames: list[tuple[int, int, list[float]]] = []
    diagnostics: dict[str, dict[str, str]] = {}

    def on_expressions(message: ExpressionArray) -> None:
        latencies = [
            face.latency.sec + face.latency.nanosec * 1e-9 for face in message.expressions
        ]
        read = sum(face.lenses > 0 for face in message.expressions)
        frames.append((len(latencies), read, latencies))

    def on_diagnostics(message: DiagnosticArray) -> None:
        for status in message.status:
            diagnostics[status.name] = {pair.key: pair.value for pair in status.values}

    def spin(until: Callable[[], bool]) -> None:
        while not until():
            rclpy.spin_once(node, timeout_sec=0.1)

    node.create_subscription(ExpressionArray, 'fer/expressions', on_expressions, 100)
    node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 100)
    lenses = Watched('lenses', sys.executable, __file__, '--send', str(people))
    lenses.popen.stdout.readline()
    time.sleep(2.0)
    began = time.monotonic()
    executable = f'{get_package_prefix("fer_fusion_ros")}/lib/fer_fusion_ros/pipeline'
    parameters = [word for name, value in settings.items() for word in ('-p', f'{name}:={value}')]
    pipeline = Watched('pipeline', executable, '--ros-args', *parameters)
    spin(lambda: any(count for count, _, _ in frames))
    first = time.monotonic() - began

    def spin_for(duration: float) -> None:
        end = time.monotonic() + duration
        spin(lambda: time.monotonic() > end)

    def dropped() -> dict[str, int]:
        values = diagnostics['/fer/pipeline']
        return {name: int(value) for name, value in values.items() if name.endswith('dropped')}

    spin_for(5.0)
    frames.clear()
    before, used = dropped(), {each.name: each.cpu() for each in (lenses, pipeline)}
    began = time.monotonic()
    memory = []
    for _ in range(6):
        spin_for(seconds / 6)
        memory.append(pipeline.memory())
    lasted = time.monotonic() - began
    cpu = {each.name: (each.cpu() - used[each.name]) / lasted for each in (lenses, pipeline)}
    got = list(frames)
    torch = 'libtorch' in Path(f'/proc/{pipeline.popen.pid}/maps').read_text()
    spin_for(1.5)
    lost = sum(dropped().values()) - sum(before.values())
    pipeline.stop()
    lenses.stop()
    node.destroy_node()
    rclpy.shutdown()

    latencies = np.array([value for _, _, values in got for value in values[:1]]) * 1e3
    faces = np.array([count for count, _, _ in got])
    read = sum(count for _, count, _ in got) / people / lasted
    print(f'\n{people} {"face" if people == 1 else "faces"}, {lasted:.0f} s')
    row('frames published per second', f'{len(got) / lasted:.2f}', '29.5' if people == 1 else '25')
    row('readings of each face per second', f'{read:.2f}', '')
    row('faces per frame', f'{faces.mean():.2f}', str(people))
    row('images and sets dropped', str(lost), '0')
    row('capture to publish, p50 (ms)', f'{np.percentile(latencies, 50):.1f}', '<= 40')
    row('capture to publish, p99 (ms)', f'{np.percentile(latencies, 99):.1f}', '<= 80')
    row('start to first expression (s)', f'{first:.1f}', '<= 5')
    for name, value in cpu.items():
        row(f'processor, {name} (cores)', f'{value:.2f}', '')
    row('torch is loaded', 'yes' if torch else 'no', 'no')
    row('memory of the pipeline over time (MB)', ' '.join(f'{m:.0f}' for m in memory), '<= 600')


def row(what: str, value: str, target: str) -> None:
    """Print one line of the table."""
    print(f'  {what:<40} {value:>12}   {target}', flush=True)


def stages(people: int, settings: dict[str, str], count: int = 120) -> None:
    """Print where the time of a frame goes, in this process alone."""
    from fer_fusion_ros.lenses.names import LENSES, optical_frame
    from fer_fusion_ros.lenses.rig import SimulatedRig
    from fer_fusion_ros.messages import expression as messages
    from fer_fusion_ros.messages.image import array_to_image, image_to_array
    from fer_fusion_ros.pipeline import Pipeline, PipelineSettings
    from fer_fusion_ros.synchronisation import Frame, FrameSet

    spent: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def timing(name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        spent[name].append((time.perf_counter() - start) * 1e3)

    def timed(owner: object, method: str, name: str) -> None:
        original = getattr(owner, method)

        def call(*arguments: object, **named: object) -> object:
            with timing(name):
                return original(*arguments, **named)

        setattr(owner, method, call)

    rig = SimulatedRig(people=people, dwell=3600.0)
    models = {lens: rig.camera_model(lens) for lens in LENSES}
    pipeline = Pipeline(PipelineSettings(**settings), models)
    timed(pipeline.registrar, 'register', 'register a pair (two per frame)')
    timed(pipeline.recogniser.finder, 'find', 'detect and track')
    timed(pipeline.recogniser, '_fuse', 'crop fusion, all faces and sides')
    timed(pipeline.recogniser._classifier, 'predict', 'classification, all faces and sides')
    header = messages.make_header(0, optical_frame('vis_left'))
    for index in range(count):
        t = index / 30
        images = {lens: array_to_image(rig.render(lens, t), round(t * 1e9), '') for lens in LENSES}
        with timing('the whole frame'):
            with timing('read four images'):
                frames = [
                    Frame(lens, round(t * 1e9), image_to_array(image, image.encoding))
                    for lens, image in images.items()
                ]
            result = pipeline.process(FrameSet.of(*frames))
            with timing('make the messages'):
                from rclpy.duration import Duration

                for face in result.faces:
                    messages.to_expression_stamped(face, header, Duration(), pipeline.model)
    print(f'\nwhere the time of a frame goes, {people} people (ms per frame, mean / p99)')
    for name, values in spent.items():
        rest = np.array(values[len(values) // 10 :])
        calls = len(values) / count
        row(name, f'{rest.mean() * calls:.2f} / {np.percentile(rest, 99):.2f}', '')


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--people', type=int, nargs='+', default=[1, 4])
    parser.add_argument('--engine', default='auto')
    parser.add_argument('--expression-weights', default='expression')
    parser.add_argument('--send', type=int, metavar='PEOPLE', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.send:
        send(arguments.send)
        return
    settings = {
        'engine': arguments.engine,
        'expression_weights': arguments.expression_weights,
    }
    for people in arguments.people:
        live(people, arguments.seconds, settings)
    for people in arguments.people:
        stages(people, settings)


if __name__ == '__main__':
    sys.exit(main())
