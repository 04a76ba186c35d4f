"""The simulated rig: four lenses looking at photographs, for a machine without cameras."""

from fer_fusion_ros.lenses.rig.photometry import PHOTOMETRY, Photometry, near_infrared, visible

__all__ = ['PHOTOMETRY', 'Photometry', 'near_infrared', 'visible']
