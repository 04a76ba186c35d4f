"""Train the expression network."""

import argparse
import math

from fer_fusion_ros.commands._options import count, fold
from fer_fusion_ros.commands._training import add_training_arguments, prepare_output
from fer_fusion_ros.exceptions import ConfigurationError, DataError
from fer_fusion_ros.expression.data.folds import FOLDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion train-expression`."""
    parser.add_argument(
        'config', help='recipe, a YAML file such as config/training/expression.yaml'
    )
    parser.add_argument(
        '--data',
        required=True,
        help="FER2013 (npz archive or Kaggle's CSV), CK+ (HDF5 or folder) or class folders",
    )
    parser.add_argument(
        '--select', help='faces to select on; by default the split `public` of the data'
    )
    parser.add_argument('--votes', help="FERPlus's votes on FER2013's faces: npz archive or CSV")
    parser.add_argument(
        '--teacher',
        nargs='+',
        action='extend',
        default=[],
        help='weights whose answers, averaged and with the votes, make the soft labels',
    )
    parser.add_argument(
        '--fold', type=fold, help='test on this fold (0-9) of the data and train on the others'
    )
    parser.add_argument(
        '--folds',
        choices=FOLDS,
        help='what a fold keeps together, by default subject; sequence is for comparison with '
        'earlier work alone',
    )
    parser.add_argument(
        '--start-from',
        help='checkpoint, safetensors file or bare name of bundled weights to begin with; else '
        'random',
    )
    parser.add_argument('--fusion', help='ONNX generator for the fused faces; a mean without it')
    add_training_arguments(parser, 'out/expression', 'epochs=30 augmentation.rotation=15')
    parser.add_argument('--limit', type=count, help='use only so many faces, to try a recipe out')


def main(args: argparse.Namespace) -> int:
    """Train, and say where the results are."""
    import numpy as np

    from fer_fusion_ros.expression.data.ferplus import add_ferplus
    from fer_fusion_ros.expression.data.folds import divide
    from fer_fusion_ros.expression.data.load_faces import load_faces
    from fer_fusion_ros.expression.data.modalities import generator_fusion
    from fer_fusion_ros.expression.data.soft_labels import add_soft_labels
    from fer_fusion_ros.expression.export import load_network
    from fer_fusion_ros.expression.predictor import Predictor
    from fer_fusion_ros.expression.train import ExpressionConfig, Trainer
    from fer_fusion_ros.learning.config import load_config

    config = load_config(args.config, ExpressionConfig, args.overrides)
    if args.fold is None and args.folds:
        raise ConfigurationError('--folds has no effect without --fold; give --fold 0 to 9 too.')
    if args.fold is not None and args.select:
        raise ConfigurationError(
            '--select has no effect beside --fold, which selects on the fold; leave one out.'
        )
    prepare_output(args)
    train = load_faces(args.data, 'train')
    if args.votes:
        train = add_ferplus(train, args.votes, 'train', drop_non_faces=True)
    if args.fold is not None:
        tested = divide(train, args.folds or FOLDS[0]) == args.fold
        train, select = train.subset(~tested), train.subset(tested)
    else:
        select = load_faces(args.select or args.data, 'public')
        # Faces that also stand in the selection set would flatter the figures.
        seen = train.found_in(select)
        if len(train) and seen.all():
            other = 'folders train and test in it' if train.subjects is None else '--fold'
            raise DataError(
                f'{train.name}: all of its faces are in the selection set too, so none are left '
                f'to train on; give --select, or {other}.'
            )
        train = train.subset(~(seen | train.repeated()))
    if args.limit:
        # In their order, class folders would give the first expression alone.
        rng = np.random.default_rng(0)
        train, select = (
            faces.subset(np.sort(rng.permutation(len(faces))[: args.limit]))
            for faces in (train, select)
        )
    if config.soft_share:
        train = add_soft_labels(train, [Predictor(weights) for weights in args.teacher])
    elif args.teacher:
        raise ConfigurationError(
            '--teacher has no effect while soft_share is 0; try --set soft_share=0.7.'
        )
    fuse = generator_fusion(args.fusion) if args.fusion else None
    trainer = Trainer(config, train, select, args.output, fuse)
    if trainer.fabric.is_global_zero:
        print(f'{len(train)} faces of {train.name}, selecting on {len(select)} of {select.name}.')
        if config.crowd_weight and train.crowd is None:
            print(f'crowd_weight is {config.crowd_weight:g}, but has no effect without --votes.')
    if args.start_from:
        trainer.start_from(load_network(args.start_from)[0])
    if args.resume:
        trainer.resume()
    best = trainer.fit()
    if trainer.fabric.is_global_zero:
        if math.isfinite(best):
            print(f'Best accuracy on the selection set: {100 * best:.2f} %; see {args.output}.')
        else:
            print(
                'There are no best weights yet: no epoch on faces of full size has been judged by '
                f'this selection set. The last weights are in {trainer.last}.'
            )
    return 0
