"""The whole path from lens images to expressions, without ROS."""

from fer_fusion_ros.pipeline.overlay import draw_overlay
from fer_fusion_ros.pipeline.pipeline import Pipeline
from fer_fusion_ros.pipeline.result import PipelineResult
from fer_fusion_ros.pipeline.settings import PipelineSettings

__all__ = ['Pipeline', 'PipelineResult', 'PipelineSettings', 'draw_overlay']
