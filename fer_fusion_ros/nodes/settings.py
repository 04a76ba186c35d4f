"""The pipeline's settings as node parameters."""

from rclpy.node import Node

from fer_fusion_ros.expression.pace import Pace
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


def declare_pace(node: Node) -> Pace | None:
    """Declare whether to read fewer faces where there is no time for all; return how many then."""
    keep = declare(
        node,
        'keep_pace',
        True,
        'where there is no time to read every face in every frame, read some and follow the '
        'others, rather than drop frames',
    )
    return Pace() if keep else None


def how_to_relieve(node: Node) -> str:
    """Return what helps where the processor is too slow."""
    weights = node.get_parameter_or('expression_weights').value
    if weights in ('', 'expression'):
        return '-p expression_weights:=expression_stride2, or fewer images per second'
    return 'fewer images per second'
