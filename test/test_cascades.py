"""The cascades are found in a wheel and in a distribution's package."""

import cv2
import pytest

from fer_fusion_ros import cascades
from fer_fusion_ros.exceptions import ConfigurationError

NAME = 'haarcascade_frontalface_alt2.xml'


def test_a_distribution_has_them_elsewhere(tmp_path, monkeypatch):
    find = cascades.cascade_file.__wrapped__  # without its memory
    assert find(NAME).is_file()
    monkeypatch.delattr(cv2, 'data')
    monkeypatch.setattr(cascades, '_FOLDERS', (str(tmp_path),))
    with pytest.raises(ConfigurationError, match='install opencv-data'):
        find(NAME)
    (tmp_path / NAME).touch()
    assert find(NAME) == tmp_path / NAME
