"""Options of every training."""

import argparse


def add_training_arguments(parser: argparse.ArgumentParser, output: str, example: str) -> None:
    """
    Declare where the results go, resuming, and replacing fields of the recipe.

    :param output: default folder.
    :param example: of fields to replace.
    """
    parser.add_argument('--output', default=output, help='folder of all results')
    parser.add_argument('--resume', action='store_true', help='continue from the last checkpoint')
    add_overrides(parser, example)


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
