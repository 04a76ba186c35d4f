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
    parser.add_argument(
        '--set',
        nargs='*',
        default=[],
        metavar='NAME=VALUE',
        dest='overrides',
        help=f'replace fields of the recipe, such as {example}',
    )
