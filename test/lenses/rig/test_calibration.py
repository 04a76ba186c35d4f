"""The calibration files that are shipped as an example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import SimulatedRig

FOLDER = Path(__file__).resolve().parents[3] / 'config' / 'calibration'


@pytest.mark.parametrize('lens', LENSES)
def test_the_shipped_files_are_the_rig(lens: str) -> None:
    """As `SimulatedRig().camera_model(lens).to_yaml(path)` writes them."""
    shipped = CameraModel.from_yaml(FOLDER / f'{lens}.yaml')
    rig = SimulatedRig().camera_model(lens)
    assert (shipped.name, shipped.width, shipped.height) == (lens, rig.width, rig.height)
    for field in ('K', 'D', 'R', 'P'):
        assert np.allclose(getattr(shipped, field), getattr(rig, field))
