"""The whole path from lens images to expressions."""

from collections.abc import Mapping

from fer_fusion_ros.expression.classifier import Classifier
from fer_fusion_ros.expression.pace import Pace
from fer_fusion_ros.expression.recogniser import Glimpse, Recogniser
from fer_fusion_ros.faces import FaceFinder, create_detector
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.pipeline.result import PipelineResult
from fer_fusion_ros.pipeline.settings import PipelineSettings
from fer_fusion_ros.registration import RegisteredPair, Registrar
from fer_fusion_ros.synchronisation import FrameSet


def create_fuser(settings: PipelineSettings) -> Fuser:
    """Make the fuser that the settings describe."""
    return Fuser(settings.engine, settings.fusion_weights or None, settings.threads)


def create_recogniser(settings: PipelineSettings, fuser: Fuser | None = None) -> Recogniser:
    """Make the recogniser that the settings describe; without a fuser it makes its own."""
    detector = create_detector(settings.detector, settings.detector_model, settings.min_face)
    return Recogniser(
        fuser or create_fuser(settings),
        Classifier(settings.engine, settings.expression_weights or None, settings.threads),
        FaceFinder(
            detector,
            detect_every=settings.detect_every,
            search_every=settings.search_every,
            max_lost=settings.max_lost,
        ),
        time_constant=settings.time_constant,
        min_confidence=settings.min_confidence,
        max_views=settings.max_views,
    )


class Pipeline:
    """
    Register, find faces, fuse them and read their expressions.

    :param settings: see `PipelineSettings`.
    :param models: camera model of each lens that there is, None where it has no calibration.
    :raises ConfigurationError: if a setting or a file that it names is wrong.
    :raises EngineError: if no engine can run the networks.
    """

    def __init__(
        self,
        settings: PipelineSettings | None = None,
        models: Mapping[str, CameraModel | None] | None = None,
    ) -> None:
        settings = settings or PipelineSettings()
        self.registrar = Registrar(models or {}, settings.plane_distance, settings.residual_period)
        self.fuser = create_fuser(settings)
        self.recogniser = create_recogniser(settings, self.fuser)

    @property
    def model(self) -> str:
        """Name and content hash of the networks, for ``ExpressionStamped.model``."""
        return self.recogniser.model

    def process(self, frame_set: FrameSet, pace: Pace | None = None) -> PipelineResult:
        """
        Process the frames of one moment; frame sets come in the order of their stamps.

        :param pace: tells how many faces there is time to read; all are read without it.
        """
        pairs = self.register(frame_set)
        faces = self.recogniser.process(pairs, frame_set.stamp_ns, pace)
        references = {side: frame_set.reference(side) for side in pairs}
        return PipelineResult(
            frame_set.stamp_ns,
            {side: frame.stamp_ns for side, frame in references.items()},
            {side: pairs[side].frame_id(frame.frame_id) for side, frame in references.items()},
            pairs,
            faces,
            self.fuser,
        )

    def look(self, frame_set: FrameSet) -> Glimpse:
        """
        Register the frames of one moment and find the faces; `Recogniser.read` reads them.

        That may be done in another thread, and for several moments at once.
        """
        return self.recogniser.look(self.register(frame_set), frame_set.stamp_ns)

    def register(self, frame_set: FrameSet) -> dict[str, RegisteredPair]:
        """Register the frames of one moment, by side; sides without any image are absent."""
        return {
            side: self.registrar.register(
                side, frame_set.image(f'ir_{side}'), frame_set.image(f'vis_{side}')
            )
            for side in SIDES
            if frame_set.reference(side) is not None
        }

    def reset(self) -> None:
        """Forget all faces, as where images have nothing in common; ids start at 1 again."""
        self.recogniser.reset()
