"""Frame sets whose images are still messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from fer_fusion_ros.exceptions import FerFusionError
from fer_fusion_ros.lenses.names import is_infrared
from fer_fusion_ros.messages.image import image_to_array
from fer_fusion_ros.synchronisation.frame_set import FrameSet


def read_images(
    frame_set: FrameSet,
    refuse: Callable[[str, FerFusionError], None],
    topics: Mapping[str, str] | None = None,
) -> FrameSet:
    """Return the set with arrays for images, without those that are unreadable.

    Infrared images come as (H, W), visible ones as (H, W, 3) BGR, uint8; what is an array already
    stays.

    :param refuse: called with the lens of each unreadable image, and with what is wrong with it.
    :param topics: of the lenses, to be named in these errors.
    """
    topics = topics or {}
    frames = {}
    for lens, frame in frame_set.frames.items():
        image = frame.image
        if not isinstance(image, np.ndarray):
            encoding = 'mono8' if is_infrared(lens) else 'bgr8'
            try:
                image = image_to_array(image, encoding, topics.get(lens, ''))
            except FerFusionError as error:
                refuse(lens, error)
                continue
        frames[lens] = replace(frame, image=image)
    return FrameSet(frame_set.stamp_ns, frames)
