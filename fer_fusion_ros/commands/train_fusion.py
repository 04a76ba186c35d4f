"""Train the fusion network."""

import argparse

from fer_fusion_ros.commands._training import add_training_arguments, prepare_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fer_fusion train-fusion`."""
    parser.add_argument('config', help='recipe, a YAML file such as config/training/fusion.yaml')
    parser.add_argument(
        '--data', required=True, help='folder under which pairs lie in `ir` and `vis` subfolders'
    )
    parser.add_argument('--faces', help='visible faces for the recipe, of FER2013: an npz or CSV')
    parser.add_argument(
        '--start-from',
        help='checkpoint, safetensors file or bare name of bundled weights to begin with; else '
        'random',
    )
    add_training_arguments(parser, 'out/fusion', 'epochs=10 losses.edges=2')


def main(args: argparse.Namespace) -> int:
    """Train, and say where the results are."""
    from fer_fusion_ros.expression.data.fer2013 import load_fer2013
    from fer_fusion_ros.fusion.export import load_generator
    from fer_fusion_ros.fusion.pairs import load_pairs
    from fer_fusion_ros.fusion.train import FusionConfig, Trainer
    from fer_fusion_ros.learning.config import load_config

    config = load_config(args.config, FusionConfig, args.overrides)
    prepare_output(args)
    pairs = load_pairs(args.data, smallest=config.patch)
    faces = load_fer2013(args.faces, 'train').images if args.faces else None
    trainer = Trainer(
        config,
        [pair for pair in pairs if pair.split == 'train'],
        [pair for pair in pairs if pair.split == 'validation'],
        args.output,
        faces,
    )
    if trainer.fabric.is_global_zero and config.scenes.faces and faces is None:
        print(f'scenes.faces is {config.scenes.faces:g}, but has no effect without --faces.')
    if args.start_from:
        trainer.start_from(load_generator(args.start_from))
    if args.resume:
        trainer.resume()
    best = trainer.fit()
    if trainer.fabric.is_global_zero:
        print(f'Best sum of Qabf and VIF on validation: {best:.3f}; see {args.output}.')
    return 0
