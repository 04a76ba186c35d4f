"""Measure the core, stage by stage, without ROS: `python bench/bench_core.py`.

The last columns are the target, what share of it the mean takes, and the limit of the machine: for
networks their multiplications at the speed of a large matrix product of floats (integers may pass
it), for the registration one copy of its images, both measured in the same run.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from fer_fusion_ros.faces import FaceFinder, Track
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.pipeline import Pipeline, PipelineSettings
from fer_fusion_ros.synchronisation import Frame, FrameSet, Synchroniser

CROP_MACS = {'expression': 499e6, 'expression_stride2': 130e6}
"""Multiplications of the bundled networks, PyConv-SE18 stride1 and stride2, for a face crop."""

PIXEL_MACS = 6_656 / 4
"""Multiplications of the fusion generator (realtime) for a pixel."""

FUSED_CROP = 56 * 56
"""Pixels that are fused for a face crop."""


class TimedFinder:
    """Stand in for a finder and note how long each frame takes it.

    :param copies: how often each face is found; rigs are too narrow for many people.
    """

    def __init__(self, finder: FaceFinder, copies: int = 1) -> None:
        self.finder = finder
        self.copies = copies
        self.seconds: list[float] = []

    def find(self, *arguments: Any) -> list[Track]:
        """Find the faces of a frame."""
        tracks, seconds = timed(self.finder.find, *arguments)
        self.seconds.append(seconds)
        return [
            replace(track, face_id=name)
            for track in tracks
            for name in self._copied(track.face_id)
        ]

    @property
    def living(self) -> frozenset[str]:
        """Return the ids of the faces that may come back."""
        return frozenset(name for each in self.finder.living for name in self._copied(each))

    def _copied(self, face_id: str) -> list[str]:
        return [f'{face_id}-{copy}' for copy in range(self.copies)]


class Machine:
    """What the machine can do at most."""

    def __init__(self) -> None:
        matrix = np.random.default_rng(0).random((1536, 1536), np.float32)
        seconds = min(timed(np.matmul, matrix, matrix)[1] for _ in range(8))
        self.macs_per_second = len(matrix) ** 3 / seconds
        image = np.zeros((480, 640, 4), np.uint8)  # one infrared and one colour image
        self.copy_seconds = min(timed(image.copy)[1] for _ in range(50))


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Return what a call returns, and the seconds it takes."""
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def row(
    what: str,
    seconds: Sequence[float],
    target: float | None = None,
    limit: float | None = None,
) -> None:
    """Print a line of the table: milliseconds, the mean's share of the target, the limit."""
    ms = np.asarray(seconds) * 1e3
    values = f'{ms.min():8.2f} {np.median(ms):8.2f} {ms.mean():8.2f} {np.percentile(ms, 99):8.2f}'
    ratio = f'{target:8.1f} {ms.mean() / target:6.2f}' if target else ' ' * 15
    bound = f'{limit * 1e3:7.2f}' if limit else ''
    print(f'{what:<46} {values} {ratio} {bound}'.rstrip())


def render(people: int, frames: int, light: float) -> tuple[SimulatedRig, list[FrameSet]]:
    """Return the rig and what it sees at 30 frames per second."""
    rig = SimulatedRig(people=people, light=light)
    sets = []
    for index in range(frames):
        t = index / 30
        frame_set = (Frame(lens, round(t * 1e9), rig.render(lens, t)) for lens in LENSES)
        sets.append(FrameSet.of(*frame_set))
    return rig, sets


def register_whole(pipeline: Pipeline, frame_set: FrameSet) -> None:
    """Register the four images of a set as if somebody looked at all of them."""
    for pair in pipeline.register(frame_set).values():
        assert pair.ir is not None and pair.vis is not None


def measure_images(pipeline: Pipeline, sets: Sequence[FrameSet], machine: Machine) -> None:
    """Print what does not depend on the faces."""
    synchroniser = Synchroniser(LENSES)
    frames = [frame for frame_set in sets for frame in frame_set.frames.values()]
    row('synchronise four images', [4 * timed(synchroniser.add, frame)[1] for frame in frames])
    registering = [timed(register_whole, pipeline, each)[1] for each in sets[1:]]
    row('register four whole images', registering, 4, 2 * machine.copy_seconds)
    pair = pipeline.register(sets[0])['left']
    fuse = pipeline.fuser.fuse_pair
    fuse(pair.ir, pair.vis)
    limit = 640 * 480 * PIXEL_MACS / machine.macs_per_second
    row(
        'fuse 640x480 in colour', [timed(fuse, pair.ir, pair.vis)[1] for _ in range(30)], 12, limit
    )


def measure_faces(
    pipeline: Pipeline,
    sets: Sequence[FrameSet],
    copies: int,
    crop_macs: float,
    machine: Machine,
) -> None:
    """Print what finding and reading the faces takes."""
    recogniser = pipeline.recogniser
    finder = TimedFinder(recogniser.finder, copies)
    recogniser.finder = finder
    whole, found, views = [], [], []
    for frame_set in sets[1:]:
        faces, seconds = timed(
            recogniser.process, pipeline.register(frame_set), frame_set.stamp_ns
        )
        whole.append(seconds)
        found.append(len(faces))
        views.append(sum(face.lenses.bit_count() // 2 for face in faces))
    rest = np.subtract(whole, finder.seconds)
    count = round(np.mean(found))
    macs = np.mean(views) * (crop_macs + FUSED_CROP * PIXEL_MACS)
    if copies == 1:
        row(f'{count} faces: detect, track', finder.seconds, 6)
    name = f'{count} faces, {np.mean(views):.1f} views: crop, fuse, classify'
    row(name, rest, {1: 6, 8: 16}.get(count), macs / machine.macs_per_second)
    if copies == 1:
        row(f'{count} faces: together', whole)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--engine', default='auto')
    parser.add_argument('--expression-weights', default='expression', choices=CROP_MACS)
    parser.add_argument('--threads', type=int, default=0)
    parser.add_argument('--detector', default='haar')
    parser.add_argument('--detector-model', default='')
    parser.add_argument('--frames', type=int, default=150)
    parser.add_argument('--light', type=float, default=1.0)
    parser.add_argument(
        '--copies', type=int, nargs='+', default=[2], help='how often each of four faces counts'
    )
    arguments = vars(parser.parse_args())
    frames, light, copied = (arguments.pop(name) for name in ('frames', 'light', 'copies'))
    settings = PipelineSettings(residual_period=0, **arguments)
    print(
        f'{"milliseconds":<46} {"min":>8} {"p50":>8} {"mean":>8} {"p99":>8} {"target":>8}  ratio'
        '   limit'
    )
    machine = Machine()
    crop_macs = CROP_MACS[settings.expression_weights]
    for people, counts in ((1, [1]), (4, [1, *copied])):
        rig, sets = render(people, frames, light)
        models = {lens: rig.camera_model(lens) for lens in LENSES}
        for copies in counts:
            pipeline, creation = timed(Pipeline, settings, models)
            _, first = timed(pipeline.process, sets[0])
            if people == 1:
                row('from start to first expression', [creation + first], 5000)
                measure_images(pipeline, sets, machine)
            measure_faces(pipeline, sets, copies, crop_macs, machine)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f'peak resident memory {peak:.0f} MB, of which rendered images '
        f'{frames * 4 * 640 * 480 * 2 / 2**20:.0f} MB; OpenCV threads {cv2.getNumThreads()}; '
        f'torch {"is" if "torch" in sys.modules else "not"} imported'
    )


if __name__ == '__main__':
    main()
