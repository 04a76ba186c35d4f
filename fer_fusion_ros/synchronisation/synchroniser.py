"""Group frames by capture stamp and keep account of the streams."""

import math
import statistics
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

from fer_fusion_ros.synchronisation.filters import (
    ApproximateTimeSynchronizer,
    SimpleFilter,
    Stamped,
)
from fer_fusion_ros.synchronisation.frame_set import Frame, FrameSet
from fer_fusion_ros.synchronisation.status import LensStatus, SynchroniserStatus

_STALE_FRAMES = 3
"""Frames of another lens that a lens must have missed, or of its own that must have been out of
step, to be stale: a pause of all lenses, or a jump of the clock, makes none stale."""

_SLOP_LIMIT = 0.8
"""Share of the time between two frames of the slowest lens that a set spans at most: less than 1,
or a lens that lost a frame would be a frame behind the others from then on; four lenses that do
not capture at once are up to three quarters apart."""

_RATE_FRAMES = 30
"""Frames that the rate and the skew are averaged over."""

_LOST = 1.5
"""A lens whose frames are so many times as far apart as usual has lost one in between."""

_MOST_FRAMES = 1000
"""Frames of a lens that wait at most, whatever their stamps: 10 s at 100 per second."""


class Synchroniser:
    """
    Group the frames of several lenses by capture stamp.

    Matching is that of `message_filters` where it is installed and of our stand-in elsewhere.
    Around it this class counts, notices lenses that went stale and goes on without them, takes
    them back when they return, and starts afresh when the clock jumps backwards. A lens is stale
    when it falls silent, and when its stamps are out of step with those of the others: a wrong
    clock, or a delay so long that nobody should wait for it. Thread-safe.

    :param lenses: names of the streams; those of `Frame.lens`.
    :param slop: the stamps of a set span less than this, in seconds, and less than `_SLOP_LIMIT`
        of the time from one frame to the next.
    :param queue_size: frames kept per lens while waiting for the others; there are more where
        frames are so frequent that more come in `stale_after`.
    :param stale_after: seconds, by capture stamp, that a lens may be silent or out of step;
        going back by more than that is a jump of the clock.
    :param lossy: also hand out, once a later set is there, what belongs together but lacks lenses
        that lost their frame on the way.
    :param incomplete: the same with lenses that had none; for streams that another synchroniser
        has put together.
    :param clock: steady clock in seconds, by which a lens that sends nothing is noticed.
    """

    def __init__(
        self,
        lenses: Sequence[str],
        *,
        slop: float = 0.02,
        queue_size: int = 30,
        stale_after: float = 0.4,
        lossy: bool = False,
        incomplete: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slop = self._slop_in_use = slop
        self._queue_size = queue_size
        self._stale_after = stale_after
        self._stale_ns = round(stale_after * 1e9)
        self._keep_ns = round((stale_after + slop) * 1e9)
        self._lossy = lossy or incomplete
        self._incomplete = incomplete
        self._clock = clock
        self._lock = threading.Lock()
        self._streams = {lens: _Stream() for lens in lenses}
        self._sets = 0
        self._resets = 0
        self._jump: tuple[str, float] | None = None
        self._completed: list[list[Frame]] = []
        self._start_afresh()

    def add(self, frame: Frame) -> list[FrameSet]:
        """
        Take in a frame; return the set that it completes, if it does.

        There are several where a lens goes stale that others have waited for. Sets come out in
        the order of their stamps, and never twice the same frame.

        :raises KeyError: if the frame's lens is none of the synchroniser's.
        """
        stream = self._streams[frame.lens]
        stamp = frame.stamp_ns
        with self._lock:
            if stream.newest is not None and stamp < stream.newest - self._stale_ns:
                self._resets += 1
                self._jump = frame.lens, (stream.newest - stamp) * 1e-9
                self._start_afresh()
            self._note_arrival(stream, stamp)
            self._update_stale(stream)
            if stream.stale:
                stream.dropped += 1
            else:
                stream.make_room(stamp, self._queue_size, self._keep_ns)
                stream.filter.signalMessage(Stamped(frame, stamp))
            return self._collect()

    def restart(self) -> None:
        """Forget the frames that there were; what comes next is as at the start."""
        with self._lock:
            self._start_afresh()

    def finish(self) -> list[FrameSet]:
        """Return the sets of what still waits for lenses that end before the others."""
        with self._lock:
            for stream in self._streams.values():
                late = sum(stamp > (self._last_set or -1) for stamp in stream.waiting)
                stream.stale = late < _STALE_FRAMES
            self._connect()
            return self._collect()

    def status(self) -> SynchroniserStatus:
        """Return counts, rates, skews and which lenses are stale."""
        with self._lock:
            now = self._clock()
            middle = self._middle()
            lenses = {
                lens: stream.status(now, self._stale_after, middle)
                for lens, stream in self._streams.items()
            }
            missing = tuple(lens for lens, status in lenses.items() if status.stale)
            return SynchroniserStatus(lenses, self._sets, self._resets, self._jump, missing)

    def gap(self) -> float:
        """
        Return the fewest seconds that frames of all lenses have spanned of late.

        Not below the slop it tells why there are no sets. Stale lenses do not count; 0 with fewer
        than two others.
        """
        with self._lock:
            live = [sorted(stream.waiting) for stream in self._live()]
            if not all(live):
                return 0.0
            # The sets that start with each frame, up to the last that has partners.
            last = min(stamps[-1] for stamps in live)
            starts = {stamp for stamps in live for stamp in stamps if stamp <= last}
            spans = [max(each[bisect_left(each, s)] for each in live) - s for s in starts]
            return min(spans) * 1e-9

    def _start_afresh(self) -> None:
        self._last_set: int | None = None
        for stream in self._streams.values():
            stream.start_afresh()
        for stream in self._streams.values():
            stream.seen = self._seen()
        self._completed.clear()
        self._connect()

    def _connect(self) -> None:
        # A synchronizer of message_filters has its streams fixed: make one of those that live.
        for stream in self._streams.values():
            stream.filter = SimpleFilter()
            if stream.stale:
                stream.forget()
        waiting = self._waiting()
        self._matcher = ApproximateTimeSynchronizer(
            [stream.filter for stream in self._live()], _MOST_FRAMES, self._slop_in_use
        )
        self._matcher.registerCallback(self._take)
        for stream, queue in zip(self._live(), self._matcher.queues, strict=True):
            stream.waiting = queue
        # What has waited for a lens that is stale now is complete.
        for frame in waiting:
            self._streams[frame.lens].filter.signalMessage(Stamped(frame, frame.stamp_ns))

    def _live(self) -> list['_Stream']:
        return [stream for stream in self._streams.values() if not stream.stale]

    def _take(self, *messages: Stamped) -> None:
        self._completed.append([message.content for message in messages])

    def _note_arrival(self, stream: '_Stream', stamp: int) -> None:
        stream.received += 1
        # A lens that sends but now and then would have the others wait for it each time.
        stream.returns = stream.returns + 1 if stream.silent else 0
        stream.arrived = self._clock()
        stream.arrivals.append(stream.arrived)
        if stream.newest is None:
            stream.first = stamp
        if stream.newest is None or stamp > stream.newest:
            stream.newest = stamp
            stream.advanced = stream.arrived
            stream.stamps.append(stamp)
        stream.seen = self._seen()

    def _update_stale(self, arrived: '_Stream') -> None:
        streams = self._streams.values()
        for stream in streams:
            stream.silent = stream.is_silent(arrived.seen, self._stale_ns)
        middle = self._middle()
        # Its newest frame may be the first of the next moment, which can be longer off than that.
        latest = list(arrived.stamps)[-2:]
        out_of_step = min(abs(stamp - middle) for stamp in latest) > self._stale_ns
        arrived.astray = arrived.astray + 1 if out_of_step else 0
        before = [stream.stale for stream in streams]
        for stream in streams:
            stream.stale = stream.silent or stream.returns > 0 or stream.astray >= _STALE_FRAMES
        if self._limit_slop(arrived) or [stream.stale for stream in streams] != before:
            self._connect()

    def _limit_slop(self, arrived: '_Stream') -> bool:
        """Adapt the slop to the time between frames; return whether it changed."""
        # Now and then is enough, but soon after the start.
        if arrived.received % (_RATE_FRAMES if arrived.received > _RATE_FRAMES else 5):
            return False
        # The mean: of frames that come in bursts, and are stamped then, the median tells nothing.
        periods = [
            _mean_gap(stream.stamps) * 1e-9 for stream in self._live() if len(stream.stamps) > 3
        ]
        slop = min(self._slop, _SLOP_LIMIT * max(periods, default=math.inf))
        if abs(slop - self._slop_in_use) < 0.1 * self._slop_in_use:
            return False
        self._slop_in_use = slop
        return True

    def _middle(self) -> int | None:
        """Return the median of the newest stamps of the lenses that deliver."""
        newest = [
            s.newest for s in self._streams.values() if not s.silent and s.newest is not None
        ]
        return statistics.median_high(newest) if newest else None

    def _seen(self) -> list['_Seen']:
        return [(s.received, s.first, s.newest) for s in self._streams.values()]

    def _collect(self) -> list[FrameSet]:
        completed, self._completed = self._completed, []
        if completed and self._lossy:
            completed = [*self._take_earlier(completed[0]), *completed]
        sets = []
        for frames in completed:
            frame_set = FrameSet.of(*frames)
            in_order = self._last_set is None or frame_set.stamp_ns > self._last_set
            for frame in frames:
                self._streams[frame.lens].leave(frame.stamp_ns, frame_set.stamp_ns, in_order)
            if in_order:
                self._last_set = frame_set.stamp_ns
                self._sets += 1
                sets.append(frame_set)
        return sets

    def _waiting(self) -> list[Frame]:
        """Return the frames that wait for others, in the order of their stamps."""
        frames = [
            each.content for stream in self._streams.values() for each in stream.waiting.values()
        ]
        return sorted(frames, key=lambda frame: frame.stamp_ns)

    def _take_earlier(self, complete: list[Frame]) -> list[list[Frame]]:
        """Return what waits in vain, as it is earlier than a set, put together."""
        first = min(frame.stamp_ns for frame in complete)
        sets: list[list[Frame]] = []
        for frame in self._waiting():
            if not (self._last_set or -1) < frame.stamp_ns < first:
                continue
            together = sets and frame.stamp_ns - sets[-1][0].stamp_ns < self._slop_in_use * 1e9
            if not together or any(frame.lens == other.lens for other in sets[-1]):
                sets.append([])
            sets[-1].append(frame)
        order = list(self._streams)
        return [
            sorted(each, key=lambda frame: order.index(frame.lens))
            for each in sets
            if self._incomplete or self._has_lost_the_rest(each)
        ]

    def _has_lost_the_rest(self, frames: Sequence[Frame]) -> bool:
        """Return whether all lenses that frames lack have lost one."""
        lenses = {frame.lens for frame in frames}
        return all(
            stream.stale or lens in lenses or stream.has_lost(frames[0].stamp_ns)
            for lens, stream in self._streams.items()
        )


_Seen = tuple[int, int | None, int | None]
"""Of a lens: frames received, and the first and the newest stamp since the clock last jumped."""


class _Stream:
    """Account of one lens."""

    def __init__(self) -> None:
        self.received = 0
        self.matched = 0
        self.dropped = 0
        self.arrived = -math.inf
        self.advanced = -math.inf  # when its stamps grew last
        self.waiting: dict[int, Stamped] = {}  # by stamp: the matcher's queue
        self.seen: list[_Seen] = []  # of all lenses, when its last frame arrived
        self.start_afresh()

    def start_afresh(self) -> None:
        self.first: int | None = None
        self.newest: int | None = None
        self.silent = False
        self.returns = 0  # latest frames each of which was the first after a silence
        self.astray = 0  # latest frames that were out of step
        self.stale = False
        self.forget()
        self.stamps: deque[int] = deque(maxlen=_RATE_FRAMES)
        self.arrivals: deque[float] = deque(maxlen=_RATE_FRAMES)
        self.skews: deque[int] = deque(maxlen=_RATE_FRAMES)

    def is_silent(self, seen: list[_Seen], stale_ns: int) -> bool:
        """Tell whether another lens went on for `stale_ns` since this one's last frame."""
        for (count, first, newest), (count_then, _, then) in zip(seen, self.seen, strict=True):
            went_on = count - count_then >= _STALE_FRAMES
            if went_on and newest - (first if then is None else then) > stale_ns:
                return True
        return False

    def has_lost(self, stamp: int) -> bool:
        """Tell whether frames before and after a stamp are further apart than usual."""
        gaps = [later - earlier for earlier, later in pairwise(self.stamps)]
        place = bisect_left(self.stamps, stamp)
        inside = 0 < place < len(self.stamps)
        return inside and gaps[place - 1] > _LOST * statistics.median(gaps)

    def forget(self) -> None:
        self.drop(list(self.waiting))

    def drop(self, stamps: Collection[int]) -> None:
        for stamp in stamps:
            del self.waiting[stamp]
        self.dropped += len(stamps)

    def make_room(self, stamp: int, queue_size: int, keep_ns: int) -> None:
        self.drop(self.waiting.keys() & {stamp})  # the matcher keeps the later one
        while len(self.waiting) >= queue_size:
            oldest = min(self.waiting)
            if len(self.waiting) < _MOST_FRAMES and oldest >= self.newest - keep_ns:
                break
            self.drop([oldest])

    def leave(self, stamp: int, set_stamp: int, matched: bool) -> None:
        self.waiting.pop(stamp, None)
        if matched:
            self.matched += 1
            self.skews.append(stamp - set_stamp)
            # They would wait in vain.
            self.drop([s for s in self.waiting if s < stamp])
        else:
            self.dropped += 1

    def status(self, now: float, stale_after: float, middle: int | None) -> LensStatus:
        period = _mean_gap(self.stamps) * 1e-9
        # Where frames are rare, or a recording is played slowly, none is missed yet.
        silent = now - self.arrived > max(stale_after, _STALE_FRAMES * _mean_gap(self.arrivals))
        return LensStatus(
            received=self.received,
            matched=self.matched,
            dropped=self.dropped,
            rate=1 / period if period and not silent else 0.0,
            skew=sum(self.skews) / len(self.skews) * 1e-9 if self.skews else 0.0,
            lead=(self.newest - middle) * 1e-9 if self.astray >= _STALE_FRAMES else 0.0,
            stalled=self.arrived - self.advanced if self.received else 0.0,
            stale=self.stale or silent,
            # Who has come back but once may have been silent for a moment.
            rare=self.returns > 1 and not silent and self.astray < _STALE_FRAMES,
        )


def _mean_gap(times: Sequence[float]) -> float:
    """Return the mean from one time to the next; 0 where there are not two."""
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
