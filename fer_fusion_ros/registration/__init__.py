"""Bring the infrared and visible image of a side onto one pixel grid."""

from fer_fusion_ros.registration.registered_pair import RegisteredPair
from fer_fusion_ros.registration.registrar import Registrar
from fer_fusion_ros.registration.residual import residual

__all__ = ['RegisteredPair', 'Registrar', 'residual']
