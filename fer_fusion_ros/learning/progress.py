"""A progress bar that only the first process shows."""

import sys

from tqdm import tqdm


def progress_bar(total: int, done: int, unit: str, description: str, show: bool = True) -> tqdm:
    """
    Return a bar with the rate and the time left; on a file it writes a line every minute.

    :param total: units of the whole training.
    :param done: units done before a resume; they do not count in the rate.
    :param unit: what is counted, such as `face`.
    :param description: stands before the bar.
    :param show: false on all processes but the first.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        unit=unit,
        desc=description,
        disable=not show,
        dynamic_ncols=terminal,
        smoothing=0.05,
        mininterval=0.5 if terminal else 60,
        maxinterval=10 if terminal else 120,
    )
