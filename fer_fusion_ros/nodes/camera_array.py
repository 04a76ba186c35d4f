"""Node that publishes the images and calibrations of the four lenses."""

import inspect
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from fer_fusion_ros.exceptions import RigError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.frame_clock import Rounds
from fer_fusion_ros.lenses.lens_source import LensSource
from fer_fusion_ros.lenses.lens_thread import LensState, LensThread
from fer_fusion_ros.lenses.names import LENSES, optical_frame
from fer_fusion_ros.lenses.open_lens import RIG, open_lens
from fer_fusion_ros.lenses.rig import LightProgramme, SimulatedRig
from fer_fusion_ros.lenses.rig.simulated_rig import RANGES
from fer_fusion_ros.messages.camera_info import blank_camera_info, model_to_camera_info
from fer_fusion_ros.messages.image import array_to_compressed_image, array_to_image
from fer_fusion_ros.messages.qos import PUBLISHER_QOS
from fer_fusion_ros.messages.stamps import set_stamp
from fer_fusion_ros.nodes.calibration_file import read_model
from fer_fusion_ros.nodes.core_log import CoreLog
from fer_fusion_ros.nodes.parameters import declare, report_unknown
from fer_fusion_ros.nodes.run import run
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.synchronisation import Frame

SILENT_AFTER = 1.0
"""Seconds without an image after which a lens that claims to run is reported."""

START_AFTER_NS = 500_000_000
"""Time to open every source, so that recordings start in step and with their first frame."""

STOP_WITHIN = 3.0
"""Seconds that all lenses together get to let go of their sources at the end."""

RIG_START = 'rig start (ns)'
"""Key, in the diagnostics, of the stamp at which the light programme of the rig started."""


