"""Run the pipeline over a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from fer_fusion_ros.analysis.in_batches import in_batches
from fer_fusion_ros.analysis.recording import Recording
from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.expression.recogniser import Glimpse
from fer_fusion_ros.pipeline import Pipeline
from fer_fusion_ros.pipeline.settings import PipelineSettings

_BATCH = 8
"""Moments read at once; more hardly saves time."""


@dataclass(frozen=True)
class Reading:
    """
    The faces of one moment of a recording.

    :ivar name: What the moment is called: an image's file name, or its time.
    :ivar time: Seconds since the recording's first moment.
    :ivar stamp_ns: Capture stamp.
    :ivar faces: Empty when nobody is there.
    :ivar lenses: The lenses that have an image of this moment.
    """

    name: str
    time: float
    stamp_ns: int
    faces: list[FaceExpression]
    lenses: tuple[str, ...]


def analyze(recording: Recording, settings: PipelineSettings | None = None) -> Iterator[Reading]:
    """
    Yield what the pipeline reads in each moment, in order.

    One thread reads the recording, another one finds the faces, and the caller's reads their
    expressions, those of several moments at once.

    In stills, every frame is searched and nothing is smoothed, whatever the settings say.
    """
    settings = settings or PipelineSettings()
    if recording.stills:
        settings = replace(settings, detect_every=1, search_every=1, time_constant=0.0)
    models = recording.models()
    pipeline = Pipeline(settings, {lens: models.get(lens) for lens in recording.lenses})

    def look() -> Iterator[tuple[str, tuple[str, ...], Glimpse]]:
        for name, frame_set in chain.from_iterable(in_batches(recording, 1)):
            if recording.stills:
                pipeline.reset()
            yield name, tuple(frame_set.frames), pipeline.look(frame_set)

    start = None
    for batch in in_batches(look(), _BATCH):
        read = pipeline.recogniser.read([glimpse for *_, glimpse in batch])
        for (name, lenses, glimpse), faces in zip(batch, read, strict=True):
            stamp = glimpse.stamp_ns
            start = stamp if start is None else start
            yield Reading(name, (stamp - start) * 1e-9, stamp, faces, lenses)
