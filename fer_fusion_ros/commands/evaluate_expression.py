"""Measure the expression network on labelled faces."""

import argparse
from pathlib import Path

from fer_fusion_ros.commands._options import make_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion evaluate-expression`."""
    parser.add_argument(
        '--data',
        required=True,
        help="FER2013 (npz archive with <split>_x and <split>_y, or Kaggle's CSV), CK+, class "
        'folders, or photographs with labels.csv',
    )
    parser.add_argument('--split', default='public', choices=('train', 'public', 'private'))
    parser.add_argument(
        '--training',
        help='data whose split `train` the network has seen, to find duplicates; by default that '
        'of --data where it has one',
    )
    parser.add_argument(
        '--weights', help='.onnx, .safetensors or .ckpt file; the bundled one without it'
    )
    parser.add_argument('--engine', default='auto', help='engine for an ONNX file')
    parser.add_argument(
        '--calibrate', action='store_true', help='find the temperature on these faces'
    )
    parser.add_argument('--fold', type=int, help='use only this fold (0-9) of the data')
    parser.add_argument('--folds', default='subject', choices=('subject', 'sequence'))
    parser.add_argument(
        '--output', default='out/expression-evaluation', help='folder of tables and figures'
    )


def main(args: argparse.Namespace) -> int:
    """Measure, print and save the tables."""
    from fer_fusion_ros.expression.data.folds import divide
    from fer_fusion_ros.expression.data.load_faces import load_faces
    from fer_fusion_ros.expression.evaluate import evaluate
    from fer_fusion_ros.expression.evaluation_report import report, save, save_calibration
    from fer_fusion_ros.expression.predictor import Predictor

    make_folder(args.output)
    faces = load_faces(args.data, args.split)
    predict = Predictor(args.weights, args.engine)
    faces.check_classes(predict.classes)
    training = None
    if args.training:
        training = load_faces(args.training, 'train')
    elif args.split != 'train' and args.data.endswith(('.npz', '.csv')):
        training = _training_split(args.data)
    if args.fold is not None:
        faces = faces.subset(divide(faces, args.folds) == args.fold)
    evaluation = evaluate(predict, predict.size, faces, training)
    save(evaluation, args.output)
    print(report(evaluation))
    if args.calibrate:
        single = evaluation.probabilities['single']
        print(save_calibration(single, faces.labels, predict.temperature, args.output))
    print(f'Tables and figures are in {Path(args.output)}.')
    return 0


def _training_split(data: str):  # noqa: ANN202
    """Return the archive's own training split, or None where it has none."""
    from fer_fusion_ros.exceptions import DataError
    from fer_fusion_ros.expression.data.load_faces import load_faces

    try:
        return load_faces(data, 'train')
    except DataError:
        return None
