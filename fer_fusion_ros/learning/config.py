"""Read a training's configuration from YAML into a dataclass."""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from fer_fusion_ros.exceptions import ConfigurationError

T = TypeVar('T')

_EXPONENT = re.compile(r'[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+')
"""Numbers such as 1e-3, which are texts in YAML 1.1: it wants 1.0e-3."""


def load_config(path: str | Path, kind: type[T], overrides: Sequence[str] = ()) -> T:
    """
    Read a YAML file into a dataclass, checking names and types.

    :param path: the file; a nested mapping fills a nested dataclass.
    :param kind: the dataclass.
    :param overrides: `name=value` texts that win over the file; a dot enters a nested dataclass,
        and the value is YAML, as in `augmentation.rotation=15`.
    :raises ConfigurationError: naming the file, the field and what it should be.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f'{path}: cannot be read as YAML: {error}') from error
    for override in overrides:
        name, equals, text = override.partition('=')
        if not equals:
            raise ConfigurationError(f'{override!r} must have the form name=value.')
        *parents, leaf = name.strip().split('.')
        place = values
        for parent in parents:
            place = place.setdefault(parent, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise ConfigurationError(
                f'{path}: {override!r} enters what is no mapping of names to values.'
            )
        try:
            place[leaf] = yaml.safe_load(text)
        except (ValueError, yaml.YAMLError) as error:
            raise ConfigurationError(
                f'{override!r}: the value cannot be read as YAML: {error}'
            ) from error
    return build_config(values, kind, str(path))


def build_config(values: Mapping[str, Any], kind: type[T], where: str) -> T:
    """
    Fill a dataclass from a mapping, checking names and types.

    :param values: plain values, as YAML or JSON give them.
    :param kind: the dataclass.
    :param where: named in errors.
    :raises ConfigurationError: if a name is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f'{where}: must be a mapping of names to values.')
    fields = {field.name: field for field in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    unknown = [str(name) for name in values if name not in fields]
    if unknown:
        raise ConfigurationError(
            f'{where}: unknown field {", ".join(unknown)}; known are {", ".join(fields)}.'
        )
    missing = [
        name
        for name, field in fields.items()
        if field.default is field.default_factory is dataclasses.MISSING and name not in values
    ]
    if missing:
        raise ConfigurationError(f'{where}: the field {", ".join(missing)} is missing.')
    arguments = {
        name: _convert(value, hints[name], f'{where}: {name}') for name, value in values.items()
    }
    try:
        return kind(**arguments)
    except ConfigurationError as error:
        raise ConfigurationError(f'{where}: {error}') from error


def differences(former: Mapping[str, Any], now: Mapping[str, Any], prefix: str = '') -> list[str]:
    """
    Return what differs between two configurations, such as `batch_size 64 -> 128`.

    :param former: as `dataclasses.asdict` gives it; fields that it lacks are passed over.
    :param now: likewise.
    """
    told = []
    for name, value in now.items():
        if name not in former:
            continue
        if isinstance(value, Mapping):
            told += differences(former[name], value, f'{prefix}{name}.')
        elif former[name] != value:
            told.append(f'{prefix}{name} {former[name]} -> {value}')
    return told


def report_differences(former: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Print what differs in the recipe that a training is resumed with; see `differences`."""
    if changed := differences(former, now):
        print(f'Resuming with another recipe: {", ".join(changed)}.')


def report_other_data(former: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """
    Print which of its data a training is resumed without, or with others.

    :param former: what tells each of them apart, by name; those that it lacks are passed over.
    :param now: likewise.
    """
    if changed := [name for name, value in now.items() if former.get(name, value) != value]:
        print(f'Resuming with other training data than before: {", ".join(changed)}.')


SEED = '[0, 9223372036854775807]'
"""Range of a seed, of PyTorch's and NumPy's generators alike."""


def check_ranges(config: Any, ranges: Mapping[str, str]) -> None:
    """
    Check that numbers are finite and in their ranges.

    :param config: a dataclass.
    :param ranges: for fields, intervals such as `[0, 1)`, which holds 0 but not 1; one without an
        end is `[1, inf)`. Of a tuple, each number has to be in it.
    :raises ConfigurationError: naming the field, its value and what is allowed.
    """
    for name, interval in ranges.items():
        value = getattr(config, name)
        low, high = interval[1:-1].split(', ')
        for number in value if isinstance(value, tuple) else (value,):
            above = number >= float(low) if interval[0] == '[' else number > float(low)
            below = number <= float(high) if interval[-1] == ']' else number < float(high)
            if not (above and below and math.isfinite(number)):
                raise ConfigurationError(f'{name} is {value}; it must be {_in_words(interval)}.')


def check_shares(config: Any, names: Sequence[str]) -> None:
    """
    Check that fields are shares of one whole.

    :param config: a dataclass.
    :param names: of two fields or more.
    :raises ConfigurationError: if one is not in 0..1, or they are more than 1 together.
    """
    check_ranges(config, dict.fromkeys(names, '[0, 1]'))
    total = sum(getattr(config, name) for name in names)
    if total > 1 + 1e-9:  # which 0.7 + 0.2 + 0.1 may be
        raise ConfigurationError(
            f'{", ".join(names[:-1])} and {names[-1]} are {total:g} together; '
            'they must be at most 1.'
        )


def _in_words(interval: str) -> str:
    low, high = interval[1:-1].split(', ')
    if interval[0] + interval[-1] == '[]':
        return f'in {low}..{high}'
    least = f'{"at least" if interval[0] == "[" else "above"} {low}'
    if high == 'inf':
        return least
    return f'{least} and {"at most" if interval[-1] == "]" else "below"} {high}'


def _convert(value: Any, hint: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return build_config(value, hint, where)
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in options and isinstance(value, str) and _EXPONENT.fullmatch(value):
        value = float(value)
    if hint in (tuple[float, ...], tuple[int, ...], tuple[str, ...]):
        if isinstance(value, list):
            return tuple(_convert(item, typing.get_args(hint)[0], where) for item in value)
    elif float in options and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif value is None and type(None) in options:
        return None
    elif any(type(value) is option for option in options):
        return value
    expected = hint.__name__ if isinstance(hint, type) else str(hint)
    raise ConfigurationError(f'{where} is {value!r} but must be of type {expected}.')
