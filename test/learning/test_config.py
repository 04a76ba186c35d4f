"""A recipe is read with its names and types checked, and errors name the file and the field."""

from dataclasses import dataclass, field

import pytest

from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.learning.config import check_ranges, differences, load_config


@dataclass(frozen=True)
class Inner:
    angle: float = 1.0
    sides: tuple[int, ...] = ()
    turns: tuple[float, ...] = ()


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


@pytest.mark.parametrize('text', ['1e-3', '1E-3', '+1e-03', '.1e-2', '1.e-3', '1.0e-3'])
def test_numbers_with_an_exponent_are_read_as_people_write_them(tmp_path, text):
    recipe = read(tmp_path, 'name: 1e3', f'rate={text}', f'inner.turns=[{text}, 2]')
    assert recipe == Recipe('1e3', rate=1e-3, inner=Inner(turns=(1e-3, 2.0)))


@pytest.mark.parametrize(
    ('text', 'override', 'message'),
    [
        ('name: a\ninner:', 'inner.angle=15', "'inner.angle=15' enters what is no mapping"),
        ('name: a', 'epochs.x=1', "epochs is {'x': 1} but must be of type int"),
        ('name: a\nepochs: 3', 'epochs.x=1', r"recipe\.yaml: 'epochs.x=1' enters what is no map"),
        ('name: a\nepochs: 3', 'epochs.x.y=1', 'no mapping'),
        ('- 1', 'epochs=3', 'no mapping'),
        ('name: a', 'epochs=[1', r"'epochs=\[1': the value cannot be read as YAML"),
        ('name: a', 'name=2001-99-99', 'the value cannot be read as YAML'),
        ('name: a', 'epochs=1e3', "epochs is '1e3' but must be of type int"),
        ('name: a', 'rate=1e', "rate is '1e' but must be of type float"),
    ],
)
def test_wrong_overrides_are_named(tmp_path, text, override, message):
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, text, override)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / 'binary.yaml').write_bytes(b'\xff\xfe\xfa: 1')
    with pytest.raises(ConfigurationError, match=r'binary\.yaml: cannot be read as YAML'):
        load_config(tmp_path / 'binary.yaml', Recipe)


def test_an_override_needs_an_equals_sign(tmp_path):
    with pytest.raises(ConfigurationError, match="'epochs' must have the form name=value"):
        read(tmp_path, 'name: a', 'epochs')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r'nothing\.yaml'):
        load_config(tmp_path / 'nothing.yaml', Recipe)


@pytest.mark.parametrize(
    ('interval', 'right', 'wrong', 'message'),
    [
        ('[0, 1]', (0, 0.5, 1), (-0.1, 1.1, float('nan')), r'in 0\.\.1'),
        ('[0, 1)', (0, 0.5), (-0.1, 1, float('inf')), 'at least 0 and below 1'),
        ('(0, 1]', (0.5, 1), (0, 1.1), 'above 0 and at most 1'),
        ('[2, inf)', (2, 99), (1, float('inf'), float('nan')), r'at least 2\.'),
    ],
)
def test_numbers_out_of_range_are_named_with_the_range(interval, right, wrong, message):
    for number in right:
        check_ranges(Recipe('a', rate=number), {'rate': interval})
    for number in wrong:
        with pytest.raises(ConfigurationError, match=f'rate is {number}; it must be {message}'):
            check_ranges(Recipe('a', rate=number), {'rate': interval})


def test_every_number_of_a_tuple_is_in_its_range():
    check_ranges(Inner(sides=(4, 5)), {'sides': '[4, 5]'})
    with pytest.raises(ConfigurationError, match=r'sides is \(4, 6\); it must be in 4\.\.5'):
        check_ranges(Inner(sides=(4, 6)), {'sides': '[4, 5]'})


def test_differences_are_told_with_their_place():
    former = {'epochs': 3, 'inner': {'sides': (1,), 'angle': 1.0}}
    now = {'epochs': 4, 'rate': 0.1, 'inner': {'sides': (1,), 'angle': 2.0}}
    assert differences(former, now) == ['epochs 3 -> 4', 'inner.angle 1.0 -> 2.0']
    assert differences(now, now) == []
