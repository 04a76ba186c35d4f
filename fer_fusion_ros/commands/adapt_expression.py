"""Adapt the expression network to photographs of your own lens."""

import argparse
import sys

from fer_fusion_ros.commands._options import make_folder
from fer_fusion_ros.commands._training import add_overrides

KNOWN = 0.95
"""Accuracy that hardly any network reaches on photographs that it has not learned."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion adapt-expression`."""
    parser.add_argument(
        'config', help='recipe, a YAML file such as config/training/adaptation.yaml'
    )
    parser.add_argument(
        '--photographs',
        required=True,
        help='folder of a few dozen photographs by your lens, with labels.csv (file, expression, '
        'subject)',
    )
    parser.add_argument(
        '--data',
        required=True,
        help='faces whose answers are to stay, such as FER2013 (npz archive or CSV)',
    )
    parser.add_argument(
        '--weights',
        default='expression',
        help='safetensors file, checkpoint or bare name of bundled weights to adapt '
        '(default: %(default)s; expression_stride2 adapts four times as fast)',
    )
    parser.add_argument('--fusion', help='ONNX generator for the fused faces; a mean without it')
    parser.add_argument('--output', default='out/adapted', help='folder of weights and tables')
    add_overrides(parser, 'photograph_weight=0.2')


def main(args: argparse.Namespace) -> int:
    """Adapt, print what it brings for people who were left out, and write the weights."""
    from fer_fusion_ros.exceptions import QuantisationError
    from fer_fusion_ros.expression.adapt import AdaptationConfig, Adapter
    from fer_fusion_ros.expression.data.load_faces import load_faces
    from fer_fusion_ros.expression.data.modalities import generator_fusion
    from fer_fusion_ros.expression.evaluation_report import report, save
    from fer_fusion_ros.expression.export import export_expression, load_network
    from fer_fusion_ros.learning.config import load_config

    config = load_config(args.config, AdaptationConfig, args.overrides)
    make_folder(args.output)
    photographs = load_faces(args.photographs)
    network, metadata = load_network(args.weights)
    fuse = generator_fusion(args.fusion) if args.fusion else None
    known = load_faces(args.data, 'train')
    adapter = Adapter(network, metadata, known, photographs, config, fuse)
    adapted, estimate = adapter.run()
    if estimate:
        before = adapter.evaluate(network, photographs)
        print('Before:')
        print(report(before))
        if any(row['accuracy'] > KNOWN for row in before.accuracies()):
            print(
                f'warning: {args.weights} may have learned these photographs already; the '
                'estimate below holds only for weights that have not seen these people.',
                file=sys.stderr,
            )
        print(f'Adapted, each of {config.folds} groups of people by a network without them:')
        print(report(estimate))
        save(estimate, args.output)
    try:
        digests = export_expression(adapted, metadata, args.output, faces=known)
    except QuantisationError as error:
        print(f'warning: {error} It is right, but slower.', file=sys.stderr)
        digests = export_expression(adapted, metadata, args.output)
    for name, digest in digests.items():
        print(f'{digest}  {args.output}/{name}')
    return 0
