"""Run the pipeline over a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fer_fusion_ros.analysis.recording import Recording
from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.pipeline.pipeline import Pipeline
from fer_fusion_ros.pipeline.settings import PipelineSettings


@dataclass(frozen=True)
class Reading:
    """
    The faces of one moment of a recording.

    :ivar name: What the moment is called: an image's file name, or its time.
    :ivar time: Seconds since the recording's first moment.
    :ivar stamp_ns: Capture stamp.
    :ivar faces: Empty when nobody is there.
    """

    name: str
    time: float
    stamp_ns: int
    faces: list[FaceExpression]


def analyze(recording: Recording, settings: PipelineSettings | None = None) -> Iterator[Reading]:
    """
    Yield what the pipeline reads in each moment, in order.

    In stills, every frame is searched and nothing is smoothed, whatever the settings say.
    """
    settings = settings or PipelineSettings()
    if recording.stills:
        settings = replace(settings, detect_every=1, search_every=1, time_constant=0.0)
    pipeline = Pipeline(settings, recording.models())
    start = None
    for name, frame_set in recording:
        if recording.stills:
            pipeline.reset()
        stamp = frame_set.stamp_ns
        start = stamp if start is None else start
        yield Reading(name, (stamp - start) * 1e-9, stamp, pipeline.process(frame_set).faces)
