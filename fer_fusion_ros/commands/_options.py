"""Values of options that several verbs share."""

import argparse
import math
import tempfile
from pathlib import Path

from fer_fusion_ros.exceptions import ConfigurationError


def positive(word: str) -> float:
    """Read a finite number above 0, as a type of argparse."""
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f'{word} is given; it must be a finite number above 0')
    return number


def count(word: str) -> int:
    """Read a whole number that is not negative, as a type of argparse."""
    try:
        number = int(word)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f'{word} is given; it must be a whole number, 0 or more')
    return number


def fold(word: str) -> int:
    """Read the number of one of ten folds, as a type of argparse."""
    if word not in map(str, range(10)):
        raise argparse.ArgumentTypeError(f'{word} is given; give 0 to 9')
    return int(word)


def make_folder(path: str | Path) -> Path:
    """
    Make a folder for results, best before the work that they take.

    :raises ConfigurationError: It cannot be made, or not be written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigurationError(
            f'{folder} cannot be used as a folder for results ({error.strerror}); name another'
        ) from error
    return folder
