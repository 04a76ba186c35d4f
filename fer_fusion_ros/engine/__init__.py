"""Run a network's weights on what the machine has."""

from fer_fusion_ros.engine.create_engine import (
    ENGINES,
    WEIGHTS,
    cpu_engine,
    create_engine,
    weights_file,
)
from fer_fusion_ros.engine.engine import Engine

__all__ = ['ENGINES', 'WEIGHTS', 'Engine', 'cpu_engine', 'create_engine', 'weights_file']
