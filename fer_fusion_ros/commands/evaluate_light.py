"""Repeat the paper's experiment in light and dark (tables 3 and 4) on the simulated rig."""

import argparse

from fer_fusion_ros.commands._options import count, make_folder, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion evaluate-light`."""
    parser.add_argument(
        '--data', required=True, help="FER2013: npz archive or Kaggle's CSV; or class folders"
    )
    parser.add_argument('--split', default='public', choices=('train', 'public', 'private'))
    parser.add_argument(
        '--faces',
        type=count,
        default=700,
        help='so many of them, drawn at random; 0 for all (default: 700, about three minutes)',
    )
    parser.add_argument(
        '--distances',
        nargs='+',
        action='extend',
        type=positive,
        help="metres (default: the paper's, 3 and 3.5)",
    )
    parser.add_argument(
        '--lights',
        nargs='+',
        action='extend',
        type=positive,
        help='light levels, 1 is daylight; the table takes the highest and the lowest '
        '(default: seven from 1 to 0.005)',
    )
    parser.add_argument(
        '--weights',
        help='expression network: .onnx, .safetensors or .ckpt file, or expression_stride2; else '
        'the default one',
    )
    parser.add_argument('--fusion', help='fusion network, .onnx; else the bundled one')
    parser.add_argument('--engine', default='auto', help='engine for ONNX files')
    parser.add_argument('--output', default='out/light', help='folder of tables and plot')


def main(args: argparse.Namespace) -> int:
    """Show the faces, measure, print and save the tables."""
    import numpy as np

    from fer_fusion_ros.exceptions import DataError
    from fer_fusion_ros.expression.data.load_faces import load_faces
    from fer_fusion_ros.expression.evaluation_report import save_csv
    from fer_fusion_ros.expression.labels import LABELS
    from fer_fusion_ros.expression.light_experiment import (
        DISTANCES,
        LIGHTS,
        beside_the_paper,
        draw,
        run,
    )
    from fer_fusion_ros.expression.predictor import Predictor
    from fer_fusion_ros.fusion.fuser import Fuser
    from fer_fusion_ros.learning.progress import progress_bar

    output = make_folder(args.output)
    faces = load_faces(args.data, args.split)
    if faces.classes != LABELS:
        raise DataError(
            f'{faces.name} has the labels {", ".join(faces.classes)}, but the tables are of '
            f'{", ".join(LABELS)}; give faces with these.'
        )
    if args.faces and args.faces < len(faces):
        rows = np.random.default_rng(0).permutation(len(faces))[: args.faces]
        faces = faces.subset(np.sort(rows))
    predict = Predictor(args.weights, args.engine)
    faces.check_classes(predict.classes)
    fuser = Fuser(args.engine, args.fusion)
    distances, lights = args.distances or DISTANCES, sorted(args.lights or LIGHTS, reverse=True)
    with progress_bar(len(faces) * len(distances), 0, 'face', 'looking') as bar:
        rows = run(faces, predict, predict.size, fuser, distances, lights, bar.update)
    save_csv(output / 'light.csv', rows)
    draw(rows, str(output / 'light.png'))
    text = (
        f'{len(faces)} faces of {faces.name}, mean accuracy of the expressions in per cent; '
        f"light is {lights[0]:g}, dark is {lights[-1]:g} of daylight. The paper's figures are of "
        f'its own videos of few people.\n\n{beside_the_paper(rows)}\n'
    )
    missing = [name for index, name in enumerate(LABELS) if index not in faces.labels]
    if missing:
        text += f'\nNo face shows {", ".join(missing)}, so means over these are left out (none).\n'
    (output / 'light.md').write_text(text, encoding='utf-8', errors='backslashreplace')
    print(text)
    print(f'All levels are in {output / "light.csv"}, the plot is {output / "light.png"}.')
    return 0
