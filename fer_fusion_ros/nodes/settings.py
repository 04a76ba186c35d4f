"""The pipeline's settings as node parameters."""

from rclpy.node import Node

from fer_fusion_ros.nodes.parameters import declare
from fer_fusion_ros.pipeline.settings import CHOICES, DESCRIPTIONS, RANGES, PipelineSettings

REGISTRATION = ('plane_distance', 'residual_period')
"""Settings that the registration stage has."""

FUSION = ('engine', 'threads', 'fusion_weights')
"""Settings that the fusion stage has."""

EXPRESSION = tuple(name for name in DESCRIPTIONS if name not in REGISTRATION)
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
            DESCRIPTIONS[name],
            range=RANGES.get(name),
            choices=CHOICES.get(name),
        )
        for name in names
    }
    return PipelineSettings(**values)
