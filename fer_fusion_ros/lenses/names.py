"""The four lenses of the array: their names, order, sides and bits."""

LENSES: tuple[str, ...] = ('ir_left', 'ir_right', 'vis_left', 'vis_right')
"""Every lens, in the order used everywhere."""

SIDES: tuple[str, ...] = ('left', 'right')
"""The two sides; each has one near-infrared and one visible lens."""

LENS_BITS: dict[str, int] = {lens: 1 << index for index, lens in enumerate(LENSES)}
"""Bit of each lens in ``ExpressionStamped.lenses``."""


def is_infrared(lens: str) -> bool:
    """Return whether ``lens`` sees near infrared; if not, it sees visible light."""
    return lens.startswith('ir_')


def side_of(lens: str) -> str:
    """Return the side of the array, 'left' or 'right', that ``lens`` sits on."""
    return lens.split('_', 1)[1]


def optical_frame(lens: str) -> str:
    """Return the default name of the optical frame (REP-103) of ``lens``."""
    return f'{lens}_optical'
