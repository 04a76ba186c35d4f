"""A recipe is read with its names and types checked, and errors name the file and the field."""

from dataclasses import dataclass, field

import pytest

from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.learning.config import load_config


@dataclass(frozen=True)
class Inner:
    angle: float = 1.0
    sides: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recipe:
    name: str
    epochs: int = 3
    rate: float | None = 0.1
    fast: bool = False
    inner: Inner = field(default_factory=Inner)


def read(tmp_path, text, *overrides):
    path = tmp_path / 'recipe.yaml'
    path.write_text(text)
    return load_config(path, Recipe, overrides)


def test_what_the_file_leaves_out_keeps_its_default(tmp_path):
    recipe = read(tmp_path, 'name: a\nrate: 2\ninner:\n  sides: [4, 5]\n')
    assert recipe == Recipe('a', rate=2.0, inner=Inner(sides=(4, 5)))
    assert type(recipe.rate) is float


def test_overrides_win_over_the_file(tmp_path):
    recipe = read(
        tmp_path, 'name: a\nepochs: 5', 'epochs=7', 'inner.angle=2.5', 'rate=null', 'fast=true'
    )
    assert recipe == Recipe('a', 7, None, True, Inner(2.5))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('epochs: 3', 'recipe.yaml: the field name is missing'),
        ('name: a\nepoch: 3', 'unknown field epoch; known are name, epochs'),
        ('name: a\nepochs: many', "recipe.yaml: epochs is 'many' but must be of type int"),
        ('name: a\nepochs: 2.5', 'epochs is 2.5'),
        ('name: a\nepochs: true', 'epochs is True'),
        ('name: a\nrate: true', 'rate is True'),
        ('name: 3', 'name is 3 but must be of type str'),
        ('name: a\ninner: 3', 'inner: must be a mapping'),
        ('name: a\ninner:\n  angel: 3', 'recipe.yaml: inner: unknown field angel'),
        ('name: a\ninner:\n  sides: 3', 'sides is 3'),
        ('[1, 2]', 'must be a mapping'),
        ('name: [', 'recipe.yaml: cannot be read as YAML'),
    ],
)
def test_errors_name_the_file_and_the_field(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, text)


def test_an_override_needs_an_equals_sign(tmp_path):
    with pytest.raises(ConfigurationError, match="'epochs' must have the form name=value"):
        read(tmp_path, 'name: a', 'epochs')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r'nothing\.yaml'):
        load_config(tmp_path / 'nothing.yaml', Recipe)
