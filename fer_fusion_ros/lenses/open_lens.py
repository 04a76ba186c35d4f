"""Choose the kind of source by what the user calls it."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fer_fusion_ros.exceptions import LensError
from fer_fusion_ros.image_files import SUFFIXES
from fer_fusion_ros.lenses.device_source import DeviceSource
from fer_fusion_ros.lenses.folder_source import FolderSource
from fer_fusion_ros.lenses.frame_clock import Rounds
from fer_fusion_ros.lenses.lens_source import LensSource
from fer_fusion_ros.lenses.rig import SimulatedRig
from fer_fusion_ros.lenses.rig_source import RigSource
from fer_fusion_ros.lenses.stream_source import GSTREAMER, StreamSource
from fer_fusion_ros.lenses.video_source import VideoSource

RIG = 'rig'
FOLDER_RATE = 30.0
"""Images per second of a folder, which has no rate of its own."""


def open_lens(
    lens: str,
    source: str,
    *,
    rate: float = 0.0,
    width: int = 0,
    height: int = 0,
    pixel_format: str = '',
    loop: bool = True,
    rounds: Rounds | None = None,
    rig: SimulatedRig | None = None,
    start_ns: int | None = None,
) -> LensSource:
    """Return the source of a lens's images, not opened yet.

    :param source: ``rig``; a device such as ``/dev/video0``; an address such as ``rtsp://…``;
        ``gst: <pipeline>``; a video file; a folder of images. ``{lens}`` in it stands for the
        name of the lens.
    :param rate: frames per second; 0 for the source's own. A stream and the rig have their own.
    :param width, height: size to ask a device for, both or none; 0 for its own.
    :param pixel_format: four characters to ask a device for, such as MJPG; '' for its own.
    :param loop: play recordings again and again.
    :param rounds: shared by recordings that do so in step.
    :param rig: the rig to look at, shared by its lenses.
    :param start_ns: when recordings and the rig start; those with the same start stay in step.
    :raises LensError: when it is none of these.
    """
    source = source.replace('{lens}', lens).strip()
    start_ns = time.time_ns() if start_ns is None else start_ns
    playing = {'rounds': (rounds or Rounds()) if loop else None, 'start_ns': start_ns}
    scheme = urlsplit(source).scheme if '://' in source else ''
    if source == RIG:
        return RigSource(lens, rig or SimulatedRig(), start_ns)
    if source.startswith(GSTREAMER) or scheme not in ('', 'file'):
        return StreamSource(lens, source)
    if source.isdecimal():
        source = f'/dev/video{source}'
    if source.startswith('/dev/'):
        return DeviceSource(
            lens, source, rate=rate, width=width, height=height, pixel_format=pixel_format
        )
    path = Path(unquote(urlsplit(source).path) if scheme else source).expanduser()
    if not source or not path.exists():
        raise LensError(
            f'the source of {lens} is {source!r}, which is no existing video or folder; give '
            f"'{RIG}', /dev/video0, rtsp://…, 'gst: <pipeline>', a video or a folder of images"
        )
    if path.is_dir():
        return FolderSource(lens, path, rate=rate or FOLDER_RATE, **playing)
    if path.suffix.lower() in SUFFIXES:
        raise LensError(
            f'the source of {lens} is {source!r}, a single image; give the folder that holds it'
        )
    return VideoSource(lens, path, rate=rate, **playing)
