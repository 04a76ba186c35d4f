"""The camera array as other processes meet it."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_fusion_ros.lenses.names import LENSES, is_infrared, optical_frame
from fer_fusion_ros.lenses.rig import SimulatedRig

pytest.importorskip('rclpy', reason='there is no ROS here')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from fer_fusion_ros.messages.camera_info import camera_info_to_model
from fer_fusion_ros.messages.image import image_to_array
from fer_fusion_ros.messages.stamps import stamp_to_ns


def stamps(messages: list) -> np.ndarray:
    """Return the stamps of messages in seconds."""
    return np.array([stamp_to_ns(message.header.stamp) for message in messages]) / 1e9


def test_four_lenses_reach_another_process(start_node, record, spin_until) -> None:
    """Images and calibrations arrive at the rate, with stamps, frames and content of the rig."""
    images = {lens: record(Image, f'/fer/{lens}/image_raw') for lens in LENSES}
    infos = {lens: record(CameraInfo, f'/fer/{lens}/camera_info') for lens in LENSES}
    node = start_node('camera_array', '-p', 'rig.sway:=0.0')
    assert spin_until(lambda: all(len(images[lens]) > 60 for lens in LENSES), 30), node.output
    now = time.time()

    rig = SimulatedRig(sway=0.0)
    for lens in LENSES:
        times = stamps(images[lens])
        assert (np.diff(times) > 0).all()
        # A loaded machine may leave frames out, but never shifts the beat.
        beats = np.diff(times) * 30
        assert np.abs(beats - beats.round()).max() < 0.01
        assert beats.mean() < 2
        assert 0 <= now - times[-1] < 2
        assert np.isin(times, stamps(infos[lens])).mean() > 0.9

        message, info = images[lens][-1], infos[lens][-1]
        assert message.encoding == ('mono8' if is_infrared(lens) else 'bgr8')
        assert message.header.frame_id == info.header.frame_id == optical_frame(lens)
        model = camera_info_to_model(info, lens)
        assert np.allclose(model.P, rig.camera_model(lens).P)
        assert np.allclose(model.D, rig.camera_model(lens).D)

        seen = image_to_array(message, 'mono8' if is_infrared(lens) else 'bgr8').astype(float)
        errors = {
            other: np.abs(seen - rig.render(other, 0.0)).mean()
            for other in LENSES
            if is_infrared(other) == is_infrared(lens)
        }
        # The noise differs from frame to frame, and so do the lenses.
        assert errors[lens] < 4
        assert min(errors, key=errors.get) == lens


def test_nothing_is_lost_on_the_way(start_node, record, spin_until) -> None:
    """As many images arrive as the node says it published."""
    images = {lens: record(Image, f'/fer/{lens}/image_raw') for lens in LENSES}
    diagnostics = record(DiagnosticArray, '/diagnostics')
    start_node('camera_array')
    assert spin_until(lambda: all(images.values()), 30)
    assert spin_until(lambda: len(diagnostics) >= 6, 20)
    first, last = diagnostics[1], diagnostics[5]
    begin, end = stamps([first, last])
    # On a busy machine images arrive long after they were published.
    assert spin_until(lambda: all(stamps(images[lens][-1:]) > end for lens in LENSES), 20)
    for lens in LENSES:
        before, after = (
            next(int(v.value) for v in each.status[0].values if v.key == f'{lens} images')
            for each in (first, last)
        )
        arrived = stamps(images[lens])
        assert after - before > 40
        # A few were taken before the diagnostics were made, and published after them.
        assert abs(after - before - ((arrived > begin) & (arrived <= end)).sum()) <= 5


def test_a_failed_lens_comes_back_and_the_others_go_on(
    start_node, record, spin_until, tmp_path: Path
) -> None:
    """A source that vanishes is reported, and opened again when it is there again."""
    folder, away = tmp_path / 'images', tmp_path / 'away'
    folder.mkdir()
    for index in range(4):
        cv2.imwrite(str(folder / f'{index}.png'), np.full((48, 64, 3), 60 * index, np.uint8))
    failing = record(Image, '/fer/vis_left/image_raw')
    going = record(Image, '/fer/ir_left/image_raw')
    diagnostics = record(DiagnosticArray, '/diagnostics')
    node = start_node(
        'camera_array',
        *('-p', 'lenses:=[ir_left, vis_left]'),
        *('-p', f'vis_left.source:={folder}'),
        *('-p', 'reopen_after:=0.1', '-p', 'reopen_at_most:=0.2'),
    )
    assert spin_until(lambda: len(failing) > 5 and len(going) > 5, 30), node.output
    levels = {int(image_to_array(message, 'bgr8').mean()) for message in failing}
    assert levels <= {0, 60, 120, 180}
    assert failing[0].width == 64

    shutil.move(folder, away)
    node.wait_for('vis_left failed, will be opened again')
    diagnostics.clear()
    before, others = len(failing), len(going)
    assert spin_until(lambda: len(going) > others + 20)
    assert len(failing) <= before + 5
    assert spin_until(lambda: diagnostics)
    assert diagnostics[-1].status[0].level > b'\x00'
    assert 'vis_left' in diagnostics[-1].status[0].message
    assert str(folder) in diagnostics[-1].status[0].message

    shutil.move(away, folder)
    before = len(failing)
    assert spin_until(lambda: len(failing) > before + 10)
    assert 'vis_left is back' in node.output
    diagnostics.clear()
    assert spin_until(lambda: diagnostics)
    (status,) = diagnostics[-1].status
    assert (status.level, status.message) == (DiagnosticStatus.OK, 'ok')


class StuckCamera(BaseHTTPRequestHandler):
    """Sends a few images to each who connects, and then no more."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
        self.end_headers()
        jpeg = cv2.imencode('.jpg', np.full((48, 64, 3), 120, np.uint8))[1].tobytes()
        head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n'
        for _ in range(20):
            self.wfile.write(head.encode() + jpeg + b'\r\n')
            time.sleep(0.02)
        self.rfile.read(1)  # until the other side hangs up


