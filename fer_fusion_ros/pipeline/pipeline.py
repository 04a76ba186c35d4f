"""The whole path from lens images to expressions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fer_fusion_ros.expression.recogniser import Recogniser
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.pipeline.result import PipelineResult
from fer_fusion_ros.pipeline.settings import PipelineSettings
from fer_fusion_ros.synchronisation.frame_set import FrameSet

if TYPE_CHECKING:
    from fer_fusion_ros.lenses.camera_model import CameraModel


def create_fuser(settings: PipelineSettings) -> Fuser:
    """Make the fuser that the settings describe."""
    raise NotImplementedError


def create_recogniser(settings: PipelineSettings, fuser: Fuser | None = None) -> Recogniser:
    """Make the recogniser that the settings describe; without a fuser it makes its own."""
    raise NotImplementedError


class Pipeline:
    """Register, find faces, fuse them and read their expressions.

    :param settings: see `PipelineSettings`.
    :param models: camera model by lens, None or absent where there is no calibration.
    :raises ConfigurationError: if a setting or a file that it names is wrong.
    :raises EngineError: if no engine can run the models.
    """

    def __init__(
        self,
        settings: PipelineSettings | None = None,
        models: 'Mapping[str, CameraModel | None] | None' = None,
    ) -> None:
        raise NotImplementedError

    @property
    def model(self) -> str:
        """Name and content hash of the models, for ``ExpressionStamped.model``."""
        raise NotImplementedError

    def process(self, frame_set: FrameSet) -> PipelineResult:
        """Process the frames of one moment; frame sets come in the order of their stamps."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all faces, as after a jump of the clock."""
        raise NotImplementedError
