"""Run one verb of the `fer_fusion` command line; each file beside this one is a verb."""

from __future__ import annotations

import argparse
import ast
import importlib
import io
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from fer_fusion_ros import __version__
from fer_fusion_ros.exceptions import FerFusionError

ROS_MODULES = {'rclpy', 'ament_index_python', 'launch', 'launch_ros'}


def verbs() -> dict[str, str]:
    """Return each verb and its summary, read from the files without importing them."""
    found = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name != 'main' and not module.name.startswith('_'):
            source = (Path(__file__).parent / f'{module.name}.py').read_text(encoding='utf-8')
            summary = (ast.get_docstring(ast.parse(source)) or '').partition('\n')[0]
            found[module.name.replace('_', '-')] = summary
    return found


def _help() -> argparse.ArgumentParser:
    known = verbs()
    width = max(map(len, known))
    parser = argparse.ArgumentParser(
        prog='fer_fusion',
        description='Recognise facial expressions from fused infrared and visible images.',
        epilog='verbs:\n'
        + '\n'.join(f'  {verb:{width}}  {summary}' for verb, summary in known.items())
        + '\n\n`fer_fusion VERB --help` tells more about one.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=__version__)
    parser.add_argument('verb', choices=known, metavar='VERB', help='what to do; see below')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the verb that the first word names.

    :param argv: The words after the program's name; by default the process's own.
    :return: The exit status: 0 when done, 1 after an error of this package or with a file, 2 for
        wrong usage, 130 after Ctrl-C, 141 when nobody reads what it prints any more (`| head`).
    """
    try:
        try:
            return _run(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()  # not only as the interpreter ends, which complains
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        return 141


def _run(words: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        # Neither the help's dots (…) in a C locale nor a file's name in Latin-1 ends a verb.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    verb = _help().parse_args(words[:1]).verb
    module = importlib.import_module(f'{__package__}.{verb.replace("-", "_")}')
    parser = argparse.ArgumentParser(
        prog=f'fer_fusion {verb}',
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    arguments = parser.parse_args(words[1:])
    try:
        return module.main(arguments)
    except FerFusionError as error:
        print(f'fer_fusion {verb}: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        # A full disk, a missing file, a folder in the place of a file: the user's to put right.
        where = f'{error.filename}: ' if error.filename else ''
        print(f'fer_fusion {verb}: {where}{error.strerror or error}', file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        missing = (error.name or '').partition('.')[0]
        if missing == __package__.partition('.')[0]:
            raise
        if missing in ROS_MODULES:
            cure = 'this verb runs ROS 2: source a distribution, or use `make` in the repository'
        elif missing.endswith('_msgs'):
            package = f'ros-{os.environ.get("ROS_DISTRO", "<distribution>")}-{missing}'
            cure = f'sudo apt install {package.replace("_", "-")}'
        else:
            cure = f"pip install {missing}, or this package with its extras '[engine,demo,train]'"
        print(f'fer_fusion {verb}: {error}; {cure}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
