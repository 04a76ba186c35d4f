"""Images and calibrations from topics, grouped by capture stamp, handed to one worker thread."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from fer_fusion_ros.exceptions import FerFusionError
from fer_fusion_ros.expression.pace import Pace
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, is_infrared, side_of
from fer_fusion_ros.messages.camera_info import camera_info_content, camera_info_to_model
from fer_fusion_ros.messages.frames import read_images
from fer_fusion_ros.messages.qos import IMAGE_SUBSCRIBER_QOS
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.nodes.calibration_file import read_model
from fer_fusion_ros.nodes.core_log import CoreLog
from fer_fusion_ros.nodes.parameters import declare
from fer_fusion_ros.nodes.settings import how_to_relieve
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.nodes.worker import Worker
from fer_fusion_ros.synchronisation import (
    Frame,
    FrameSet,
    Synchroniser,
    SynchroniserStatus,
)

START_UP = 1.0
"""Seconds after the first image within which every lens and its calibration should have come."""

AHEAD = 0.5
"""Seconds by which stamps may be ahead of the node's clock; /clock is published now and then."""

BEHIND = 5.0
"""Seconds by which stamps may be behind the node's clock, unless its time is simulated."""

UNEVEN, ENOUGH = 1.5, 3.0
"""A lens that brings so many times fewer images than another for so many seconds is named."""


def raw_topics(lens: str) -> tuple[str, str]:
    """Return the topics of a lens's image and of its calibration."""
    return f'{lens}/image_raw', f'{lens}/camera_info'


def registered_topics(lens: str) -> tuple[str, str]:
    """Return the topics of a lens's registered image and of that image's calibration."""
    side = side_of(lens)
    if is_infrared(lens):
        return f'{side}/ir/image_registered', f'{side}/ir/camera_info'
    return f'{side}/vis/image_registered', f'{side}/camera_info'


