"""Train the expression network."""

import argparse
from pathlib import Path

CONFIGS = Path(__file__).parents[2] / 'config' / 'training'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion train-expression`."""
    parser.add_argument(
        'config', help='recipe, a YAML file such as config/training/expression.yaml'
    )
    parser.add_argument('--data', required=True, help="FER2013: an npz archive or Kaggle's CSV")
    parser.add_argument('--votes', help="FERPlus's votes on the same faces: npz or CSV")
    parser.add_argument('--output', default='out/expression', help='folder of all results')
    parser.add_argument('--resume', action='store_true', help='continue from the last checkpoint')
    parser.add_argument('--fusion', help='ONNX generator for the fused faces; a mean without it')
    parser.add_argument(
        '--set',
        nargs='*',
        default=[],
        metavar='NAME=VALUE',
        dest='overrides',
        help='replace fields of the recipe, such as epochs=30',
    )
    parser.add_argument('--limit', type=int, help='use only so many faces, to try a recipe out')


def main(args: argparse.Namespace) -> int:
    """Train, and say where the results are."""
    from fer_fusion_ros.expression.data.fer2013 import load_fer2013
    from fer_fusion_ros.expression.data.ferplus import add_ferplus
    from fer_fusion_ros.expression.train import ExpressionConfig, Trainer
    from fer_fusion_ros.learning.config import load_config

    config = load_config(args.config, ExpressionConfig, args.overrides)
    train = load_fer2013(args.data, 'train')
    select = load_fer2013(args.data, 'public')
    if args.votes:
        train = add_ferplus(train, args.votes, 'train', drop_non_faces=True)
    # Faces that also stand in the selection set would flatter the figures.
    train = train.subset(~(train.found_in(select) | train.repeated()))
    if args.limit:
        train, select = train.subset(slice(args.limit)), select.subset(slice(args.limit))
    trainer = Trainer(config, train, select, args.output)
    if args.resume:
        trainer.resume()
    best = trainer.fit()
    print(f'Best accuracy on the selection set: {100 * best:.2f} %; see {args.output}.')
    return 0
