"""From registered pairs to the expressions of the faces in them."""

from collections.abc import Mapping

from fer_fusion_ros.expression.classifier import Classifier
from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.faces.face_finder import FaceFinder
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.registration.registered_pair import RegisteredPair


class Recogniser:
    """Detect, track, crop, fuse, classify, combine, smooth and abstain.

    :param fuser: fuses the face crops.
    :param classifier: classifies the fused crops.
    :param finder: detects and tracks; keeps state, so one for each recogniser.
    :param time_constant: seconds of temporal smoothing; 0 for none.
    :param min_confidence: below it the category is ``UNCERTAIN``.
    """

    def __init__(
        self,
        fuser: Fuser,
        classifier: Classifier,
        finder: FaceFinder,
        *,
        time_constant: float = 0.5,
        min_confidence: float = 0.4,
    ) -> None:
        raise NotImplementedError

    @property
    def model(self) -> str:
        """Name and content hash of the two models, for ``ExpressionStamped.model``."""
        raise NotImplementedError

    def process(self, pairs: Mapping[str, RegisteredPair], stamp_ns: int) -> list[FaceExpression]:
        """Read the expressions of all faces in a frame.

        A stamp older than the last one (the clock jumped backwards) resets faces and smoothing.

        :param pairs: by side; one side may be absent.
        :param stamp_ns: capture stamp of the frame.
        :return: one for each face, oldest face first; empty when nobody is there.
        """
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all faces; ids start at 1 again."""
        raise NotImplementedError
