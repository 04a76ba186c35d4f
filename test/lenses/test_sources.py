"""Recordings in place of lenses, and the thread that keeps a lens going."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import LensEndedError, LensError
from fer_fusion_ros.lenses.device_source import DeviceSource
from fer_fusion_ros.lenses.folder_source import FolderSource
from fer_fusion_ros.lenses.frame_clock import Rounds
from fer_fusion_ros.lenses.lens_source import LensSource
from fer_fusion_ros.lenses.lens_thread import LensState, LensThread
from fer_fusion_ros.lenses.open_lens import open_lens
from fer_fusion_ros.lenses.rig import SimulatedRig
from fer_fusion_ros.lenses.rig_source import RigSource
from fer_fusion_ros.lenses.stream_source import StreamSource
from fer_fusion_ros.lenses.video_source import VideoSource

COUNT = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of images, each brighter than the one before."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for index in range(COUNT):
        image = np.full((48, 64, 3), (0, 40 * index, 40 * index), np.uint8)
        cv2.imwrite(str(folder / f'{index:03}.png'), image)
    (folder / 'notes.txt').write_text('not an image')
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Return a video of ten frames at 25 frames per second, each brighter than the one before."""
    path = tmp_path / 'video.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25, (64, 48))
    for index in range(10):
        writer.write(np.full((48, 64, 3), 20 * index, np.uint8))
    writer.release()
    return path


