"""Every error this package raises on purpose. Each message says what to do about it."""


class FerFusionError(Exception):
    """Base of all errors of this package."""


class ParameterError(FerFusionError):
    """A node parameter has a wrong type or value."""


class CalibrationError(FerFusionError):
    """A lens's calibration is missing, unreadable or contradicts itself."""


class LensError(FerFusionError):
    """A lens cannot be opened, or gives no more images until it is opened again."""


class LensEndedError(LensError):
    """A recording that stands in for a lens has been played to its end."""


class RegistrationError(FerFusionError):
    """Images that should lie on one grid do not."""


class ImageMessageError(FerFusionError):
    """An image message is malformed, or its encoding is not understood."""


class ConfigurationError(FerFusionError):
    """A setting or a file that it names cannot be used."""


class EngineError(FerFusionError):
    """No engine can run a network here: it is not installed, or its file is missing or bad."""


class RigError(FerFusionError):
    """The simulated rig is given photographs or settings that it cannot show."""


class DownloadError(FerFusionError):
    """A file cannot be fetched, or is not the one that was meant."""


class DataError(FerFusionError):
    """Training or test data are missing, unreadable or contradict themselves."""


class CheckpointError(FerFusionError):
    """A checkpoint is missing, unreadable or of another training."""


class QuantisationError(CheckpointError):
    """A network's answers suffer too much from integers of eight bits, or none can be made."""


class DemoError(FerFusionError):
    """The demo cannot run, or nothing came out of it."""


class RecordingError(FerFusionError):
    """A recording to analyse is missing, unreadable or does not fit together."""