class ImageSets:
    """Subscribe to the images of all lenses and call ``work`` with each set of them.

    The executor only queues messages; ``work`` runs in a thread of its own and reads the images
    with :meth:`read`, so what is dropped is never decoded.

    :param node: whose parameters, topics and log are used.
    :param topics: gives the image and the calibration topic of a lens.
    :param work: called with frame sets, whose images are still messages where they came by topic.
    :param subscribe: False when frames come by :meth:`add` alone, from any thread.
    :param wanted: tells whether anybody wants what comes of the images; only then are they
        subscribed to, and missed.
    :param incomplete: also take sets that lack some lenses, see `Synchroniser`.
    :param pace: is told of the sets and of the work on them.
    :param from_files: declare a parameter for calibration files that replace camera_info.
    :param calibrations: False where none are needed, nor waited for.
    """

    def __init__(
        self,
        node: StageNode,
        topics: Callable[[str], tuple[str, str]],
        work: Callable[[FrameSet], None],
        *,
        subscribe: bool = True,
        wanted: Callable[[], bool] | None = None,
        incomplete: bool = False,
        pace: Pace | None = None,
        from_files: bool = False,
        calibrations: bool = True,
    ) -> None:
        self.lenses: list[str] = declare(
            node, 'lenses', list(LENSES), 'lenses to use', choices=LENSES
        )
        transport = declare(
            node,
            'image_transport',
            'raw',
            'how images come: raw, or compressed on <topic>/compressed',
            choices=('raw', 'compressed'),
        )
        slop = declare(
            node,
            'tolerance',
            0.02,
            'images whose stamps differ by less belong together, in seconds; where frames are '
            'frequent, 0.8 of the time between two is used',
            range=(0.001, 1.0),
        )
        stale_after = declare(
            node,
            'stale_after',
            0.4,
            'a lens that is silent or out of step for longer is left out until it returns, in '
            'seconds',
            range=(0.05, 10.0),
        )
        depth = declare(
            node,
            'queue_depth',
            3,
            'sets that may wait for processing before the oldest is dropped',
            range=(1, 100),
        )
        url = ''
        if from_files:
            url = declare(
                node,
                'camera_info_url',
                '',
                'calibration to use in place of camera_info, in the format of '
                'camera_info_manager: file:///… or package://…; {lens} stands for the name of the '
                'lens; empty: camera_info',
            )
        # Their frames are those of the images, and stay while a lens is silent.
        self._replaced = {
            lens: read_model(node, url, lens, '') for lens in (self.lenses if url else ())
        }
        self.models: dict[str, CameraModel | None] = {**self._replaced}
        self._refused = 0
        self._refusals: dict[str, tuple[int, str]] = {}  # by lens, since the last report
        self._bad_infos: dict[str, str] = {}
        self._node = node
        self._log = CoreLog(node)
        self._topics: dict[str, str] = {}
        self._seen: dict[str, tuple[Hashable, ...]] = {}
        self._apart: int | None = None  # least from now to a stamp since the last report
        # The node's time when a lens sent its last image.
        self._heard: dict[str, float] = dict.fromkeys(self.lenses, -math.inf)
        self._stale_ns = round(stale_after * 1e9)
        self._first: float | None = None
        self._calibrations = calibrations
        self._calibrated = not calibrations
        self._at_work = False
        self._lock = threading.RLock()
        self._held: deque[FrameSet] = deque(maxlen=depth)
        self._overtaken = 0
        self._silent: set[str] = set()
        self._missed: list[str] = []  # at the last look
        self._slow: set[str] = set()
        self._slow_since: float | None = None
        self._resets = self._reported_jumps = 0
        self._reported = 0
        self._failures: list[Exception] = []  # since the last report
        self._slop = slop
        self._sets = 0
        self._last_set = time.monotonic()
        self._synchroniser = Synchroniser(
            self.lenses, slop=slop, stale_after=stale_after, lossy=True, incomplete=incomplete
        )
        self._wanted = wanted
        self._idle = -math.inf  # when nobody wanted the images last
        self._work = work
        self._pace = pace
        self._worker = Worker(self._at_pace if pace else work, depth, self._on_error)
        subscribe_to = partial(node.subscribe_while, wanted) if wanted else node.subscribe
        lenses_of: dict[str, list[str]] = {}
        for lens in self.lenses:
            image_topic, info_topic = topics(lens)
            if transport == 'compressed':
                # They belong to the topic, also where it is remapped.
                image_topic = f'{node.resolve_topic_name(image_topic)}/compressed'
            # Resolving remaps: once at most, or two lenses could not be swapped.
            self._topics[lens] = node.resolve_topic_name(image_topic)
            if subscribe:
                subscribe_to(
                    Image if transport == 'raw' else CompressedImage,
                    image_topic,
                    self._image_callback(lens),
                    IMAGE_SUBSCRIBER_QOS,
                )
                if calibrations and not url:
                    lenses_of.setdefault(info_topic, []).append(lens)
        for topic, lenses in lenses_of.items():
            on_info = self._info_callback(topic, lenses)
            subscribe_to(CameraInfo, topic, on_info, IMAGE_SUBSCRIBER_QOS)
        node.create_timer(0.1, self._watch_lenses, clock=node.steady_clock)

    def add(self, frame: Frame) -> None:
        """Take in a frame, as the subscriptions do."""
        if frame.lens not in self.lenses:
            return
        if self._first is None:
            self._first = time.monotonic()
        model = self._replaced.get(frame.lens)
        if model is not None and model.frame_id != frame.frame_id:
            self._replaced[frame.lens] = replace(model, frame_id=frame.frame_id)
        now = self._heard[frame.lens] = self._now()
        # 0 is a stamp that was not set, or simulated time before the first /clock.
        if frame.stamp_ns and now:
            apart = frame.stamp_ns - now
            self._apart = apart if self._apart is None else min(apart, self._apart, key=abs)
        # Lenses have threads of their own, which must not overtake each other on the way.
        with self._lock:
            sets = self._synchroniser.add(frame)
            # Many at once have waited for a lens that has gone.
            self._overtaken += max(len(sets) - self._held.maxlen, 0)
            for frame_set in sets[-self._held.maxlen :]:
                self._overtaken += len(self._held) == self._held.maxlen
                self._held.append(frame_set)
                self._let_go()

    @property
    def waiting(self) -> int:
        """Return how many sets wait for the one in work."""
        return self._worker.waiting

    def read(self, frame_set: FrameSet) -> FrameSet:
        """Return the set with arrays for images; see `read_images`."""
        return read_images(frame_set, self._refuse, self._topics)

    def calibration(self) -> dict[str, CameraModel | None]:
        """Return the model of each lens to use, None where none has come."""
        return {lens: self.models.get(lens) for lens in self.lenses} | self._replaced

    def diagnose(self) -> tuple[list[str], dict[str, Any]]:
        """Return what is wrong with the streams since the last call, and their figures."""
        problems, values = self._diagnose()
        return ([] if time.monotonic() - self._idle < START_UP else problems), values

    def _diagnose(self) -> tuple[list[str], dict[str, Any]]:
        status = self._synchroniser.status()
        missing = self._missing(status)
        problems = [self._why_missing(lens, status) for lens in missing]
        if len(missing) < len(status.missing):
            problems.append('no images come and /clock stands still, as while a bag is paused')
        problems += [*self._stalled(status), *self._why_no_sets(status), *self._out_of_time()]
        jumps, self._reported_jumps = status.resets - self._reported_jumps, status.resets
        if jumps > 1:
            problems.append(
                f'the clock jumped {jumps} times, at last {self._jump(status)}; perhaps two nodes '
                'publish it'
            )
        lacking = [lens for lens, model in self.calibration().items() if model is None]
        if self._calibrations and self._calibrated and lacking:
            problems.append(f'no calibration of {", ".join(lacking)}')
        problems += self._bad_infos.values()
        refusals, self._refusals = self._refusals, {}
        for lens, (count, reason) in refusals.items():
            problems.append(f'images of {lens} refused: {count}; {reason}')
        dropped = self._worker.dropped
        if dropped > self._reported:
            problems.append(
                f'sets dropped: {dropped - self._reported}, as the processor is too slow for '
                f'them; try {how_to_relieve(self._node)}'
            )
            self._reported = dropped
        failures, self._failures = self._failures, []
        if failures:
            problems.append(f'sets that could not be processed: {len(failures)}; {failures[-1]}')
        values: dict[str, Any] = {}
        for name, lens in status.lenses.items():
            values[f'{name} rate (Hz)'] = f'{lens.rate:.1f}'
            values[f'{name} skew (ms)'] = f'{lens.skew * 1e3:.2f}'
            values[f'{name} matched'] = lens.matched
            values[f'{name} dropped'] = lens.dropped
        values |= {
            'sets': status.sets,
            'sets processed': self._worker.done,
            'sets dropped': dropped,
            'sets overtaken while waiting': self._overtaken,
            'images refused': self._refused,
            'clock jumps': status.resets,
        }
        return problems, values

    def close(self) -> None:
        """End the worker thread."""
        self._worker.close()
        self._log.close()

    def _refuse(self, lens: str, error: FerFusionError) -> None:
        self._refused += 1
        self._refusals[lens] = (self._refusals.get(lens, (0, ''))[0] + 1, str(error))
        self._node.complain(f'image {lens}', str(error))

    def _on_error(self, error: Exception) -> None:
        self._failures.append(error)
        self._node.on_error(error)

    def _now(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _is_simulated(self) -> bool:
        return self._node.get_parameter('use_sim_time').value

    def _missing(self, status: SynchroniserStatus) -> list[str]:
        """Return the missing lenses; none is silent while simulated time stands still."""
        if not self._is_simulated():
            return [*status.missing]
        now = self._now()
        # A looping bag sets the time back.
        self._heard |= {lens: min(then, now) for lens, then in self._heard.items()}
        return [
            lens
            for lens in status.missing
            if status.lenses[lens].rare
            or status.lenses[lens].lead
            or now - self._heard[lens] > self._stale_ns
        ]

    def _why_missing(self, lens: str, status: SynchroniserStatus, then: str = '') -> str:
        stream = status.lenses[lens]
        if stream.rare:
            return (
                f'{self._topics[lens]} brings only {stream.rate:.1f} images per second{then}; let '
                'it send as many as the other lenses, or raise stale_after'
            )
        if not stream.lead:
            return f'{self._topics[lens]} is silent{then}'
        cure = 'set the clock of its computer by that of the others'
        if stream.lead < 0:
            cure += ', or if its images come late, raise stale_after'
        return f'{self._topics[lens]}: its stamps are {stream.offset()}{then}; {cure}'

    def _stalled(self, status: SynchroniserStatus) -> list[str]:
        """Return which lenses send images, but not their times."""
        return [
            f'{self._topics[name]}: header.stamp does not advance; the driver must set it to the '
            'time of capture'
            for name, lens in status.lenses.items()
            if lens.stalled > START_UP
        ]

    def _out_of_time(self) -> list[str]:
        """Complain of images from the future or from long ago, and return that, if there are."""
        apart, self._apart = self._apart, None
        simulated = self._is_simulated()
        ahead = (apart or 0) * 1e-9
        if ahead > AHEAD:
            where = f'{ahead:.1f} s ahead of'
            cure = (
                'play the bag that they come from with --clock, or set use_sim_time to false'
                if simulated
                else 'set the clocks of the computers by each other'
            )
        elif ahead < -BEHIND and not simulated:
            where = f'{-ahead:.1f} s behind'
            cure = (
                'set the clocks of the computers by each other, or if they come from a bag, play '
                'it with --clock and set use_sim_time to true'
            )
        else:
            return []
        text = f"images are stamped {where} this node's clock; {cure}"
        self._node.complain(f'clock {ahead > 0}', text)
        return [text]

    def _jump(self, status: SynchroniserStatus) -> str:
        lens, seconds = status.jump
        return f'the stamps of {self._topics[lens]} jumped back by {seconds:.2f} s'

    def _why_no_sets(self, status: SynchroniserStatus) -> list[str]:
        """Return why no images belong together, if so for a while although there are some."""
        now = time.monotonic()
        if status.sets != self._sets or len(status.missing) == len(self.lenses):
            self._sets, self._last_set = status.sets, now
        if now - self._last_set < START_UP:
            return []
        gap = self._synchroniser.gap()
        if gap < self._slop:
            return []
        topics = ', '.join(
            self._topics[lens] for lens in self.lenses if lens not in status.missing
        )
        return [
            f'no images belong together: the stamps of {topics} are {gap * 1e3:.0f} ms apart or '
            f'more, but tolerance is {self._slop:g} s; let the cameras capture at once, or raise '
            'tolerance'
        ]

    def _name_slowest(self, status: SynchroniserStatus) -> None:
        """Warn once of a lens for which the others wait; it may be meant to be slow."""
        rates = {
            name: lens.rate
            for name, lens in status.lenses.items()
            if lens.rate and name not in status.missing
        }
        slowest = min(rates, key=rates.__getitem__, default='')
        fastest = max(rates.values(), default=0.0)
        if fastest < UNEVEN * rates.get(slowest, math.inf):
            self._slow_since = None
            return
        now = time.monotonic()
        self._slow_since = self._slow_since or now
        if slowest not in self._slow and now - self._slow_since > ENOUGH:
            self._slow.add(slowest)
            self._node.get_logger().warning(
                f'{self._topics[slowest]} brings {rates[slowest]:.1f} images per second, others '
                f'up to {fastest:.1f}, of which only those that it has a partner for are used; '
                'let it send as many, or see whether its images are lost on the way'
            )

    def _image_callback(self, lens: str) -> Callable[[Any], None]:
        def on_image(message: Any) -> None:
            stamp = stamp_to_ns(message.header.stamp)
            if not stamp:
                self._node.complain(
                    f'stamp {lens}',
                    f'{self._topics[lens]}: header.stamp is 0; the driver must set it to the '
                    'time of capture',
                )
            self.add(Frame(lens, stamp, message, message.header.frame_id))

        return on_image

    def _info_callback(self, topic: str, lenses: list[str]) -> Callable[[CameraInfo], None]:
        topic = self._node.resolve_topic_name(topic)

        def on_info(message: CameraInfo) -> None:
            content = camera_info_content(message)
            if self._seen.get(lenses[0]) == content:
                return
            self._seen[lenses[0]] = content
            model = None
            self._bad_infos.pop(topic, None)
            try:
                model = camera_info_to_model(message, lenses[0])
            except FerFusionError as error:
                text = self._bad_infos[topic] = f'{topic}: {error}'
                self._node.complain(f'info {topic}', text)
            # A new mapping, so that whoever holds the old one sees that it changed.
            self.models = {**self.models, **dict.fromkeys(lenses, model)}
            self._let_go()

        return on_info

    def _let_go(self) -> None:
        """Pass on the sets that wait, unless calibrations are still to be waited for."""
        if not self._calibrated and self._first is not None:
            known = all(lens in self.models for lens in self.lenses)
            self._calibrated = known or time.monotonic() - self._first > START_UP
        with self._lock:
            while self._calibrated and self._held:
                if self._pace:
                    self._pace.arrive()
                if not self._at_work:
                    self._at_work = True
                    topics = ', '.join(self._topics[lens] for lens in self._held[0].frames)
                    self._node.get_logger().info(f'at work on {topics}')
                self._worker.put(self._held.popleft())

    def _at_pace(self, frame_set: FrameSet) -> None:
        self._pace.begin(self._worker.waiting)
        self._work(frame_set)
        self._pace.end()

    def _watch_lenses(self) -> None:
        if self._wanted is not None and not self._wanted():
            self._idle = time.monotonic()
            if self._first is not None:
                # When somebody wants them again, it is as at the start.
                self._first = None
                self._synchroniser.restart()
        if self._first is None or time.monotonic() - self._first < START_UP:
            return
        status = self._synchroniser.status()
        log = self._node.get_logger()
        missing = self._missing(status)
        # Who falls silent may be the first of all: they are named once nobody follows.
        settled, self._missed = missing == self._missed, missing
        rare = any(status.lenses[lens].rare for lens in missing)
        if settled and len(missing) == len(self.lenses) and not rare:
            topics = ', '.join(self._topics[lens] for lens in missing)
            new = not self._silent.issuperset(missing)
            if new and self._node.complain('silent', f'no images come any more on {topics}'):
                self._silent.update(missing)
        elif settled:
            for lens in missing:
                text = self._why_missing(lens, status, ', going on without it')
                if lens not in self._silent and self._node.complain(f'silent {lens}', text):
                    self._silent.add(lens)
        if back := [lens for lens in self.lenses if lens in self._silent - set(missing)]:
            self._silent.difference_update(back)
            topics = ', '.join(self._topics[lens] for lens in back)
            log.info(f'{topics} {"is" if len(back) == 1 else "are"} back')
        for text in self._stalled(status):
            self._node.complain(text, text)
        for text in self._why_no_sets(status):
            self._node.complain('no sets', text)
        self._name_slowest(status)
        if status.resets != self._resets:
            self._resets = status.resets
            self._node.complain('clock jump', f'{self._jump(status)}, starting afresh')
