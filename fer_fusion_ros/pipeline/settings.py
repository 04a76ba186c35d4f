"""What can be set in the pipeline."""

from dataclasses import dataclass

from fer_fusion_ros.engine import ENGINES
from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.faces.create_detector import DETECTORS
from fer_fusion_ros.limits import is_within

DESCRIPTIONS: dict[str, str] = {
    'plane_distance': 'distance at which infrared and visible images align, in metres',
    'residual_period': 'measure the misalignment once in so many pairs; 0 never',
    'engine': 'what runs the networks; auto takes the fastest that is installed',
    'threads': 'CPU threads of the engine; 0 for all cores',
    'fusion_weights': 'ONNX file of the fusion network; empty for the bundled one',
    'expression_weights': 'ONNX file of the expression network; empty for the bundled one, '
    'expression_stride2 for the bundled one that takes half the time and errs a little more',
    'detector': 'what finds faces',
    'detector_model': "YuNet's model file, if detector is yunet; needs OpenCV 4.8",
    'min_face': 'width of the smallest face to find, in pixels',
    'detect_every': 'look for the known faces on one of so many frames',
    'search_every': 'search a part of the frame for new faces on one of so many frames',
    'max_lost': 'time a face may go unseen before its id is retired, in seconds',
    'time_constant': 'time constant of the temporal smoothing, in seconds; 0 for none',
    'min_confidence': 'an expression less probable than this is called uncertain',
    'max_views': 'face crops per frame up to which every face is read from both sides; with more, '
    'the sides take turns',
}
"""What each setting is, for its users."""

RANGES: dict[str, tuple[float, float]] = {
    'plane_distance': (0.3, 30.0),
    'threads': (0, 64),
    'min_face': (20.0, 400.0),
    'detect_every': (1, 30),
    'search_every': (1, 300),
    'max_lost': (0.0, 10.0),
    'time_constant': (0.0, 10.0),
    'min_confidence': (0.0, 1.0),
    'max_views': (1, 64),
    'residual_period': (0, 10000),
}
"""Lowest and highest value of each numeric setting, both included."""

CHOICES: dict[str, tuple[str, ...]] = {'engine': ENGINES, 'detector': DETECTORS}
"""The words allowed, for the settings that are one of a few words."""


@dataclass(frozen=True)
class PipelineSettings:
    """
    Settings of `Pipeline` and of its stages; nodes declare parameters of the same names.

    `DESCRIPTIONS` tells what each one is.

    :raises ConfigurationError: on construction, naming the setting, its value and its range.
    """

    plane_distance: float = 3.0
    engine: str = 'auto'
    threads: int = 0
    fusion_weights: str = ''
    expression_weights: str = ''
    detector: str = 'haar'
    detector_model: str = ''
    min_face: float = 40.0
    detect_every: int = 3
    search_every: int = 3
    max_lost: float = 0.7
    time_constant: float = 0.5
    min_confidence: float = 0.4
    max_views: int = 3
    residual_period: int = 30

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not is_within(value, low, high):
                kind = 'a whole number from ' if isinstance(low, int) else ''
                raise ConfigurationError(f'{name} is {value!r}; give {kind}{low} to {high}')
        for name, words in CHOICES.items():
            value = getattr(self, name)
            if value not in words:
                raise ConfigurationError(f'{name} is {value!r}; choose one of {", ".join(words)}')
