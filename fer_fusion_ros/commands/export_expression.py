"""Export a trained expression network as safetensors and ONNX."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion export-expression`."""
    parser.add_argument(
        'checkpoint', help='checkpoint of a training, such as out/expression/best.ckpt'
    )
    parser.add_argument('--output', default='out/expression', help='folder of both files')
    parser.add_argument(
        '--temperature',
        type=float,
        default=1.0,
        help='divides the logits at run time; `evaluate-expression --calibrate` finds it',
    )


def main(args: argparse.Namespace) -> int:
    """Export, check against PyTorch and print the files' hashes."""
    from fer_fusion_ros.expression.export import export_expression, load_network

    network, metadata = load_network(args.checkpoint)
    metadata['temperature'] = str(args.temperature)
    for name, digest in export_expression(network, metadata, args.output).items():
        print(f'{digest}  {args.output}/{name}')
    return 0
