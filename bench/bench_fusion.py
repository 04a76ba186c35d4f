"""Time the fusion generator's presets at 640x480 in single precision.

The time of a busy machine says little; the processor time of one thread and the ratio to the
first preset say more; `narrow` is the paper's layout with 16 filters each. Two threads take about
half.

    python bench/bench_fusion.py --presets narrow realtime
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import openvino

from fer_fusion_ros.fusion.export import export_generator
from fer_fusion_ros.fusion.generator import PRESETS, Generator


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--presets', nargs='+', default=['narrow', 'realtime'], choices=PRESETS)
    parser.add_argument('--repetitions', type=int, default=15)
    args = parser.parse_args()

    core = openvino.Core()
    requests, times = {}, {}
    for preset in args.presets:
        with tempfile.TemporaryDirectory() as folder:
            export_generator(Generator.from_preset(preset).eval(), preset, folder)
            model = core.read_model(Path(folder) / 'fusion.onnx')
        settings = {
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_NUM_THREADS': 1,
            'INFERENCE_PRECISION_HINT': 'f32',
        }
        requests[preset] = core.compile_model(model, 'CPU', settings).create_infer_request()
    rng = np.random.default_rng(0)
    images = {
        name: rng.uniform(-1, 1, (1, 1, 480, 640)).astype(np.float32) for name in ('ir', 'vis')
    }
    for _ in range(args.repetitions):
        # In turns, so that a disturbance meets all of them.
        for preset, request in requests.items():
            start, used = time.perf_counter(), time.process_time()
            request.infer(images)
            took = time.process_time() - used, time.perf_counter() - start
            times.setdefault(preset, []).append(took)
    base = None
    print('| preset | processor ms | elapsed ms | ratio |\n|---|---|---|---|')
    for preset, values in times.items():
        used, elapsed = 1e3 * np.median(values, axis=0)
        base = base or used
        print(f'| {preset} | {used:.1f} | {elapsed:.1f} | {used / base:.2f} |')


if __name__ == '__main__':
    main()
