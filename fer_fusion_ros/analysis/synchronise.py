"""Put the frames of a recording together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fer_fusion_ros.exceptions import RecordingError
from fer_fusion_ros.synchronisation import Frame, FrameSet, LensStatus, Synchroniser

TOLERANCE = 0.02
"""Seconds within which frames belong together unless told otherwise; as the nodes' parameter."""

_FEW = 2
"""So many frames of a lens may stay alone without a word: lenses start and end one by one."""


class Moments:
    """
    The sets that frames form by their capture stamps.

    :param lenses: The frames' lenses.
    :param tolerance: The stamps of a set span less than this, in seconds.
    """

    def __init__(self, lenses: Sequence[str], tolerance: float) -> None:
        self._lenses = lenses
        self._tolerance = tolerance
        # The stamps alone tell the time: reading may be slower or faster than the capture was.
        self._synchroniser = Synchroniser(lenses, slop=tolerance, lossy=True, clock=lambda: 0.0)

    def of(self, frames: Iterable[Frame]) -> Iterator[FrameSet]:
        """
        Yield the sets.

        :param frames: In the order in which they were recorded.
        :raises RecordingError: After the last frame, if there was no set; it tells why.
        """
        for frame in frames:
            yield from self._synchroniser.add(frame)
        yield from self._synchroniser.finish()
        status = self._synchroniser.status()
        if status.sets:
            return
        silent = [lens for lens, stream in status.lenses.items() if not stream.received]
        if silent:
            raise RecordingError(
                f'there are no images of {", ".join(silent)}; name the other lenses with --lenses'
            )
        raise RecordingError(
            f'no images of {", ".join(self._lenses)} belong together: their stamps are at least '
            f'{self._synchroniser.gap() * 1e3:.1f} ms apart, and the tolerance is '
            f'{self._tolerance * 1e3:g} ms; raise it with --tolerance SECONDS, or leave a lens '
            'out with --lenses'
        )

    def remarks(self) -> list[str]:
        """Return what was wrong with the stamps, a line each."""
        status = self._synchroniser.status()
        remarks = []
        if status.resets:
            remarks.append(
                f'the stamps jumped back {status.resets} times, as when a recording is played '
                'again; from each time on, faces are named anew'
            )
        for name, lens in status.lenses.items():
            alone = lens.received - lens.matched
            if alone > _FEW:
                remarks.append(
                    f'{alone} of {lens.received} images of {name} are left out: {_why(lens)}'
                )
        return remarks


def _why(lens: LensStatus) -> str:
    if not lens.rate:
        return 'their stamps are all the same; the driver must set header.stamp to the capture'
    if lens.lead:
        return (
            f'their stamps are {lens.offset()}; set the clock of its computer by that of the '
            'others'
        )
    return 'no image of every other lens lies within the tolerance (--tolerance, --lenses)'
