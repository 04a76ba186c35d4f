"""A stand-in for the lens drivers, and a recorder of what the nodes say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from fer_fusion_ros.lenses.names import LENSES, optical_frame
from fer_fusion_ros.lenses.rig import SimulatedRig

START_NS = 1_700_000_000_000_000_000
"""Stamp of frame 0."""

WARM_UP = 100.0
"""Time of the frames that only see whether everybody listens."""


LOSSLESS = [
    word
    for lens in LENSES
    for word in (
        '-p',
        f'qos_overrides./fer/{lens}/image_raw.subscription.reliability:=reliable',
        '-p',
        f'qos_overrides./fer/{lens}/image_raw.subscription.depth:=50',
    )
] + ['-p', 'queue_depth:=100', '-p', 'keep_pace:=false']
"""Arguments with which a node misses no frame, however busy the machine is."""


class LensFeeder:
    """Publish frames of a simulated rig with chosen stamps, from the test's own node."""

    start_ns = START_NS

    def __init__(self, node, rig: SimulatedRig, namespace: str = '/fer') -> None:
        from sensor_msgs.msg import CameraInfo, Image

        self.node, self.rig = node, rig
        self._images = {
            lens: node.create_publisher(Image, f'{namespace}/{lens}/image_raw', 10)
            for lens in LENSES
        }
        self._infos = {
            lens: node.create_publisher(CameraInfo, f'{namespace}/{lens}/camera_info', 10)
            for lens in LENSES
        }
        self._rendered: dict[tuple[str, float], np.ndarray] = {}
        self.stamps: set[int] = set()
        """Of everything sent, as `send` returns them."""

    def wait_for_listeners(self, count: int = 1, timeout: float = 20.0) -> None:
        """Wait until so many nodes subscribe to every image and calibration."""
        end = time.monotonic() + timeout
        publishers = [*self._images.values(), *self._infos.values()]
        while any(each.get_subscription_count() < count for each in publishers):
            assert time.monotonic() < end, 'the nodes do not subscribe to the lenses'
            time.sleep(0.05)
        # The other side may see the match a little later, and best effort repeats nothing.
        time.sleep(1.0)

    def warm_up(self, spin_until: Callable[..., bool], *outputs: list, count: int = 1) -> None:
        """Send frames of another time until every output has something; then forget it all.

        What follows is a jump of the clock for the nodes, so they start afresh.
        """
        self.wait_for_listeners(count)
        for index in range(100):
            self.send(WARM_UP + index / 30, shown=0.0)
            if spin_until(lambda: all(outputs), 0.1):
                break
        assert all(outputs), 'no output'
        # Until nothing of it is under way any more, however busy the machine is.
        before = -1
        while before != (now := sum(map(len, outputs))):
            before = now
            spin_until(lambda: False, 1.0)
        for output in outputs:
            output.clear()

    def image(self, lens: str, t: float) -> np.ndarray:
        """Return what the rig shows, rendered once."""
        if (lens, t) not in self._rendered:
            self._rendered[lens, t] = self.rig.render(lens, t)
        return self._rendered[lens, t]

    def send(
        self,
        t: float,
        lenses: Iterable[str] = LENSES,
        offsets: dict[str, float] | None = None,
        change: Callable[[str, Any], None] = lambda lens, message: None,
        shown: float | None = None,
    ) -> int:
        """Publish the frames of time ``t``; return the stamp of the left visible lens.

        Without that lens it is the stamp of another, without any that of ``t``.

        :param offsets: seconds added to the stamp of a lens.
        :param shown: time that the images show, by default ``t``.
        :param change: called with each lens and image message before it is published.
        """
        from fer_fusion_ros.messages.camera_info import model_to_camera_info
        from fer_fusion_ros.messages.image import array_to_image

        stamps = {}
        for lens in lenses:
            stamps[lens] = START_NS + round((t + (offsets or {}).get(lens, 0.0)) * 1e9)
            frame = optical_frame(lens)
            info = model_to_camera_info(self.rig.camera_model(lens), stamps[lens], frame)
            message = array_to_image(
                self.image(lens, t if shown is None else shown), stamps[lens], frame
            )
            change(lens, message)
            self._infos[lens].publish(info)
            self._images[lens].publish(message)
        stamp = stamps.get('vis_left', next(iter(stamps.values()), START_NS + round(t * 1e9)))
        self.stamps.add(stamp)
        return stamp


@pytest.fixture
def make_feeder(ros_node) -> Callable[..., LensFeeder]:
    """Return a function that makes a `LensFeeder`; its arguments are the rig's."""
    return lambda **rig: LensFeeder(ros_node, SimulatedRig(**rig))


@pytest.fixture
def lossless() -> list[str]:
    """Return the ROS arguments with which a node misses no frame."""
    return LOSSLESS


@pytest.fixture
def record(ros_node) -> Callable[[type, str], list]:
    """Return a function that subscribes to a topic and returns the growing list of messages."""

    def start(message_type: type, topic: str) -> list:
        messages: list = []
        ros_node.create_subscription(message_type, topic, messages.append, 50)
        return messages

    return start
