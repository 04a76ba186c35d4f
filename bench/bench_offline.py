"""Measure `fer_fusion analyze` over videos of four lenses: `python bench/bench_offline.py`.

Prints how many times faster than real time it reads a recording, and how that grows with the
cores that it may use. The videos are of the simulated rig.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from fer_fusion_ros.analysis import FileRecording, analyze
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import SimulatedRig

RATE = 30.0
WARM_UP = 16  # moments


def record(folder: Path, people: int, seconds: float) -> None:
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


def read(folder: Path, people: int) -> None:
    """Print the moments per second, after a warm-up."""
    rig = SimulatedRig(people=people)
    models = {lens: rig.camera_model(lens) for lens in LENSES}
    readings = analyze(FileRecording.from_folder(folder, models, RATE))
    for _ in range(WARM_UP):
        next(readings)
    start = time.perf_counter()
    count = sum(1 for _ in readings)
    print(count / (time.perf_counter() - start))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=8.0, help='of the recording')
    parser.add_argument('--people', type=int, nargs='+', default=[1, 4])
    parser.add_argument('--read', nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read(Path(arguments.read[0]), int(arguments.read[1]))
        return
    cores = sorted(os.sched_getaffinity(0))
    counts = [2**n for n in range(len(cores).bit_length())]
    print(f'{"people":>6} {"cores":>6} {"moments/s":>10} {"x real time":>12} {"x one core":>11}')
    for people in arguments.people:
        with tempfile.TemporaryDirectory() as folder:
            record(Path(folder), people, arguments.seconds)
            one = 0.0
            for count in counts:
                words = [sys.executable, __file__, '--read', folder, str(people)]
                done = subprocess.run(
                    words,
                    capture_output=True,
                    text=True,
                    check=True,
                    preexec_fn=lambda count=count: os.sched_setaffinity(0, cores[:count]),
                )
                rate = float(done.stdout)
                one = one or rate
                times = f'{rate / RATE:>12.2f} {rate / one:>11.2f}'
                print(f'{people:>6} {count:>6} {rate:>10.1f} {times}', flush=True)


if __name__ == '__main__':
    main()
