"""Node that does everything from lens images to expressions in one process."""

import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.messages.expression import make_header
from fer_fusion_ros.nodes.camera_array import CameraArray
from fer_fusion_ros.nodes.expression_publisher import ExpressionPublisher
from fer_fusion_ros.nodes.fused_publisher import FusedPublisher
from fer_fusion_ros.nodes.image_sets import ImageSets, raw_topics
from fer_fusion_ros.nodes.pair_publisher import PairPublisher
from fer_fusion_ros.nodes.parameters import declare, report_unknown
from fer_fusion_ros.nodes.run import run
from fer_fusion_ros.nodes.settings import EXPRESSION, REGISTRATION, declare_pace, declare_settings
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.pipeline import Pipeline
from fer_fusion_ros.synchronisation import FrameSet

LONGEST_UNSHOWN = 1.0
"""Seconds after which images are shown even if frames wait: those who look want to see it work."""


class PipelineNode(StageNode):
    """Four lenses in; expressions out, and whatever images somebody subscribes to.

    :ivar companions: the `CameraArray`, when the node reads the lenses itself.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('pipeline', **node_arguments)
        self._pipeline = Pipeline(declare_settings(self, *REGISTRATION, *EXPRESSION))
        self._pairs = PairPublisher(self)
        self._fused = FusedPublisher(self)
        self._expressions = ExpressionPublisher(self)
        self._pace = declare_pace(self)
        self._unshown = 0
        self._shown = -math.inf
        own = declare(
            self, 'cameras', False, 'do what camera_array does too, in this process, without DDS'
        )
        self._images = ImageSets(
            self, raw_topics, self._work, subscribe=not own, pace=self._pace, from_files=True
        )
        self.companions: list[CameraArray] = []
        if own:
            # This process may have been told another name for its pipeline.
            name = ['--ros-args', '-r', '__node:=camera_array']
            self.companions.append(CameraArray(self._images.add, cli_args=name))
            self._images.models = self.companions[0].models
        report_unknown(self, *self.companions)

    def diagnose(self) -> tuple[list[str], dict[str, Any]]:
        """Return the state of the streams, the figures of every stage and the models."""
        problems, values = self._images.diagnose()
        problems += [*self._pipeline.registrar.problems(), *self._expressions.problems()]
        values |= {**self._pairs.values(), **self._expressions.values()}
        values['frames without images, as the next one waited'] = self._unshown
        return problems, {**values, 'model': self._pipeline.model}

    def close(self) -> None:
        """End the lenses and the worker."""
        for cameras in self.companions:
            cameras.close()
        self._images.close()

    def _work(self, frame_set: FrameSet) -> None:
        if self.companions:
            # Which calibrations fit shows with the first images.
            self._images.models = self.companions[0].models
        self._pipeline.registrar.calibrate(self._images.calibration())
        frame_set = self._images.read(frame_set)
        if not frame_set.frames:
            return
        result = self._pipeline.process(frame_set, self._pace)
        headers = {
            side: make_header(stamp, result.frame_ids[side])
            for side, stamp in result.stamps.items()
        }
        self._expressions.publish(result.faces, headers, self._pipeline.model)
        # What is only looked at comes after what is acted on, and seldom before the next of that.
        now = time.monotonic()
        if self._pace and self._images.waiting and now - self._shown < LONGEST_UNSHOWN:
            self._unshown += self._is_watched()
            return
        self._shown = now
        for side, pair in result.pairs.items():
            stamp, frame_id = result.stamps[side], result.frame_ids[side]
            self._pairs.publish(pair, stamp, frame_id)
            self._fused.publish(side, partial(result.fused, side), stamp, frame_id)
        if self._expressions.overlay_wanted():
            side = next(iter(result.pairs))
            image, _ = result.fused(side)
            self._expressions.publish_overlay(image, side, result.faces, headers[side])

    def _is_watched(self) -> bool:
        """Return whether anybody subscribes to an image."""
        sides = any(self._pairs.wanted(side) or self._fused.wanted(side) for side in SIDES)
        return sides or self._expressions.overlay_wanted()


def main(args: Sequence[str] | None = None) -> int:
    """Run the pipeline node."""
    return run(PipelineNode, args)