class CameraArray(StageNode):
    """Read every lens in a thread of its own and publish what it sees.

    A lens that fails is reported and opened again, ever less often, while the others go on.

    :param on_frame: also called with each image, in its lens's thread; whoever gives it reports
        unknown parameters, for both nodes.
    :ivar models: calibration by lens as it is published, None where there is none; a new mapping
        when one changes.
    """

    def __init__(
        self, on_frame: Callable[[Frame], None] | None = None, **node_arguments: Any
    ) -> None:
        super().__init__('camera_array', **node_arguments)
        self.on_frame = on_frame
        # Beside another node, that one says what the core warns of.
        self._log = None if on_frame else CoreLog(self)
        self.models: dict[str, CameraModel | None] = {}
        self._models_lock = threading.Lock()
        lenses = declare(self, 'lenses', list(LENSES), 'lenses to publish', choices=LENSES)
        defaults = self._declare_lens_parameters()
        compressed = declare(
            self, 'compressed', False, 'also publish JPEG images on <lens>/image_raw/compressed'
        )
        quality = declare(
            self, 'jpeg_quality', 90, 'quality of the JPEG images, in per cent', range=(1, 100)
        )
        settings = {
            'rate': declare(
                self,
                'frame_rate',
                0.0,
                'frames per second to ask devices for, or to play recordings at; 0 for their own',
                range=(0.0, 1000.0),
            ),
            'width': declare(
                self,
                'width',
                0,
                'width to ask devices for, together with height; 0 for their own',
                range=(0, 16384),
            ),
            'height': declare(
                self,
                'height',
                0,
                'height to ask devices for, together with width; 0 for their own',
                range=(0, 16384),
            ),
            'pixel_format': declare(
                self,
                'pixel_format',
                '',
                'pixel format to ask devices for, four characters such as MJPG, by which several '
                'cameras fit on a USB 2 bus; empty for their own',
            ),
            'loop': declare(self, 'loop', True, 'play videos and folders again and again'),
        }
        self._declare_rig_parameters()
        delays = (
            declare(
                self,
                'reopen_after',
                0.5,
                'time until a failed lens is opened again, in seconds; doubled by each failure',
                range=(0.05, 60.0),
            ),
            declare(
                self,
                'reopen_at_most',
                10.0,
                'longest time until a failed lens is opened again, in seconds',
                range=(0.05, 600.0),
            ),
        )

        given = {
            lens: {
                name: declare(self, f'{lens}.{name}', '', text) or default
                for name, (default, text) in defaults.items()
            }
            for lens in LENSES  # a parameter file may have those of all
        }
        wanted = {lens: given[lens]['source'].strip() for lens in lenses}
        rig = self._make_rig() if RIG in wanted.values() else None
        self._rig = rig
        self._start_ns = start_ns = time.time_ns() + START_AFTER_NS
        self._lenses = []
        rounds = Rounds()
        for lens in lenses:
            source = open_lens(
                lens, wanted[lens], rig=rig, rounds=rounds, start_ns=start_ns, **settings
            )
            url = given[lens]['camera_info_url']
            frame_id = given[lens]['frame_id'] or optical_frame(lens)
            model = None
            if url:
                model = read_model(self, url, lens, frame_id)
            elif wanted[lens] == RIG:
                model = replace(rig.camera_model(lens), frame_id=frame_id)
            self.models[lens] = model
            self._lenses.append(
                _LensPublisher(self, source, model, frame_id, quality if compressed else 0, delays)
            )
        if on_frame is None:
            report_unknown(self)
        if self.get_parameter('use_sim_time').value:
            self.get_logger().warning(
                'use_sim_time is set, but lenses are stamped by the clock of this computer; set '
                'it to false unless they play what was recorded'
            )
        if rig is not None:
            self.get_logger().info(
                "the simulated rig stands in for the lenses; set 'source' to see through real ones"
            )
        for lens in self._lenses:
            lens.thread.start()

    def set_model(self, lens: str, model: CameraModel | None) -> None:
        """Change the calibration of a lens, from any thread."""
        with self._models_lock:
            if self.models[lens] is not model:
                self.models = {**self.models, lens: model}

    def diagnose(self) -> tuple[list[str], dict[str, Any]]:
        """Return which lenses do not run and why, and how fast the others do."""
        problems, values = [], {}
        if self._rig is not None:
            values[RIG_START] = self._start_ns
        for publisher in self._lenses:
            lens = publisher.thread
            if lens.state is not LensState.RUNNING:
                problems.append(f'{lens.lens} is {lens.state.value}: {lens.error}'.rstrip(': '))
            elif not lens.rate and lens.silence > SILENT_AFTER:
                problems.append(f'{lens.lens} is silent for {lens.silence:.1f} s')
            if publisher.unfit:
                problems.append(publisher.unfit)
            values[f'{lens.lens} source'] = lens.source.name
            values[f'{lens.lens} state'] = lens.state.value
            values[f'{lens.lens} rate (Hz)'] = f'{lens.rate:.1f}'
            values[f'{lens.lens} images'] = lens.images
            values[f'{lens.lens} failures'] = lens.failures
        return problems, values

    def close(self) -> None:
        """Stop all lenses."""
        for lens in self._lenses:
            lens.thread.stop()
        end = time.monotonic() + STOP_WITHIN
        for lens in self._lenses:
            if not lens.thread.join(max(end - time.monotonic(), 0.0)):
                self.get_logger().warning(f'{lens.thread.source.name} does not let go')
        if self._log:
            self._log.close()

    def _declare_lens_parameters(self) -> dict[str, tuple[str, str]]:
        """Return the default of what is set per lens, and its description."""
        common = {
            'source': (
                RIG,
                "where images come from: 'rig' (simulated), a device such as /dev/video0, an "
                "address such as rtsp://…, 'gst: <pipeline>', a video file, played at a constant "
                'rate, or a folder of images',
            ),
            'camera_info_url': (
                '',
                'calibration in the format of camera_info_manager: file:///… or package://…; '
                'empty for none',
            ),
        }
        defaults = {
            name: (
                declare(self, name, default, f'{text}; {{lens}} stands for the name of the lens'),
                f'of this lens alone: {text}',
            )
            for name, (default, text) in common.items()
        }
        return {**defaults, 'frame_id': ('', 'optical frame; empty for <lens>_optical')}

    def _declare_rig_parameters(self) -> None:
        declare(
            self,
            'rig.faces',
            '',
            'photograph or folder of photographs for the rig to look at; empty for the astronaut',
        )
        declare(
            self,
            'rig.light',
            '1.0',
            "light of the rig's room, 1.0 daylight to 0.02 near dark, or a programme of "
            "seconds:level such as '0:1.0 4:1.0 7:0.02'",
        )
        numbers = {
            'distance': 'from the rig to the faces, in metres',
            'people': 'people side by side',
            'dwell': 'time until other people step in front, in seconds',
            'sway': 'how far people move to either side, in metres',
            'seed': 'of everything random in the rig',
            'fps': 'frames per second of the rig',
            'jitter': 'largest deviation of a capture time, in seconds; at most half a period',
            'drop': 'share of frames that are lost',
        }
        defaults = inspect.signature(SimulatedRig).parameters
        for name, text in numbers.items():
            declare(self, f'rig.{name}', defaults[name].default, text, range=RANGES[name])

    def _make_rig(self) -> SimulatedRig:
        given = {
            name: parameter.value
            for name, parameter in self.get_parameters_by_prefix('rig').items()
        }
        try:
            light = LightProgramme(given.pop('light'))
            return SimulatedRig(given.pop('faces') or None, light=light, **given)
        except RigError as error:
            raise RigError(f'parameters rig.* of node {self.get_name()!r}: {error}') from error


