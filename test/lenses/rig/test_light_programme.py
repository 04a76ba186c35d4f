"""A light programme is read from words and followed in time."""

import pytest

from fer_fusion_ros.exceptions import RigError
from fer_fusion_ros.lenses.rig import LightProgramme


def test_light_changes_evenly_in_its_logarithm():
    light = LightProgramme('1:1.0 3:0.01 5:1.0')
    assert [light(t) for t in (0, 1, 2, 3, 4, 5, 99)] == pytest.approx(
        [1, 1, 0.1, 0.01, 0.1, 1, 1]
    )


def test_one_level_is_constant():
    assert LightProgramme('0.3')(12.0) == pytest.approx(0.3)


@pytest.mark.parametrize(
    'text',
    [
        '',
        'bright',
        '1:2:3',
        '3:1 2:1',
        '0:0',
        '0:1 2:1.5',
        'nan',
        'nan:1',
        'nan:1 2:1',
        '0:1 inf:1',
    ],
)
def test_what_is_no_programme_is_refused(text):
    with pytest.raises(RigError, match=r'programme|light level'):
        LightProgramme(text)
