"""What an expression was read from."""

from enum import IntEnum


class Modality(IntEnum):
    """Spectral bands used; the values are the constants of ``ExpressionStamped.msg``."""

    UNKNOWN = 0
    FUSED = 1
    VISIBLE = 2
    INFRARED = 3
