"""Options of every training."""

import argparse

from fer_fusion_ros.commands._options import make_folder


def add_training_arguments(parser: argparse.ArgumentParser, output: str, example: str) -> None:
    """
    Declare where the results go, resuming, and replacing fields of the recipe.

    :param output: default folder.
    :param example: of fields to replace.
    """
    parser.add_argument('--output', default=output, help='folder of all results')
    parser.add_argument('--resume', action='store_true', help='continue from the last checkpoint')
    add_overrides(parser, example)


def prepare_output(args: argparse.Namespace) -> None:
    """
    Make the folder of the results, before data and teachers are read, which takes long.

    :raises CheckpointError: It holds no training to resume, or one that would be overwritten.
    :raises ConfigurationError: It cannot be made, or not be written to.
    """
    from fer_fusion_ros.learning.checkpoint import (
        last_checkpoint,
        refuse_to_overwrite,
        require_checkpoint,
    )

    if args.resume:
        require_checkpoint(last_checkpoint(args.output))
    else:
        refuse_to_overwrite(args.output)
    make_folder(args.output)


def add_overrides(parser: argparse.ArgumentParser, example: str) -> None:
    """Declare the option that replaces fields of the recipe, `example` of them."""
    parser.add_argument(
        '--set',
        nargs='*',
        action='extend',
        default=[],
        metavar='NAME=VALUE',
        dest='overrides',
        help=f'replace fields of the recipe, such as {example}',
    )
