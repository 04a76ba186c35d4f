"""Every error this package raises on purpose. Each message says what to do about it."""


class FerFusionError(Exception):
    """Base of all errors of this package."""
