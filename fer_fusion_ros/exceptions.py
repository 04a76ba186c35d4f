"""Every error this package raises on purpose. Each message says what to do about it."""


class FerFusionError(Exception):
    """Base of all errors of this package."""


class ParameterError(FerFusionError):
    """A node parameter has a wrong type or value."""
