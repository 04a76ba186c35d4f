"""The course of the learning rate."""

import math


def warmup_cosine(step: int, steps: int, warmup: int) -> float:
    """
    Return the factor on the learning rate: a linear rise, then half a cosine down to zero.

    :param step: 0 .. steps - 1.
    :param steps: of the whole training.
    :param warmup: steps of the rise.
    :return: in 0..1.
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
