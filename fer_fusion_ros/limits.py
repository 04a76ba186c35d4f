"""Limits of numbers that users give."""

from numbers import Integral, Real


def is_within(value: object, low: float, high: float) -> bool:
    """
    Tell whether a value is a number from low to high; NaN and bool are none.

    Where the limits are of type int, it must be a whole number.
    """
    kind = Integral if isinstance(low, int) else Real
    return isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high
