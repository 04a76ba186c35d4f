"""Put the frames of a recording together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fer_fusion_ros.exceptions import RecordingError
from fer_fusion_ros.synchronisation.frame_set import Frame, FrameSet
from fer_fusion_ros.synchronisation.synchroniser import Synchroniser

TOLERANCE = 0.02
"""Seconds within which frames belong together unless told otherwise; as the nodes' parameter."""


def synchronise(
    frames: Iterable[Frame], lenses: Sequence[str], tolerance: float
) -> Iterator[FrameSet]:
    """
    Yield the sets that frames form by their capture stamps.

    :param frames: In the order in which they were recorded.
    :param lenses: Their lenses.
    :param tolerance: The stamps of a set span less than this, in seconds.
    :raises RecordingError: After the last frame, if there was no set; it tells why.
    """
    synchroniser = Synchroniser(lenses, slop=tolerance)
    for frame in frames:
        frame_set = synchroniser.add(frame)
        if frame_set is not None:
            yield frame_set
    status = synchroniser.status()
    if status.sets:
        return
    silent = [lens for lens, stream in status.lenses.items() if not stream.received]
    if silent:
        raise RecordingError(
            f'there are no images of {", ".join(silent)}; name the other lenses with --lenses'
        )
    raise RecordingError(
        f'no images of {", ".join(lenses)} belong together: their stamps are at least '
        f'{synchroniser.gap() * 1e3:.1f} ms apart, and the tolerance is {tolerance * 1e3:g} ms; '
        'raise it with --tolerance SECONDS, or leave a lens out with --lenses'
    )
