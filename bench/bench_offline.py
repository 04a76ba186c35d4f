"""Measure `fer_fusion analyze` over recordings of four lenses: `python bench/bench_offline.py`.

Prints how many times faster than real time it reads a bag, and videos, and how that grows with the
cores that it may use. The recordings are of the simulated rig.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from fer_fusion_ros.analysis import BagRecording, FileRecording, analyze
from fer_fusion_ros.analysis.recording import Moment, Recording
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, is_infrared, optical_frame
from fer_fusion_ros.lenses.rig import SimulatedRig
from fer_fusion_ros.pipeline.settings import PipelineSettings

RATE = 30.0


def record_bag(folder: Path, people: int, seconds: float) -> None:
    """Write a bag of uncompressed images, as the lens drivers publish them."""
    rig = SimulatedRig(people=people)
    store = get_typestore(Stores.ROS2_JAZZY)
    image_type, header_type, time_type = (
        store.types[name]
        for name in ('sensor_msgs/msg/Image', 'std_msgs/msg/Header', 'builtin_interfaces/msg/Time')
    )
    with Writer(folder / 'bag', version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            lens: writer.add_connection(
                f'/fer/{lens}/image_raw', image_type.__msgtype__, typestore=store
            )
            for lens in LENSES
        }
        for index in range(round(seconds * RATE)):
            stamp = round(index * 1e9 / RATE)
            for lens, connection in connections.items():
                image = rig.render(lens, index / RATE)
                message = image_type(
                    header_type(time_type(*divmod(stamp, 10**9)), optical_frame(lens)),
                    *image.shape[:2],
                    'mono8' if is_infrared(lens) else 'bgr8',
                    0,
                    image.strides[0],
                    image.reshape(-1),
                )
                data = store.serialize_cdr(message, image_type.__msgtype__)
                writer.write(connection, stamp, data)


def record_videos(folder: Path, people: int, seconds: float) -> None:
    """Write a video for each lens."""
    rig = SimulatedRig(people=people)
    for lens in LENSES:
        writer = cv2.VideoWriter(
            str(folder / f'{lens}.avi'), cv2.VideoWriter_fourcc(*'MJPG'), RATE, (640, 480)
        )
        for index in range(round(seconds * RATE)):
            image = rig.render(lens, index / RATE)
            writer.write(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image)
        writer.release()


class Timed(Recording):
    """A recording that notes when its first moment is asked for."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.lenses, self.stills = recording.lenses, recording.stills
        self.start = 0.0

    def models(self) -> Mapping[str, CameraModel]:
        """Return the recording's."""
        return self._recording.models()

    def __iter__(self) -> Iterator[Moment]:
        """Read the recording anew."""
        self.start = time.perf_counter()
        yield from self._recording


def read(folder: Path, people: int, settings: PipelineSettings) -> None:
    """Print the moments per second, from the first image read to the last expression."""
    rig = SimulatedRig(people=people)
    models = {lens: rig.camera_model(lens) for lens in LENSES}
    bag = folder / 'bag'
    recording = Timed(
        BagRecording(bag, models=models)
        if bag.exists()
        else FileRecording.from_folder(folder, models)
    )
    count = sum(1 for _ in analyze(recording, settings))
    print(count / (time.perf_counter() - recording.start))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=24.0, help='of the recording')
    parser.add_argument('--people', type=int, nargs='+', default=[1, 4])
    parser.add_argument('--expression-weights', default='expression')
    parser.add_argument('--read', nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        settings = PipelineSettings(expression_weights=arguments.expression_weights)
        read(Path(arguments.read[0]), int(arguments.read[1]), settings)
        return
    cores = sorted(os.sched_getaffinity(0))
    counts = [2**n for n in range(len(cores).bit_length())]
    print(
        f'{"recording":<9} {"people":>6} {"cores":>6} {"moments/s":>10} {"x real time":>12} '
        f'{"x one core":>11}'
    )
    for people in arguments.people:
        for what, record in (('bag', record_bag), ('videos', record_videos)):
            with tempfile.TemporaryDirectory() as folder:
                record(Path(folder), people, arguments.seconds)
                one = 0.0
                for count in counts:
                    words = [sys.executable, __file__, '--read', folder, str(people)]
                    words += ['--expression-weights', arguments.expression_weights]
                    done = subprocess.run(
                        words,
                        stdout=subprocess.PIPE,
                        text=True,
                        check=True,
                        preexec_fn=lambda count=count: os.sched_setaffinity(0, cores[:count]),
                    )
                    rate = float(done.stdout)
                    one = one or rate
                    times = f'{rate / RATE:>12.2f} {rate / one:>11.2f}'
                    print(f'{what:<9} {people:>6} {count:>6} {rate:>10.1f} {times}', flush=True)


if __name__ == '__main__':
    main()
