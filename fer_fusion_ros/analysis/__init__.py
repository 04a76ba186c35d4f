"""The pipeline over recordings: image pairs, folders, videos and bags, to a table and a plot."""

from fer_fusion_ros.analysis.analyze import Reading, analyze
from fer_fusion_ros.analysis.bag_recording import BagRecording
from fer_fusion_ros.analysis.file_recording import FileRecording
from fer_fusion_ros.analysis.recording import Moment, Recording
from fer_fusion_ros.analysis.table import write_table

__all__ = [
    'BagRecording',
    'FileRecording',
    'Moment',
    'Reading',
    'Recording',
    'analyze',
    'write_table',
]
