"""The whole path from lens images to expressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_fusion_ros.expression.classifier import Classifier
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
    detector = create_detector(settings.detector, Path(settings.detector_model), settings.min_face)
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
    :param models: camera model by lens, None or absent where there is no calibration.
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

    def process(self, frame_set: FrameSet) -> PipelineResult:
        """Process the frames of one moment; frame sets come in the order of their stamps."""
        return self.read([self.look(frame_set)])[0]

    def look(self, frame_set: FrameSet) -> 'Look':
        """Register the frames of one moment and find the faces, the first half of `process`."""
        pairs: dict[str, RegisteredPair] = {}
        stamps: dict[str, int] = {}
        frame_ids: dict[str, str] = {}
        for side in SIDES:
            reference = frame_set.reference(side)
            if reference is not None:
                ir, vis = frame_set.image(f'ir_{side}'), frame_set.image(f'vis_{side}')
                pairs[side] = self.registrar.register(side, ir, vis)
                stamps[side], frame_ids[side] = reference.stamp_ns, reference.frame_id
        glimpse = self.recogniser.look(pairs, frame_set.stamp_ns)
        return Look(stamps, frame_ids, pairs, glimpse)

    def read(self, looks: Sequence['Look']) -> list[PipelineResult]:
        """
        Read the faces of one or more moments in one batch, the second half of `process`.

        It may run in another thread than `look`.
        """
        faces = self.recogniser.read([look.glimpse for look in looks])
        return [
            PipelineResult(
                look.glimpse.stamp_ns, look.stamps, look.frame_ids, look.pairs, each, self.fuser
            )
            for look, each in zip(looks, faces, strict=True)
        ]

    def reset(self) -> None:
        """Forget all faces, as after a jump of the clock."""
        self.recogniser.reset()


@dataclass(frozen=True, eq=False)
class Look:
    """A moment whose faces are found but not read; the other fields are as in the result."""

    stamps: dict[str, int]
    frame_ids: dict[str, str]
    pairs: dict[str, RegisteredPair]
    glimpse: Glimpse