def read_all(source, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return so many images and their stamps in seconds."""
    source.open()
    images, stamps = zip(*(source.read() for _ in range(count)), strict=True)
    source.close()
    return list(images), np.array(stamps) / 1e9


def test_a_folder_is_played_in_order_and_on_the_beat(folder: Path) -> None:
    """Each image is stamped when it is due, and arrives no sooner."""
    start = time.time_ns()
    source = open_lens('vis_left', str(folder), rate=50.0, loop=False, start_ns=start)
    images, stamps = read_all(source, COUNT)
    assert [int(image[0, 0, 2]) for image in images] == [0, 40, 80, 120, 160]
    assert np.allclose(np.diff(stamps), 0.02, atol=1e-6)
    assert time.time() >= stamps[-1]


def test_infrared_images_are_grey(folder: Path, video: Path) -> None:
    """Whatever the file holds."""
    for source in (folder, video):
        images, _ = read_all(open_lens('ir_left', str(source), rate=100.0), 1)
        assert images[0].shape == (48, 64)


def test_images_of_sixteen_bits_are_read_or_refused(tmp_path: Path) -> None:
    """Ten bits in sixteen would be shown as black."""
    source = open_lens('ir_left', str(tmp_path), rate=100.0)
    cv2.imwrite(str(tmp_path / '0.png'), np.full((48, 64), 0x80FF, np.uint16))
    images, _ = read_all(source, 1)
    assert images[0].dtype == np.uint8 and images[0].max() == 0x80
    cv2.imwrite(str(tmp_path / '0.png'), np.full((48, 64), 1023, np.uint16))
    source.open()
    with pytest.raises(LensError, match=r'0\.png: has 16 bits, but no pixel above 1023'):
        source.read()


class Pipeline(LensSource):
    """What a GStreamer pipeline brings that ends in an appsink of its own."""

    def __init__(self, lens: str, image: np.ndarray) -> None:
        super().__init__(lens, f'gst: {image.dtype} {image.shape} ! appsink')
        self._image = image

    def open(self) -> None:
        pass

    def _read(self) -> tuple[np.ndarray, int]:
        return self._image, 5

    def close(self) -> None:
        pass


BGR = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
GREY = cv2.cvtColor(BGR, cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize(
    ('brought', 'infrared', 'visible'),
    [
        (GREY, GREY, GREY),
        (BGR, GREY, BGR),
        (GREY * np.uint16(257), GREY, GREY),
        (BGR * np.uint16(257), GREY, BGR),
        (np.dstack([BGR, GREY]), GREY, BGR),
        (np.dstack([BGR, GREY]) * np.uint16(257), GREY, BGR),
        (GREY[..., None], GREY, np.dstack([GREY] * 3)),
    ],
    ids=lambda image: f'{image.dtype} {image.shape}',
)
def test_images_come_as_grey_or_bgr_of_eight_bits(
    caplog: pytest.LogCaptureFixture,
    brought: np.ndarray,
    infrared: np.ndarray,
    visible: np.ndarray,
) -> None:
    """Whatever their depth, and without alpha."""
    for lens, expected in (('ir_left', infrared), ('vis_left', visible)):
        image, stamp_ns = Pipeline(lens, brought).read()
        assert (image.dtype, image.shape, stamp_ns) == (np.uint8, expected.shape, 5)
        # Sixteen bits are rounded once more.
        np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=1)
    assert not caplog.messages


def test_bits_that_a_lens_does_not_use_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Once, as of a topic."""
    source = Pipeline('ir_left', np.full((48, 64), 1023, np.uint16))
    for _ in range(2):
        assert source.read()[0].max() < 5
    (warning,) = caplog.messages
    assert warning.startswith(f'{source.name}: the image has no pixel above 4095 of 65535')


@pytest.mark.parametrize('lens', ['ir_left', 'vis_left'])
@pytest.mark.parametrize(
    'brought',
    [
        np.zeros((48, 64, 2), np.uint8),
        np.zeros((48, 64, 5), np.uint16),
        np.zeros((48, 64), np.float32),
        np.zeros((1, 9000), np.uint8),
        np.zeros(9000, np.uint8),
        np.zeros((0, 0, 3), np.uint8),
    ],
    ids=lambda image: f'{image.dtype} {image.shape}',
)
def test_what_is_no_image_is_refused(lens: str, brought: np.ndarray) -> None:
    """The error names the source, and what to add to it."""
    source = Pipeline(lens, brought)
    with pytest.raises(LensError) as error:
        source.read()
    assert str(error.value).startswith(f'{source.name} brings {brought.dtype} of shape ')
    assert 'add `! videoconvert ! video/x-raw,format=BGR` before appsink' in str(error.value)


@pytest.mark.parametrize('kind', ['folder', 'video'])
def test_recordings_end_or_loop(kind: str, request: pytest.FixtureRequest) -> None:
    """As asked for."""
    path = str(request.getfixturevalue(kind))
    once = open_lens('vis_left', path, rate=200.0, loop=False)
    once.open()
    with pytest.raises(LensEndedError, match=Path(path).name):
        for _ in range(11):
            once.read()
    again = open_lens('vis_left', path, rate=200.0, loop=True)
    images, stamps = read_all(again, 25)
    assert len(images) == 25
    assert (np.diff(stamps) > 0).all()


def test_recordings_of_unequal_length_stay_in_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All start again when the shortest has ended, whatever their kind, and it is told once."""
    writer = cv2.VideoWriter(
        str(tmp_path / 'ir_left.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 50, (64, 48)
    )
    (tmp_path / 'vis_left').mkdir()
    for index in range(12):
        image = np.full((48, 64, 3), 20 * index, np.uint8)
        writer.write(image)
        if index < 9:
            cv2.imwrite(str(tmp_path / 'vis_left' / f'{index}.png'), image)
    writer.release()
    rounds, start = Rounds(), time.time_ns() + 200_000_000
    sources = [
        open_lens(lens, str(tmp_path / name), rate=50.0, rounds=rounds, start_ns=start)
        for lens, name in (('ir_left', 'ir_left.avi'), ('vis_left', 'vis_left'))
    ]
    for source in sources:
        source.open()
    seen = {source.lens: {} for source in sources}
    for _ in range(30):
        for source in sources:
            image, stamp_ns = source.read()
            seen[source.lens][stamp_ns] = round(image.mean() / 20)
    for source in sources:
        source.close()
    ir, vis = seen['ir_left'], seen['vis_left']
    both = ir.keys() & vis.keys()
    assert len(both) > 5  # a busy machine leaves frames out
    assert all(ir[stamp] == vis[stamp] for stamp in both)
    assert set(ir.values()) | set(vis.values()) <= set(range(9))
    assert np.ptp(list(vis)) > 4e8  # three rounds
    (warning,) = caplog.messages
    assert 'between 0.18 and 0.24 s long' in warning


def test_a_video_is_played_at_its_own_rate(video: Path) -> None:
    """In step with others of the same start."""
    start = time.time_ns()
    images, stamps = read_all(open_lens('vis_left', str(video), start_ns=start), 4)
    beats = (stamps - start / 1e9) * 25
    assert np.allclose(beats, beats.round(), atol=1e-3)
    assert np.allclose([image.mean() for image in images], 20 * beats.round(), atol=3)


@pytest.fixture
def network_camera() -> Iterator[tuple[str, threading.Event]]:
    """Return the address of a camera that sends MJPEG over HTTP, and what switches it off."""
    off = threading.Event()
    jpeg = cv2.imencode('.jpg', np.full((48, 64, 3), 120, np.uint8))[1].tobytes()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
            self.end_headers()
            with contextlib.suppress(OSError):
                while not off.wait(0.02):
                    head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}'
                    self.wfile.write(f'{head}\r\n\r\n'.encode() + jpeg + b'\r\n')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/stream', off
    off.set()
    server.shutdown()
    server.server_close()


def test_a_network_camera_is_read_until_it_goes(network_camera) -> None:
    """Images are stamped as they arrive; the end of the stream is an error, to be reopened."""
    address, off = network_camera
    source = open_lens('ir_left', address)
    source.open()
    stamps = []
    for _ in range(5):
        image, stamp_ns = source.read()
        assert image.shape == (48, 64)
        assert abs(image.mean() - 120) < 3
        stamps.append(stamp_ns)
    assert (np.diff(stamps) > 0).all()
    assert abs(time.time_ns() - stamps[-1]) < 1e9
    off.set()
    with pytest.raises(LensError, match='ended, or sent nothing'):
        for _ in range(100):
            source.read()
    source.close()


def test_a_recording_on_a_server_is_refused(video: Path) -> None:
    """It comes as fast as the network allows; the error says what to do."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(video.parent))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = open_lens('vis_left', f'http://127.0.0.1:{server.server_port}/{video.name}')
        with pytest.raises(LensError, match=r'video\.avi is a recording; download it'):
            source.open()
        source.close()
        server.shutdown()


def test_who_logs_in_is_not_shown() -> None:
    """Neither in the name nor in an error, which go to logs, diagnostics and bags."""
    for address in (
        'http://admin:s3cret@s3cret@127.0.0.1:9/none',
        'gst: rtspsrc location=rtsp://admin:s3cret@127.0.0.1:9/none',
        'gst: rtspsrc location=rtsp://127.0.0.1:9/none user-id=admin user-pw=s3cret ! fakesink',
        'gst: rtspsrc location=rtsp://127.0.0.1:9/none user-pw = "my s3cret" ! fakesink',
        "gst: rtspsrc location=rtsp://127.0.0.1:9/none user-pw='my s3cret' ! fakesink",
        *(
            f'http://127.0.0.1:9/none?user=admin&{name}=s3cret&channel=1'
            for name in ('pwd', 'PASSWORD', 'passwd', 'pass', 'access_token')
        ),
    ):
        source = open_lens('vis_left', address)
        with pytest.raises(LensError) as error:
            source.open()
        for text in (source.name, str(error.value)):
            assert 's3cret' not in text and '127.0.0.1:9/none' in text
            # The rest is shown.
            assert all(word in text for word in ('fakesink', 'channel=1') if word in address)


def test_the_rig_is_seen_at_the_stamp(folder: Path) -> None:
    """What arrives is what the rig renders for that moment."""
    rig = SimulatedRig(fps=50.0, seed=3)
    start = time.time_ns()
    images, stamps = read_all(open_lens('ir_right', 'rig', rig=rig, start_ns=start), 2)
    t = rig.frame_time('ir_right', round((stamps[1] - start / 1e9) * 50))
    assert np.array_equal(images[1], rig.render('ir_right', t))


def test_frames_that_the_rig_loses_take_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many lost ones in a row are waited for; the clock is not blamed for them."""
    rig = SimulatedRig(fps=50.0)
    monkeypatch.setattr(rig, 'frame_time', lambda lens, i: None if i % 60 else i / 50)
    start = time.time_ns() + 200_000_000
    _, stamps = read_all(open_lens('ir_left', 'rig', rig=rig, start_ns=start), 2)
    assert stamps - start / 1e9 == pytest.approx([0.0, 1.2], abs=1e-4)
    assert time.time() >= stamps[-1]


def test_a_lens_of_the_rig_that_loses_every_frame_can_be_stopped() -> None:
    """And costs nothing meanwhile."""
    lens = LensThread(open_lens('vis_left', 'rig', rig=SimulatedRig(drop=1.0)), lambda *_: None)
    lens.start()
    busy = time.process_time()
    time.sleep(0.5)
    busy = time.process_time() - busy
    lens.stop()
    assert lens.join(2)
    assert busy < 0.2
    assert (lens.images, lens.failures) == (0, 0)


def test_the_kind_follows_from_the_name(folder: Path, video: Path) -> None:
    """Each way to name a source opens the right kind."""
    for name, kind in {
        'rig': RigSource,
        '/dev/video7': DeviceSource,
        '7': DeviceSource,
        'rtsp://camera/stream': StreamSource,
        'gst: videotestsrc': StreamSource,
        str(folder): FolderSource,
        f'file://{video}': VideoSource,
        str(video).replace('video', '{lens}'): VideoSource,
    }.items():
        if '{lens}' in name:
            (video.parent / 'vis_left.avi').write_bytes(video.read_bytes())
        assert type(open_lens('vis_left', name)) is kind, name


def test_errors_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    """They name the source, and the cure."""
    with pytest.raises(LensError, match=r'vis_left is .*no existing video or folder; give'):
        open_lens('vis_left', '/no/such/thing')
    with pytest.raises(LensError, match='ls /dev/v4l/by-id'):
        open_lens('vis_left', '/dev/video99').open()
    with pytest.raises(LensError, match='cannot be opened'):
        open_lens('vis_left', 'http://127.0.0.1:9/none').open()
    empty = tmp_path / 'empty'
    empty.mkdir()
    with pytest.raises(LensError, match='holds no image'):
        open_lens('vis_left', str(empty)).open()
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    with pytest.raises(LensError, match='convert it'):
        open_lens('vis_left', str(tmp_path / 'broken.mp4')).open()
    with pytest.raises(LensError, match='a single image; give the folder'):
        open_lens('vis_left', str(folder / '000.png'))
    (folder / '000.png').write_bytes(b'no image')
    damaged = open_lens('vis_left', str(folder), loop=False, start_ns=time.time_ns())
    damaged.open()
    with pytest.raises(LensError, match=r'000\.png: not a readable image'):
        damaged.read()


def test_a_lens_is_opened_again_ever_less_often(folder: Path, tmp_path: Path) -> None:
    """Until it works, from when on the waits are short again."""
    source = open_lens('vis_left', str(folder), rate=100.0)
    folder.rename(tmp_path / 'away')
    changes: list[tuple[float, LensState]] = []
    seen = threading.Event()
    lens = LensThread(
        source,
        lambda image, stamp: seen.set(),
        lambda lens: changes.append((time.monotonic(), lens.state)),
        delays=(0.05, 0.2),
    )
    lens.start()
    time.sleep(0.8)
    assert not seen.is_set()
    assert {state for _, state in changes} == {LensState.FAILED}
    waits = np.diff([moment for moment, _ in changes])
    assert 0.05 <= waits[0] < 0.1 <= waits[1] < waits[-1]
    assert waits[-1] >= 0.2
    assert 'is no folder' in lens.error
    (tmp_path / 'away').rename(folder)
    assert seen.wait(2)
    assert lens.state is LensState.RUNNING
    lens.stop()
    assert lens.join(2)


class LooseContact(LensSource):
    """Shows one image each time it is opened."""

    def open(self) -> None:
        self._left = 1

    def _read(self) -> tuple[np.ndarray, int]:
        if not self._left:
            raise LensError('gone')
        self._left -= 1
        return GREY, 5

    def close(self) -> None:
        pass


def test_after_an_image_a_lens_is_opened_again_soon() -> None:
    """However often it has failed; the last wait would be 40 s."""
    seen = threading.Semaphore(0)
    source = LooseContact('ir_left', 'loose')
    lens = LensThread(source, lambda *_: seen.release(), delays=(0.01, 60.0))
    lens.start()
    assert all(seen.acquire(timeout=5) for _ in range(13))
    lens.stop()
    assert lens.join(2)


def test_stopping_does_not_wait_for_the_next_image(folder: Path) -> None:
    """Also at one image in a hundred seconds."""
    lens = LensThread(open_lens('vis_left', str(folder), rate=0.01), lambda image, stamp: None)
    lens.start()
    time.sleep(0.1)
    started = time.monotonic()
    lens.stop()
    assert lens.join(2)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize('handler', ['on_image', 'on_change'])
@pytest.mark.parametrize('told', [True, False], ids=['told', 'logged'])
def test_a_lens_is_not_blamed_for_who_uses_it(
    folder: Path, caplog: pytest.LogCaptureFixture, handler: str, told: bool
) -> None:
    """It goes on, and the error is passed on as it is, or logged with its trace."""
    problem = RuntimeError('no room left')

    def fail(*_: object) -> None:
        raise problem

    errors: list[Exception] = []
    handlers = {'on_image': lambda *_: None, handler: fail}
    if told:
        handlers['on_error'] = errors.append
    source = open_lens('vis_left', str(folder), rate=100.0)
    lens = LensThread(source, **handlers)
    lens.start()
    for _ in range(100):
        if lens.images > 3:
            break
        time.sleep(0.02)
    lens.stop()
    assert lens.join(2)
    assert lens.images > 3
    assert (lens.state, lens.failures, lens.error) == (LensState.RUNNING, 0, '')
    if told:
        assert set(errors) == {problem}
    else:
        assert 'vis_left goes on' in caplog.text
        assert 'RuntimeError: no room left' in caplog.text
        assert 'in fail' in caplog.text


class Camera:
    """In place of `cv2.VideoCapture`: more than this takes another format."""

    RAW = cv2.VideoWriter_fourcc(*'YUYV')
    age = 0.0

    def __init__(self) -> None:
        self.values = {
            cv2.CAP_PROP_FRAME_WIDTH: 640,
            cv2.CAP_PROP_FRAME_HEIGHT: 480,
            cv2.CAP_PROP_FPS: 15.0,
            cv2.CAP_PROP_FOURCC: self.RAW,
        }

    def isOpened(self) -> bool:
        return True

    def set(self, key: int, value: float) -> None:
        raw = self.values[cv2.CAP_PROP_FOURCC] == self.RAW
        if not raw or key == cv2.CAP_PROP_FOURCC or value < self.values[key]:
            # As drivers tell it.
            self.values[key] = 29.97 if value == 30.0 else value

    def grab(self) -> bool:
        self.values[cv2.CAP_PROP_POS_MSEC] = (time.monotonic() - self.age) * 1e3
        return True

    def get(self, key: int) -> float:
        return self.values[key]

    def retrieve(self) -> tuple[bool, np.ndarray]:
        keys = cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH
        return True, np.zeros((*map(self.values.get, keys), 3), np.uint8)


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    """Return the camera that every device stands for."""
    camera = Camera()
    monkeypatch.setattr(cv2, 'VideoCapture', lambda *_: camera)
    monkeypatch.setattr('os.path.exists', lambda _: True)
    monkeypatch.setattr('os.access', lambda *_: True)
    return camera


@pytest.mark.parametrize(('age', 'counted'), [(0.2, 0.2), (3600.0, 0.0), (-5.0, 0.0)])
def test_a_device_gives_what_was_asked_for_under_the_stamp_of_its_driver(
    camera: Camera, age: float, counted: float
) -> None:
    """A driver whose stamps are of another clock is not believed."""
    camera.age = age
    source = open_lens('ir_left', '/dev/video7', rate=15.0, width=320, height=200)
    source.open()
    image, stamp_ns = source.read()
    assert (time.time_ns() - stamp_ns) / 1e9 == pytest.approx(counted, abs=0.1)
    assert image.shape == (200, 320)
    assert camera.get(cv2.CAP_PROP_FPS) == 15.0


def test_a_device_that_does_not_give_what_was_asked_for_is_told_of(
    camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    """The format is asked for first, as the sizes and rates depend on it."""
    wishes = {'rate': 30.0, 'width': 1280, 'height': 720}
    open_lens('vis_left', '/dev/video7', **wishes).open()
    (warning,) = caplog.messages
    assert warning.startswith(
        '/dev/video7 gives width 640, height 480, frame_rate 15, '
        'but width 1280, height 720, frame_rate 30 was asked for'
    )
    caplog.clear()
    source = open_lens('vis_left', '/dev/video7', **wishes, pixel_format='MJPG')
    source.open()
    assert source.read()[0].shape == (720, 1280, 3)
    assert not caplog.messages
    camera.set = lambda *_: None
    open_lens('vis_left', '/dev/video7', pixel_format='GREY').open()
    (warning,) = caplog.messages
    assert 'gives pixel_format MJPG, but pixel_format GREY was asked for' in warning


@pytest.mark.parametrize('name', ['MJPEG', 'Y16', 'YUY\u0056\u0308'])
def test_a_pixel_format_has_four_characters(name: str) -> None:
    with pytest.raises(LensError, match=r'pixel_format is .*; give four characters'):
        open_lens('vis_left', '/dev/video7', pixel_format=name)


def test_a_video_whose_name_crashes_opencv_is_refused(video: Path) -> None:
    odd = video.with_name(os.fsdecode(b'\xfc.avi'))
    video.rename(odd)
    with pytest.raises(LensError, match='not UTF-8; rename it'):
        open_lens('vis_left', str(odd)).open()


@pytest.mark.skipif(
    cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER), reason='this OpenCV has GStreamer'
)
def test_an_opencv_without_gstreamer_is_told_of() -> None:
    """The pipeline itself may be right."""
    with pytest.raises(LensError, match='built without GStreamer; install'):
        open_lens('vis_left', 'gst: videotestsrc').open()
