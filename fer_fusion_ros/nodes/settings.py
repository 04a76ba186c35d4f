"""The pipeline's settings as node parameters."""

from typing import Any

from rclpy.node import Node

from fer_fusion_ros.engine.create_engine import ENGINES
from fer_fusion_ros.faces.create_detector import DETECTORS
from fer_fusion_ros.nodes.parameters import declare
from fer_fusion_ros.pipeline.settings import PipelineSettings

_PARAMETERS: dict[str, tuple[str, dict[str, Any]]] = {
    'plane_distance': (
        'distance from the lenses at which infrared and visible images align, in metres',
        {'range': (0.3, 30.0)},
    ),
    'residual_period': (
        'measure the misalignment on one of so many pairs; 0 never',
        {'range': (0, 10000)},
    ),
    'engine': (
        'what runs the networks; auto takes the fastest that is installed',
        {'choices': ENGINES},
    ),
    'threads': ('CPU threads of the engine; 0 for all cores', {'range': (0, 256)}),
    'fusion_weights': ('ONNX file of the fusion network; empty for the bundled one', {}),
    'expression_weights': ('ONNX file of the expression network; empty for the bundled one', {}),
    'detector': ('face detector', {'choices': DETECTORS}),
    'detector_model': ("YuNet's model file, when detector is yunet", {}),
    'min_face': ('width of the smallest face to find, in pixels', {'range': (20.0, 400.0)}),
    'detect_every': ('look for the known faces on one of so many frames', {'range': (1, 30)}),
    'search_every': (
        'search the whole image for new faces on one of so many frames',
        {'range': (1, 300)},
    ),
    'max_lost': (
        'time that a face may go unseen before its id is retired, in seconds',
        {'range': (0.0, 10.0)},
    ),
    'time_constant': (
        'time constant of the temporal smoothing, in seconds; 0 for none',
        {'range': (0.0, 10.0)},
    ),
    'min_confidence': (
        'an expression less probable than this is called uncertain',
        {'range': (0.0, 1.0)},
    ),
}
REGISTRATION = ('plane_distance', 'residual_period')
"""Settings that the registration stage has."""

FUSION = ('engine', 'threads', 'fusion_weights')
"""Settings that the fusion stage has."""

EXPRESSION = tuple(name for name in _PARAMETERS if name not in REGISTRATION)
"""Settings that the expression stage has; it fuses the faces itself."""


def declare_settings(node: Node, *names: str) -> PipelineSettings:
    """Declare the parameters of the named settings; return them, the others at their defaults.

    :raises ParameterError: if the value given for one is wrong.
    """
    values = {}
    for name in names:
        description, limits = _PARAMETERS[name]
        default = getattr(PipelineSettings, name)
        values[name] = declare(node, name, default, description, **limits)
    return PipelineSettings(**values)
