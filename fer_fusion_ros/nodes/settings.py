"""The pipeline's settings as node parameters."""

from rclpy.node import Node

from fer_fusion_ros.nodes.parameters import declare
from fer_fusion_ros.pipeline.settings import CHOICES, RANGES, PipelineSettings

_DESCRIPTIONS: dict[str, str] = {
    'plane_distance': 'distance at which infrared and visible images align, in metres',
    'residual_period': 'measure the misalignment on one of so many pairs; 0 never',
    'engine': 'what runs the networks; auto takes the fastest that is installed',
    'threads': 'CPU threads of the engine; 0 for all cores',
    'fusion_weights': 'ONNX file of the fusion network; empty for the bundled one',
    'expression_weights': 'ONNX file of the expression network; empty for the bundled one, '
    'expression_stride2 for the bundled one that takes half the time and errs a little more',
    'detector': 'what finds faces',
    'detector_model': "YuNet's model file, when detector is yunet",
    'min_face': 'width of the smallest face to find, in pixels',
    'detect_every': 'look for the known faces on one of so many frames',
    'search_every': 'search a part of the frame for new faces on one of so many frames',
    'max_lost': 'time a face may go unseen before its id is retired, in seconds',
    'time_constant': 'time constant of the temporal smoothing, in seconds; 0 for none',
    'min_confidence': 'an expression less probable than this is called uncertain',
    'max_views': 'face crops per frame up to which every face is read from both sides; with more, '
    'the sides take turns',
}
REGISTRATION = ('plane_distance', 'residual_period')
"""Settings that the registration stage has."""

FUSION = ('engine', 'threads', 'fusion_weights')
"""Settings that the fusion stage has."""

EXPRESSION = tuple(name for name in _DESCRIPTIONS if name not in REGISTRATION)
"""Settings that the expression stage has; it fuses the faces itself."""


def declare_settings(node: Node, *names: str) -> PipelineSettings:
    """Declare the parameters of the named settings; return them, the others at their defaults.

    :raises ParameterError: if the value given for one is wrong.
    """
    values = {
        name: declare(
            node,
            name,
            getattr(PipelineSettings, name),
            _DESCRIPTIONS[name],
            range=RANGES.get(name),
            choices=CHOICES.get(name),
        )
        for name in names
    }
    return PipelineSettings(**values)
