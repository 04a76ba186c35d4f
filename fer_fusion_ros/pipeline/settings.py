"""What can be set in the pipeline."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PipelineSettings:
    """Settings of `Pipeline` and of its stages; nodes declare parameters of the same names.

    :ivar plane_distance: metres from the lenses at which infrared and visible align; 0.3..30.
    :ivar engine: one of `engine.create_engine.ENGINES`.
    :ivar threads: CPU threads of the engine; 0 for all cores.
    :ivar fusion_weights: ONNX file; empty for the bundled one.
    :ivar expression_weights: ONNX file; empty for the bundled one.
    :ivar detector: one of `faces.create_detector.DETECTORS`.
    :ivar detector_model: YuNet's model file.
    :ivar min_face: width in pixels of the smallest face; 20..400.
    :ivar detect_every: look for the known faces on one of so many frames; 1..30.
    :ivar search_every: search the whole frame on one of so many frames; 1..300.
    :ivar max_lost: seconds that a face may go unseen before its id is retired; 0..10.
    :ivar time_constant: seconds of temporal smoothing; 0..10, 0 for none.
    :ivar min_confidence: below it an expression is uncertain; 0..1.
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
    search_every: int = 15
    max_lost: float = 0.7
    time_constant: float = 0.5
    min_confidence: float = 0.4
    residual_period: int = 30
