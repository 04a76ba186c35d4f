"""Node that registers the infrared and visible images of each side."""

from collections.abc import Sequence
from typing import Any

from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.nodes.image_sets import ImageSets, raw_topics
from fer_fusion_ros.nodes.pair_publisher import PairPublisher
from fer_fusion_ros.nodes.parameters import report_unknown
from fer_fusion_ros.nodes.run import run
from fer_fusion_ros.nodes.settings import REGISTRATION, declare_settings
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.registration import Registrar
from fer_fusion_ros.synchronisation import FrameSet


class RegistrationNode(StageNode):
    """Four lenses in; two registered pairs with stamp and frame of their visible lens out."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('registration', **node_arguments)
        settings = declare_settings(self, *REGISTRATION)
        self._registrar = Registrar({}, settings.plane_distance, settings.residual_period)
        self._pairs = PairPublisher(self)
        self._images = ImageSets(self, raw_topics, self._work, from_files=True)
        report_unknown(self)

    def diagnose(self) -> tuple[list[str], dict[str, Any]]:
        """Return the state of the streams and the misalignment of each pair."""
        problems, values = self._images.diagnose()
        problems += self._registrar.problems()
        return problems, {**values, **self._pairs.values()}

    def close(self) -> None:
        """End the worker."""
        self._images.close()

    def _work(self, frame_set: FrameSet) -> None:
        self._registrar.calibrate(self._images.calibration())
        wanted = [side for side in SIDES if self._pairs.wanted(side)]
        if not wanted:
            return
        frame_set = self._images.read(frame_set)
        for side in wanted:
            reference = frame_set.reference(side)
            if reference is not None:
                pair = self._registrar.register(
                    side, frame_set.image(f'ir_{side}'), frame_set.image(f'vis_{side}')
                )
                frame_id = pair.frame_id(reference.frame_id)
                self._pairs.publish(pair, reference.stamp_ns, frame_id)


def main(args: Sequence[str] | None = None) -> int:
    """Run the registration node."""
    return run(RegistrationNode, args)
