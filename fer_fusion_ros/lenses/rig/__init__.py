"""The simulated rig: four lenses looking at photographs, for a machine without cameras."""

from fer_fusion_ros.lenses.rig.light_programme import LightProgramme
from fer_fusion_ros.lenses.rig.photometry import PHOTOMETRY, Photometry, near_infrared, visible
from fer_fusion_ros.lenses.rig.rig_truth import RigTruth
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig

__all__ = [
    'PHOTOMETRY',
    'LightProgramme',
    'Photometry',
    'RigTruth',
    'SimulatedRig',
    'near_infrared',
    'visible',
]