def test_a_lens_that_falls_silent_is_told_of(start_node, record, spin_until) -> None:
    """While it is still believed to run."""
    diagnostics = record(DiagnosticArray, '/diagnostics')
    with ThreadingHTTPServer(('127.0.0.1', 0), StuckCamera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        node = start_node(
            'camera_array',
            *('-p', 'lenses:=[ir_left]'),
            *('-p', f'source:=http://127.0.0.1:{server.server_port}/stream'),
        )

        def told() -> bool:
            said = (each.status[0].message for each in diagnostics)
            return any(re.fullmatch(r'ir_left is silent for [1-9]\.\d s', each) for each in said)

        # It is given up after two seconds, and connected to again.
        assert spin_until(told, 40), node.output
        server.shutdown()


@pytest.mark.parametrize(('quality', 'least', 'most'), [(90, 0, 3), (1, 5, 50)])
def test_compressed_images_are_those_of_the_lens(
    start_node, record, spin_until, quality, least, most
) -> None:
    """The sibling topic carries the same picture as JPEG."""
    images = record(CompressedImage, '/fer/vis_left/image_raw/compressed')
    start_node(
        'camera_array',
        *('-p', 'compressed:=true', '-p', 'rig.sway:=0.0', '-p', 'lenses:=[vis_left]'),
        *('-p', f'jpeg_quality:={quality}'),
    )
    assert spin_until(lambda: images, 30)
    assert 'jpeg' in images[0].format
    seen = image_to_array(images[0], 'bgr8')
    rig = SimulatedRig(sway=0.0)
    assert least < np.abs(seen.astype(float) - rig.render('vis_left', 0.0)).mean() < most


def test_a_calibration_of_another_size_is_scaled(
    start_node, record, spin_until, tmp_path: Path
) -> None:
    """The same lens at half the resolution has half the focal length."""
    model = SimulatedRig().camera_model('ir_left')
    folder = tmp_path / 'images'
    folder.mkdir()
    height, width = model.height // 2, model.width // 2
    cv2.imwrite(str(folder / '0.png'), np.zeros((height, width), np.uint8))
    model.to_yaml(tmp_path / 'ir_left.yaml')
    infos = record(CameraInfo, '/fer/ir_left/camera_info')
    node = start_node(
        'camera_array',
        *('-p', 'lenses:=[ir_left]', '-p', f'source:={folder}'),
        *('-p', f'camera_info_url:=file://{tmp_path}/{{lens}}.yaml'),
    )
    assert spin_until(lambda: infos, 30)
    seen = camera_info_to_model(infos[0], 'ir_left')
    assert (seen.width, seen.height) == (width, height)
    assert np.allclose(seen.P[[0, 1], [0, 1]] * 2, model.P[[0, 1], [0, 1]])
    # From the outer edge of the corner pixel.
    assert np.allclose((seen.K[:2, 2] + 0.5) * 2, model.K[:2, 2] + 0.5)
    assert np.allclose(seen.D, model.D)
    node.wait_for('scaling it')


def test_a_calibration_of_another_shape_is_refused(
    start_node, record, spin_until, tmp_path: Path
) -> None:
    """It is named, and the images are published as uncalibrated."""
    folder = tmp_path / 'images'
    folder.mkdir()
    cv2.imwrite(str(folder / '0.png'), np.zeros((36, 64), np.uint8))
    calibration = tmp_path / 'ir_left.yaml'
    SimulatedRig().camera_model('ir_left').to_yaml(calibration)
    infos = record(CameraInfo, '/fer/ir_left/camera_info')
    diagnostics = record(DiagnosticArray, '/diagnostics')
    node = start_node(
        'camera_array',
        *('-p', 'lenses:=[ir_left]', '-p', f'source:={folder}'),
        *('-p', f'camera_info_url:=file://{tmp_path}/{{lens}}.yaml'),
    )
    assert spin_until(lambda: infos, 30)
    assert (infos[0].width, infos[0].height) == (64, 36)
    assert not any(infos[0].k)
    node.wait_for('its calibration is of 640x480 images')
    assert spin_until(
        lambda: any('of another shape' in d.status[0].message for d in diagnostics), 20
    )


@pytest.mark.parametrize(
    ('argument', 'complaint'),
    [
        ('source:=/no/such/video.mp4', 'no existing video or folder'),
        (
            'rig.light:=dusk',
            "rig.* of node 'camera_array': 'dusk' is no light programme",
        ),
        ('rig.distance:=99.0', "parameter 'rig.distance'"),
        ('lenses:=[vis_lefd]', "did you mean 'vis_left'"),
        ('lenses:=[]', "'lenses' of node 'camera_array' is empty; give at least one of ir_left"),
        ('camera_info_url:=package://no_such_package/a.yaml', "'no_such_package' is not found"),
    ],
)
def test_a_wrong_setting_ends_it_with_a_reason(start_node, argument: str, complaint: str) -> None:
    """The message names what is wrong; nothing runs on with a setting that was not meant."""
    node = start_node('camera_array', '-p', argument)
    assert node.wait(20) == 1
    assert complaint in node.output
    assert 'Traceback' not in node.output


def test_a_pixel_format_is_that_of_the_devices(start_node) -> None:
    """One that cannot be is refused before a device is opened."""
    node = start_node('camera_array', '-p', 'source:=/dev/video7', '-p', 'pixel_format:=MJPEG')
    assert node.wait(20) == 1
    assert "pixel_format is 'MJPEG'; give four characters" in node.output


def test_a_parameter_file_may_know_more_lenses_than_are_used(start_node, tmp_path: Path) -> None:
    """As the shipped one does, once a lens is taken out of ``lenses``."""
    config = Path(__file__).resolve().parent.parent.parent / 'config' / 'fer_fusion.yaml'
    text = config.read_text().replace('ir_right, vis_left, vis_right]', 'ir_right, vis_left]')
    (tmp_path / 'three.yaml').write_text(text)
    node = start_node('camera_array', '--params-file', str(tmp_path / 'three.yaml'))
    node.wait_for('simulated rig', 20)
    assert 'ignored' not in node.output


def test_a_calibration_of_another_lens_and_simulated_time_are_warned_of(
    start_node, tmp_path: Path
) -> None:
    """Both are likely mistakes, but may be meant."""
    SimulatedRig().camera_model('ir_left').to_yaml(tmp_path / 'one.yaml')
    node = start_node(
        'camera_array',
        *('-p', f'camera_info_url:=file://{tmp_path}/one.yaml', '-p', 'use_sim_time:=true'),
    )
    node.wait_for('stamped by the clock of this computer', 20)
    for lens in LENSES[1:]:
        assert f'camera_info_url of {lens}: camera_name in ' in node.output
    assert 'camera_info_url of ir_left: camera_name' not in node.output


def test_a_misspelt_parameter_is_named(start_node) -> None:
    """The nearest parameter is offered."""
    node = start_node('camera_array', '-p', 'frame_rat:=10.0')
    node.wait_for("did you mean 'frame_rate'?", 20)


@pytest.mark.parametrize('sign', [signal.SIGINT, signal.SIGTERM])
def test_two_signals_end_it_cleanly(start_node, sign: int) -> None:
    """As when Ctrl-C reaches it from the terminal and from the launch."""
    node = start_node('camera_array')
    node.wait_for('simulated rig', 20)
    node.popen.send_signal(sign)
    node.popen.send_signal(sign)
    assert node.wait(10) == 0
    assert 'Traceback' not in node.output


def test_lenses_that_do_not_let_go_are_waited_for_together(start_node) -> None:
    """Whoever stops the node kills it soon."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(20)
        address = f'http://127.0.0.1:{server.getsockname()[1]}/{{lens}}'
        node = start_node('camera_array', '-p', f'source:={address}')
        # It waits for an answer, and the others for it; one after the other they would take 12 s.
        connection, _ = server.accept()
        assert node.stop(timeout=8.0) == 0
        connection.close()
    assert node.output.count('does not let go') == len(LENSES)


def test_what_the_core_warns_of_is_said_by_the_node(start_node, tmp_path: Path) -> None:
    """As on a robot, where the terminal is not looked at but /rosout is."""
    for lens, count in (('ir_left', 4), ('vis_left', 16)):
        (tmp_path / lens).mkdir()
        for index in range(count):
            cv2.imwrite(str(tmp_path / lens / f'{index}.png'), np.zeros((48, 64, 3), np.uint8))
    node = start_node(
        'camera_array',
        *('-p', 'lenses:=[ir_left, vis_left]', '-p', f'source:={tmp_path}/{{lens}}'),
    )
    node.wait_for('[fer.camera_array]: the recordings are between', 20)
