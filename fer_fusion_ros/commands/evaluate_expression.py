"""Measure the expression network on labelled faces."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fer_fusion_ros.commands._options import fold, make_folder
from fer_fusion_ros.expression.data.folds import FOLDS

if TYPE_CHECKING:
    from fer_fusion_ros.expression.data.faces import Faces


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
        '--weights',
        help='.onnx, .safetensors or .ckpt file, or expression_stride2; else the default one',
    )
    parser.add_argument('--engine', default='auto', help='engine for an ONNX file')
    parser.add_argument(
        '--calibrate', action='store_true', help='find the temperature on these faces'
    )
    parser.add_argument('--fold', type=fold, help='use only this fold (0-9) of the data')
    parser.add_argument('--folds', default='subject', choices=FOLDS)
    parser.add_argument(
        '--output', default='out/expression-evaluation', help='folder of tables and figures'
    )


def main(args: argparse.Namespace) -> int:
    """Measure, print and save the tables."""
    from fer_fusion_ros.expression.data.folds import divide
    from fer_fusion_ros.expression.data.load_faces import has_splits, load_faces
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
    elif args.split != 'train' and has_splits(args.data):
        training = _training_split(args.data)
    if args.fold is not None:
        faces = faces.subset(divide(faces, args.folds) == args.fold)
    evaluation = evaluate(predict, predict.size, faces, training)
    save(evaluation, args.output)
    print(report(evaluation))
    if evaluation.duplicates is not None and evaluation.duplicates.all():
        print('All of these faces also stand in the training set, so the figures mean nothing.')
    if args.calibrate:
        single = evaluation.probabilities['single']
        print(save_calibration(single, faces.labels, predict.temperature, args.output))
    print(f'Tables and figures are in {Path(args.output)}.')
    return 0


def _training_split(data: str) -> 'Faces | None':
    """Return the data's own training split; say why where it cannot be had."""
    from fer_fusion_ros.exceptions import DataError
    from fer_fusion_ros.expression.data.load_faces import load_faces

    try:
        return load_faces(data, 'train')
    except DataError as error:
        print(f'Faces of the training split are not told apart: {error}', file=sys.stderr)
        return None
