"""Export a trained expression network as safetensors and ONNX."""

import argparse
import math

from fer_fusion_ros.commands._options import make_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion export-expression`."""
    parser.add_argument(
        'checkpoint',
        help='checkpoint of a training, such as out/expression/best.ckpt, or exported weights',
    )
    parser.add_argument('--output', default='out/expression', help='folder of both files')
    parser.add_argument('--name', default='expression', help='of both files, without suffix')
    parser.add_argument(
        '--int8',
        metavar='FACES',
        help='let the ONNX file compute in eight-bit integers, on a CPU twice as fast; the '
        'ranges are taken from the training split of these faces, such as fer2013.npz',
    )
    parser.add_argument(
        '--temperature',
        type=float,
        help='divides the logits at run time; `evaluate-expression --calibrate` finds it; '
        "default: the weights' own, 1 for a checkpoint",
    )


def main(args: argparse.Namespace) -> int:
    """Export, check against PyTorch and print the files' hashes."""
    from fer_fusion_ros.exceptions import ConfigurationError
    from fer_fusion_ros.expression.data.load_faces import load_faces
    from fer_fusion_ros.expression.export import export_expression, load_network

    if args.temperature is not None and not 0 < args.temperature < math.inf:
        raise ConfigurationError(
            f'--temperature is {args.temperature:g}; it must be finite and above 0.'
        )
    if not args.name or '/' in args.name:
        raise ConfigurationError(
            f'--name is {args.name!r}; give a name without a slash, and the folder as --output.'
        )
    make_folder(args.output)
    faces = load_faces(args.int8, 'train') if args.int8 else None
    network, metadata = load_network(args.checkpoint)
    if args.temperature is not None:
        metadata['temperature'] = str(args.temperature)
    digests = export_expression(network, metadata, args.output, args.name, faces)
    for name, digest in digests.items():
        print(f'{digest}  {args.output}/{name}')
    return 0
