"""Find faces and follow them."""

from fer_fusion_ros.faces.create_detector import create_detector
from fer_fusion_ros.faces.detection import Detection
from fer_fusion_ros.faces.face_detector import FaceDetector
from fer_fusion_ros.faces.face_finder import FaceFinder
from fer_fusion_ros.faces.face_tracker import FaceTracker
from fer_fusion_ros.faces.haar_detector import HaarDetector
from fer_fusion_ros.faces.track import Track
from fer_fusion_ros.faces.yunet_detector import YuNetDetector

__all__ = [
    'Detection',
    'FaceDetector',
    'FaceFinder',
    'FaceTracker',
    'HaarDetector',
    'Track',
    'YuNetDetector',
    'create_detector',
]
