"""The pipeline over recordings of the simulated rig."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_fusion_ros.commands.main import main
from fer_fusion_ros.lenses.names import LENSES, is_infrared, optical_frame
from fer_fusion_ros.lenses.rig import SimulatedRig

RATE = 10.0
COUNT = 12


@pytest.fixture(scope='module')
def rig() -> SimulatedRig:
    pytest.importorskip('skimage', reason='the rig needs scikit-image for its default face')
    return SimulatedRig(seed=3)


@pytest.fixture(scope='module')
def frames(rig: SimulatedRig) -> dict[str, list[np.ndarray]]:
    return {lens: [rig.render(lens, n / RATE) for n in range(COUNT)] for lens in LENSES}


@pytest.fixture(scope='module')
def calibration(rig: SimulatedRig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('calibration')
    for lens in LENSES:
        rig.camera_model(lens).to_yaml(folder / f'{lens}.yaml')
    return folder


@pytest.fixture(scope='module')
def images(frames: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('images')
    for lens, pictures in frames.items():
        (folder / lens).mkdir()
        for number, picture in enumerate(pictures):
            cv2.imwrite(str(folder / lens / f'{number:03}.png'), picture)
    return folder


@pytest.fixture(scope='module')
def bag(rig: SimulatedRig, frames: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rosbag2 = pytest.importorskip('rosbags.rosbag2', reason='bags need rosbags')
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types
    path = tmp_path_factory.mktemp('bags') / 'rig'
    with rosbag2.Writer(path, version=8, storage_plugin=rosbag2.StoragePlugin.MCAP) as writer:
        connections = {
            (lens, kind): writer.add_connection(
                f'/fer/{lens}/{topic}', f'sensor_msgs/msg/{kind}', typestore=store
            )
            for lens in LENSES
            for kind, topic in (('Image', 'image_raw'), ('CameraInfo', 'camera_info'))
        }
        for number in range(COUNT):
            for order, lens in enumerate(LENSES):
                # The lenses of a moment differ by a millisecond.
                stamp = 1_700_000_000_000_000_000 + round(number * 1e9 / RATE) + order * 1_000_000
                time = types['builtin_interfaces/msg/Time'](*divmod(stamp, 10**9))
                header = types['std_msgs/msg/Header'](time, optical_frame(lens))
                picture, model = frames[lens][number], rig.camera_model(lens)
                height, width = picture.shape[:2]
                image = types['sensor_msgs/msg/Image'](
                    header,
                    height,
                    width,
                    'mono8' if is_infrared(lens) else 'bgr8',
                    0,
                    picture.strides[0],
                    picture.reshape(-1),
                )
                roi = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
                info = types['sensor_msgs/msg/CameraInfo'](
                    header,
                    height,
                    width,
                    model.distortion_model,
                    model.D,
                    model.K.ravel(),
                    model.R.ravel(),
                    model.P.ravel(),
                    0,
                    0,
                    roi,
                )
                for kind, message in (('CameraInfo', info), ('Image', image)):
                    data = store.serialize_cdr(message, f'sensor_msgs/msg/{kind}')
                    writer.write(connections[lens, kind], stamp, data)
    return path


def analyze(out: Path, *words: object) -> list[dict[str, str]]:
    assert main(['analyze', *map(str, words), '--output', str(out), '--threads', '1']) == 0
    picture = cv2.imread(str(out / 'expressions.png'))
    assert picture is not None
    assert picture.std() > 5
    with (out / 'expressions.csv').open() as file:
        return list(csv.DictReader(file))


def check_face(rows: list[dict[str, str]], lenses: str) -> None:
    """Check a recording of the portrait: one face, tracked, smiling, at its distance."""
    found = [row for row in rows if row['face_id']]
    assert len(found) >= COUNT - 2
    assert {row['face_id'] for row in found} == {'face-1'}
    assert {row['lenses'] for row in found[-3:]} == {lenses}
    for row in found:
        total = sum(float(row[name]) for name in row if name.startswith('p_'))
        assert total == pytest.approx(1.0, abs=1e-3)


def test_bag_and_folders_of_the_same_frames_give_the_same(
    bag: Path, images: Path, calibration: Path, tmp_path: Path
) -> None:
    from_bag = analyze(tmp_path / 'bag', bag)
    check_face(from_bag, 'ir_left+ir_right+vis_left+vis_right')
    assert float(from_bag[-1]['distance']) == pytest.approx(3.0, rel=0.25)
    # The stamp is the left visible lens's.
    assert from_bag[0]['stamp'] == '1700000000.002000000'
    folders = analyze(tmp_path / 'images', images, '--calibration', calibration, '--rate', RATE)
    for ours, theirs in zip(folders, from_bag, strict=True):
        assert ours['x'] == theirs['x']
        assert float(ours['p_happy']) == pytest.approx(float(theirs['p_happy']), abs=2e-3)


def test_stills_are_unrelated(images: Path, tmp_path: Path) -> None:
    rows = analyze(tmp_path, '--vis-left', images / 'vis_left', '--ir-left', images / 'ir_left')
    check_face(rows, 'ir_left+vis_left')
    assert [row['moment'] for row in rows] == [f'{n:03}.png' for n in range(COUNT)]
    assert all(row['p_happy'] == row['raw_p_happy'] for row in rows)


def test_one_pair(images: Path, tmp_path: Path) -> None:
    rows = analyze(
        tmp_path,
        *('--vis-left', images / 'vis_left' / '000.png'),
        *('--ir-left', images / 'ir_left' / '000.png'),
    )
    assert len(rows) == 1
    assert rows[0]['modality'] == 'fused'


def test_videos_play_in_step(frames: dict, tmp_path: Path) -> None:
    folder = tmp_path / 'videos'
    folder.mkdir()
    for lens, pictures in frames.items():
        path, code = str(folder / f'{lens}.avi'), cv2.VideoWriter_fourcc(*'MJPG')
        writer = cv2.VideoWriter(path, code, RATE, (640, 480), not is_infrared(lens))
        for picture in pictures:
            writer.write(picture)
        writer.release()
    rows = analyze(tmp_path / 'out', folder)
    check_face(rows, 'ir_left+ir_right+vis_left+vis_right')
    assert rows[-1]['time'] == f'{(COUNT - 1) / RATE:.3f}'


def test_nobody_there_is_a_line_without_a_face(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'vis.png'), np.full((480, 640, 3), 90, np.uint8))
    rows = analyze(tmp_path / 'out', tmp_path)
    assert [row['face_id'] for row in rows] == ['']


def test_mistakes_are_named(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    def complaint(*words: object) -> str:
        assert main(['analyze', *map(str, words)]) == 1
        return capsys.readouterr().err

    assert 'vis_left' in complaint(tmp_path)
    assert str(tmp_path / 'no') in complaint('--vis-left', tmp_path / 'no')
    assert 'either' in complaint()
    (tmp_path / 'vis').mkdir()
    cv2.imwrite(str(tmp_path / 'vis' / 'a.png'), np.zeros((48, 64), np.uint8))
    error = complaint('--vis-left', tmp_path / 'vis', '--ir-left', images / 'ir_left')
    assert 'same name' in error
    (tmp_path / 'bag.mcap').write_bytes(b'')
    assert 'LENS=TOPIC' in complaint(tmp_path / 'bag.mcap', '--topic', 'left')
    assert 'bag.mcap' in complaint(tmp_path / 'bag.mcap')
