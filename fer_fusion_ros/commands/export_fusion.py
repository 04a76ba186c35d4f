"""Export a trained fusion network as safetensors and ONNX."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion export-fusion`."""
    parser.add_argument(
        'checkpoint', help='checkpoint of a training, such as out/fusion/best.ckpt'
    )
    parser.add_argument('--output', default='out/fusion', help='folder of both files')


def main(args: argparse.Namespace) -> int:
    """Export, check against PyTorch and print the files' hashes."""
    from fer_fusion_ros.fusion.export import export_generator, load_checkpoint_generator

    generator, preset = load_checkpoint_generator(args.checkpoint)
    for name, digest in export_generator(generator, preset, args.output).items():
        print(f'{digest}  {args.output}/{name}')
    return 0
