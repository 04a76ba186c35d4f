"""Recognise facial expressions from fused near-infrared and visible images."""

from pkgutil import extend_path

__version__ = '0.1.0'

# The generated messages (fer_fusion_ros.msg) live in the install space; this lets a source
# tree that stands earlier on sys.path find them there.
__path__ = extend_path(__path__, __name__)
