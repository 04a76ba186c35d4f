"""Export a trained fusion network as safetensors and ONNX."""

import argparse

from fer_fusion_ros.commands._options import make_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion export-fusion`."""
    parser.add_argument(
        'checkpoint',
        nargs='+',
        help='checkpoint of a training, such as out/fusion/best.ckpt, or exported weights; of '
        "several of one training the weights' mean is exported",
    )
    parser.add_argument('--output', default='out/fusion', help='folder of both files')


def main(args: argparse.Namespace) -> int:
    """Export, check against PyTorch and print the files' hashes."""
    from fer_fusion_ros.fusion.export import export_generator, load_mean_generator

    make_folder(args.output)
    generator, preset = load_mean_generator(args.checkpoint)
    for name, digest in export_generator(generator, preset, args.output).items():
        print(f'{digest}  {args.output}/{name}')
    return 0
