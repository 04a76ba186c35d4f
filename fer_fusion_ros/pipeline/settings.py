"""What can be set in the pipeline."""

from dataclasses import dataclass

from fer_fusion_ros.engine import ENGINES
from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.faces.create_detector import DETECTORS

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

    :ivar plane_distance: metres from the lenses at which infrared and visible align.
    :ivar engine: what runs the networks.
    :ivar threads: CPU threads of the engine; 0 for all cores.
    :ivar fusion_weights: ONNX file; empty for the bundled one.
    :ivar expression_weights: ONNX file, or the bare name of bundled weights; empty for
        ``expression``.
    :ivar detector: what finds faces.
    :ivar detector_model: YuNet's model file.
    :ivar min_face: width in pixels of the smallest face.
    :ivar detect_every: look for the known faces on one of so many frames.
    :ivar search_every: search a part of the frame for new faces on one of so many frames.
    :ivar max_lost: seconds that a face may go unseen before its id is retired.
    :ivar time_constant: seconds of temporal smoothing; 0 for none.
    :ivar min_confidence: below it an expression is uncertain.
    :ivar max_views: face crops per frame up to which every face is read from both sides; with
        more, the sides take turns.
    :ivar residual_period: measure the registration on one of so many pairs; 0 never.
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
            if not low <= value <= high:
                raise ConfigurationError(f'{name} is {value}; give {low} to {high}')
        for name, words in CHOICES.items():
            value = getattr(self, name)
            if value not in words:
                raise ConfigurationError(f'{name} is {value!r}; choose one of {", ".join(words)}')
