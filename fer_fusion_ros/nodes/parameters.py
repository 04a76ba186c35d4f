"""Declare node parameters with descriptions and limits, and name the wrong ones."""

import difflib
from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from fer_fusion_ros.exceptions import ParameterError


def declare(
    node: Node,
    name: str,
    default: bool | int | float | str | Sequence[Any],
    description: str,
    *,
    range: tuple[float, float] | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """Declare one read-only parameter and return its value.

    The type of ``default`` is the type of the parameter. A whole number given for a
    floating-point parameter is taken as one, and a number given for a string as its text.

    :param range: lowest and highest value allowed, both included.
    :param choices: the words allowed, for a string or a list of strings.
    :raises ParameterError: when the value that was given has another type, is out of range, is
        none of the choices or names one twice; the message names the parameter and what it may be.
    """
    descriptor = ParameterDescriptor(description=description, read_only=True)
    if choices is not None:
        descriptor.additional_constraints = 'one of: ' + ', '.join(choices)
    if range is not None:
        if isinstance(default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(range[0]), to_value=float(range[1]))
            ]
        else:
            descriptor.integer_range = [
                IntegerRange(from_value=int(range[0]), to_value=int(range[1]))
            ]
    overrides = _overrides(node)
    given = overrides.get(name)
    if isinstance(default, float) and given is not None and type(given.value) is int:
        overrides[name] = Parameter(name, value=float(given.value))
    elif isinstance(default, str) and given is not None and type(given.value) in (int, float):
        # The shell takes the quotes of '0.5'.
        overrides[name] = Parameter(name, value=str(given.value))
    try:
        value = node.declare_parameter(name, default, descriptor).value
    except InvalidParameterTypeException as error:
        raise ParameterError(
            f'parameter {name!r} of node {node.get_name()!r} is {_written(given)}, '
            f'but must be {_kind(default)} such as {_written(default)} ({description})'
        ) from error
    except InvalidParameterValueException as error:
        raise ParameterError(
            f'parameter {name!r} of node {node.get_name()!r} is {_written(given)}, '
            f'but must be {_allowed(range)} ({description})'
        ) from error
    if value is None:  # an empty list has no type, so rclpy takes it for any
        raise ParameterError(
            f'parameter {name!r} of node {node.get_name()!r} is empty; '
            f'give {_wanted(default, choices)} ({description})'
        )
    for word in [] if choices is None else [value] if isinstance(value, str) else value:
        if word not in choices:
            near = difflib.get_close_matches(word, choices, n=1)
            hint = f'; did you mean {near[0]!r}?' if near else ''
            raise ParameterError(
                f'parameter {name!r} of node {node.get_name()!r} is {value!r}, '
                f'but must be one of {", ".join(choices)}{hint}'
            )
    if choices is not None and not isinstance(value, str) and len(set(value)) < len(value):
        raise ParameterError(
            f'parameter {name!r} of node {node.get_name()!r} is {value!r}, which names one twice'
        )
    return value


def report_unknown(*nodes: Node) -> list[str]:
    """Warn about every given parameter that is never used; return the warnings.

    Call it last in a node's constructor: QoS overrides are declared with their topics.

    :param nodes: those of this process. What is given to all of them need be known to one only.
    """
    used = {name for node in nodes for name in _overrides(node) if node.has_parameter(name)}
    warnings = []
    for name in sorted({name for node in nodes for name in _overrides(node)} - used):
        given_to = [node for node in nodes if name in _overrides(node)]
        known = sorted({each for node in given_to for each in node.get_parameters_by_prefix('')})
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f'did you mean {near[0]!r}?' if near else f'there are: {", ".join(known)}'
        who = ' and '.join(f'node {node.get_name()!r}' for node in given_to)
        warnings.append(f'parameter {name!r} is unknown to {who}, its value is ignored; {hint}')
        given_to[0].get_logger().warning(warnings[-1])
    return warnings


def _overrides(node: Node) -> dict[str, Parameter]:
    # rclpy has no public way to see what a parameter file or the command line gave.
    return node._parameter_overrides


def _written(value: Any) -> str:
    return repr(value.value if isinstance(value, Parameter) else value)


def _kind(default: Any) -> str:
    if isinstance(default, bool):
        return 'a boolean'
    if isinstance(default, int):
        return 'a whole number'
    if isinstance(default, float):
        return 'a number'
    if isinstance(default, str):
        return 'a string'
    return 'a list'


def _wanted(default: Any, choices: Sequence[str] | None) -> str:
    if choices is None:
        return f'{_kind(default)} such as {_written(default)}'
    return ('one of ' if isinstance(default, str) else 'at least one of ') + ', '.join(choices)


def _allowed(limits: tuple[float, float] | None) -> str:
    return f'from {limits[0]} to {limits[1]}' if limits else 'another value'
