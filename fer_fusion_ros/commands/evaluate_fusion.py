"""Compare the fusion network with classic methods on aligned pairs."""

import argparse
from collections.abc import Callable

from fer_fusion_ros.commands._options import make_folder
from fer_fusion_ros.fusion.pairs import SPLITS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion evaluate-fusion`."""
    parser.add_argument(
        '--data', required=True, help='folder under which pairs lie in `ir` and `vis` subfolders'
    )
    parser.add_argument(
        '--weights',
        help='generator: ONNX, safetensors or a checkpoint (.ckpt); the bundled one without it',
    )
    parser.add_argument('--engine', default='auto', help='engine for an ONNX generator')
    parser.add_argument(
        '--split',
        default='test',
        choices=(*SPLITS, 'all'),
        help='which of the pairs; the recipe trains on the first and selects on the second',
    )
    parser.add_argument(
        '--faces', help='also fuse simulated faces in weak light, of FER2013: an npz or CSV'
    )
    parser.add_argument(
        '--output', default='out/fusion-evaluation', help='folder of tables and fused images'
    )


def main(args: argparse.Namespace) -> int:
    """Measure, print and save the tables."""
    import numpy as np

    from fer_fusion_ros.exceptions import DataError
    from fer_fusion_ros.expression.data.fer2013 import load_fer2013
    from fer_fusion_ros.expression.evaluation_report import save_csv
    from fer_fusion_ros.fusion.baselines import BASELINES
    from fer_fusion_ros.fusion.evaluate import evaluate, face_table, report
    from fer_fusion_ros.fusion.metrics import SMALLEST
    from fer_fusion_ros.fusion.pairs import load_pairs
    from fer_fusion_ros.image_files import imwrite
    from fer_fusion_ros.learning.progress import progress_bar

    output = make_folder(args.output)
    fused = make_folder(output / 'fused')
    found = load_pairs(args.data, SMALLEST)
    pairs = [pair for pair in found if args.split in ('all', pair.split)]
    if not pairs:
        raise DataError(
            f'{args.data}: none of its {len(found)} pairs is in the split {args.split}; give '
            '--split all for pairs that were not trained on.'
        )
    faces = load_fer2013(args.faces, 'public').images[:500] if args.faces else None
    fuse = _fusion(args.weights, args.engine)
    methods = {**BASELINES, 'this network': fuse}
    with progress_bar(len(pairs) * len(methods), 0, 'image', 'evaluating') as bar:
        rows = evaluate(methods, pairs, bar.update)
    for pair in pairs:
        image = np.hstack([pair.ir, pair.vis, fuse(pair.ir, pair.vis)])
        imwrite(fused / f'{pair.full_name}.png', image)
    text = report(rows)
    if len(pairs) < len(found):
        text = (
            f'{len(pairs)} of {len(found)} pairs, those of the split {args.split}; --split all '
            f'measures all\n\n{text}'
        )
    if faces is not None:
        text += (
            f'\nSSIM to the face by daylight, {len(faces)} simulated faces at 3 m\n\n'
            f'{face_table(fuse, faces)}\n'
        )
    # Folders, which the tables name, need not be UTF-8.
    (output / 'tables.md').write_text(text, encoding='utf-8', errors='backslashreplace')
    save_csv(output / 'pairs.csv', rows)
    print(text)
    return 0


def _fusion(weights: str | None, engine: str) -> Callable:
    """Return the function that fuses a pair with these weights."""
    if weights and weights.endswith(('.ckpt', '.safetensors')):
        from functools import partial

        from fer_fusion_ros.fusion.export import load_generator
        from fer_fusion_ros.fusion.train import fuse

        return partial(fuse, load_generator(weights))
    from fer_fusion_ros.fusion.fuser import Fuser

    return Fuser(engine, weights).fuse
