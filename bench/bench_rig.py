"""Measure what a frame of the simulated rig costs.

Run `python bench/bench_rig.py` from the source folder. Prints, per lens, the processor time of
one picture, and the share of one core that four lenses at 30 frames/s take; then how fast single
face crops pass through the simulated sensors, as training uses them.
"""

import time

import cv2
import numpy as np

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import SimulatedRig, near_infrared, visible

FRAMES = 100


def main() -> None:
    """Run the benchmark."""
    cv2.setNumThreads(1)
    rig = SimulatedRig(light=lambda t: 0.2 + 0.1 * np.sin(t))
    total = 0.0
    for lens in LENSES:
        rig.render(lens, 0.0)
        start = time.process_time()
        for index in range(FRAMES):
            rig.render(lens, index / 30)
        cost = (time.process_time() - start) / FRAMES
        total += cost
        print(f'{lens:10} {1e3 * cost:5.2f} ms per picture')
    print(f'four lenses at 30 frames/s: {100 * 30 * total:.0f} % of one core')

    rng = np.random.default_rng(0)
    faces = rng.uniform(0, 1, (128, 48, 48)).astype(np.float32)
    for name, sensor, argument in (('visible', visible, 0.1), ('infrared', near_infrared, 3.0)):
        start = time.process_time()
        for _ in range(20):
            sensor(faces, argument, rng)
        print(f'{name:10} {1e3 * (time.process_time() - start) / 20:5.2f} ms per 128 48x48 faces')


if __name__ == '__main__':
    main()