class _LensPublisher:
    """One lens: its thread, and its topics, filled only while somebody subscribes."""

    def __init__(
        self,
        node: CameraArray,
        source: LensSource,
        model: CameraModel | None,
        frame_id: str,
        jpeg_quality: int,
        delays: tuple[float, float],
    ) -> None:
        lens = source.lens
        self.thread = LensThread(source, self._publish, self._report, delays, node.on_error)
        self._node = node
        self._model = model
        self._frame_id = frame_id
        self._quality = jpeg_quality
        self._image = node.advertise(Image, f'{lens}/image_raw', PUBLISHER_QOS)
        self._info = node.advertise(CameraInfo, f'{lens}/camera_info', PUBLISHER_QOS)
        self._compressed = (
            node.advertise(CompressedImage, f'{lens}/image_raw/compressed', PUBLISHER_QOS)
            if jpeg_quality
            else None
        )
        self._info_message: CameraInfo | None = None
        self.unfit = ''

    def _publish(self, image: np.ndarray, stamp_ns: int) -> None:
        info = self._info_message
        if info is None or (info.height, info.width) != image.shape[:2]:
            info = self._info_message = self._make_info(*image.shape[:2], stamp_ns)
        set_stamp(info.header.stamp, stamp_ns)
        self._info.publish(info)
        if self._node.on_frame is not None:
            self._node.on_frame(Frame(self.thread.lens, stamp_ns, image, self._frame_id))
        if self._image.get_subscription_count():
            self._image.publish(array_to_image(image, stamp_ns, self._frame_id))
        if self._compressed is not None and self._compressed.get_subscription_count():
            self._compressed.publish(
                array_to_compressed_image(image, stamp_ns, self._frame_id, quality=self._quality)
            )

    def _make_info(self, height: int, width: int, stamp_ns: int) -> CameraInfo:
        model = self._fitting_model(height, width)
        self._node.set_model(self.thread.lens, model)
        if model is None:
            return blank_camera_info(width, height, stamp_ns, self._frame_id)
        return model_to_camera_info(model, stamp_ns, self._frame_id)

    def _fitting_model(self, height: int, width: int) -> CameraModel | None:
        model, self.unfit = self._model, ''
        if model is None or (model.height, model.width) == (height, width):
            return model
        lead = (
            f'{self.thread.lens}: its calibration is of {model.width}x{model.height} images, '
            f'but {self.thread.source.name} gives {width}x{height}'
        )
        if model.fits(width, height):
            self._node.get_logger().info(f'{lead}; scaling it')
            return model.scaled(width, height)
        self.unfit = f'{lead}, of another shape; calibrate at that size, or set width and height'
        self._node.complain(f'unfit {self.thread.lens}', f'{self.unfit}. Going on as uncalibrated')
        return None

    def _report(self, lens: LensThread) -> None:
        log = self._node.get_logger()
        if lens.state is LensState.FAILED:
            log.error(f'{lens.lens} failed, will be opened again: {lens.error}')
        elif lens.state is LensState.ENDED:
            log.info(f'{lens.lens} ended: {lens.error}')
        elif lens.failures:
            log.info(f'{lens.lens} is back')


def main(args: Sequence[str] | None = None) -> int:
    """Run the camera array."""
    # Every lens has a thread of its own; OpenCV's would only get in their way.
    cv2.setNumThreads(1)
    return run(CameraArray, args)
