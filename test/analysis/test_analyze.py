"""The pipeline over recordings of the simulated rig."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_fusion_ros.analysis import BagRecording, FileRecording
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


@pytest.fixture
def write_bag(rig: SimulatedRig, frames: dict, tmp_path: Path) -> Callable[..., Path]:
    return lambda **options: make_bag(tmp_path / 'bag', rig, frames, **options)


@pytest.fixture(scope='module')
def bag(rig: SimulatedRig, frames: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bag(tmp_path_factory.mktemp('bags') / 'rig', rig, frames)


def make_bag(
    path: Path,
    rig: SimulatedRig,
    frames: dict,
    *,
    storage: str = 'MCAP',
    late: Mapping[str, float] | None = None,
    change: Callable[[str, int, Any], None] = lambda *_: None,
    change_info: Callable[[str, int, Any], None] = lambda *_: None,
    names: Callable[[str], str] = '/fer/{}'.format,
    silent: Container[str] = (),
) -> Path:
    """
    Write what the rig sees to a bag.

    :param storage: Name of rosbags' plug-in.
    :param late: Seconds by which the stamps of a lens are late.
    :param change: Called with the lens, the moment's number and the image before it is written.
    :param change_info: The same with the calibration.
    :param names: Returns what the names of a lens's topics begin with.
    :param silent: Lenses whose topics hold no message.
    """
    late = late or {}
    rosbag2 = pytest.importorskip('rosbags.rosbag2', reason='bags need rosbags')
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types
    plugin = rosbag2.StoragePlugin[storage]
    with rosbag2.Writer(path, version=8, storage_plugin=plugin) as writer:
        connections = {
            (lens, kind): writer.add_connection(
                f'{names(lens)}/{topic}', f'sensor_msgs/msg/{kind}', typestore=store
            )
            for lens in LENSES
            for kind, topic in (('Image', 'image_raw'), ('CameraInfo', 'camera_info'))
        }
        for number in range(COUNT):
            for order, lens in enumerate(LENSES):
                # The lenses of a moment differ by a millisecond.
                stamp = 1_700_000_000_000_000_000 + round(number * 1e9 / RATE) + order * 1_000_000
                stamp += round(late.get(lens, 0.0) * 1e9)
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
                change(lens, number, image)
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
                change_info(lens, number, info)
                for kind, message in (('CameraInfo', info), ('Image', image)):
                    if lens in silent:
                        continue
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


def test_a_calibration_that_is_given_goes_before_that_of_the_bag(
    write_bag: Callable[..., Path], bag: Path, calibration: Path, tmp_path: Path
) -> None:
    def forget(lens: str, number: int, info: Any) -> None:
        info.k = info.k * 0

    path = write_bag(change_info=forget)
    given = analyze(tmp_path / 'given', path, '--calibration', calibration)
    assert given == analyze(tmp_path / 'bag', bag)


def test_a_file_is_no_folder_of_calibrations(
    images: Path, calibration: Path, capsys: pytest.CaptureFixture
) -> None:
    file = calibration / 'ir_left.yaml'
    assert main(['analyze', str(images), '--calibration', str(file)]) == 1
    assert f'{file} is a file; give its folder as --calibration' in capsys.readouterr().err


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
    named = 'bag.mcap' if importlib.util.find_spec('rosbags') else 'pip install rosbags'
    assert named in complaint(tmp_path / 'bag.mcap')


def test_an_unreadable_image_costs_its_lens_alone(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def truncate(lens: str, number: int, image: Any) -> None:
        if (lens, number) == ('vis_right', 5):
            image.data = image.data[:100]

    rows = analyze(tmp_path / 'out', write_bag(change=truncate))
    assert len(rows) == COUNT
    assert [row['lenses'] for row in rows[4:7]] == [
        'ir_left+ir_right+vis_left+vis_right',
        'ir_left+ir_right+vis_left',
        'ir_left+ir_right+vis_left+vis_right',
    ]
    said = capsys.readouterr()
    assert '1 of them without an image of vis_right' in said.out
    assert 'without an image of ir_right' not in said.out
    assert 'images of /fer/vis_right/image_raw refused: 1;' in said.err
    assert 'field data has 100 bytes' in said.err


def test_the_first_calibration_that_can_be_used_is_used(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def spoil(lens: str, number: int, info: Any) -> None:
        if lens == 'vis_left' and number < 3:
            info.k = info.k * -1

    rows = analyze(tmp_path / 'out', write_bag(change_info=spoil))
    assert float(rows[-1]['distance']) == pytest.approx(3.0, abs=0.2)
    assert '/fer/vis_left/camera_info: ' in capsys.readouterr().err


def test_a_bag_of_unreadable_images_says_why(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def garble(lens: str, number: int, image: Any) -> None:
        image.encoding = 'secret'

    path = write_bag(change=garble)
    assert main(['analyze', str(path), '--output', str(tmp_path / 'out')]) == 1
    assert "field encoding is 'secret'" in capsys.readouterr().err


def test_the_lenses_of_two_robots_are_not_mixed(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = write_bag(names=lambda lens: f'/{"b" if lens == "vis_left" else "a"}/fer/{lens}')
    out = tmp_path / 'out'
    assert main(['analyze', str(path), '--output', str(out)]) == 1
    assert 'the lenses of /a/fer and of /b/fer; choose by' in capsys.readouterr().err
    topics = [
        word for lens in LENSES[:2] for word in ('--topic', f'{lens}=/a/fer/{lens}/image_raw')
    ]
    assert (
        main(['analyze', str(path), *topics, '--lenses', *LENSES[:2], '--output', str(out)]) == 0
    )
    words = ['--topic', 'ir_left=/a/fer/ir_left/image_raw', '--lenses', 'vis_left']
    assert main(['analyze', str(path), *words, '--output', str(out)]) == 1
    assert 'ir_left has a topic, but is none of the lenses to use' in capsys.readouterr().err
    assert main(['analyze', str(path), '--topic', 'ir_left=/c', '--output', str(out)]) == 1
    told = capsys.readouterr().err
    assert (
        'has no images on /c (ir_left), but on /a/fer/ir_left/image_raw, /a/fer/ir_right' in told
    )


def test_topics_without_images_are_no_lenses(
    write_bag: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_bag(silent=['ir_right'])
    rows = analyze(tmp_path / 'out', path)
    assert len(rows) == COUNT
    assert {row['lenses'] for row in rows} == {'ir_left+vis_left+vis_right'}


def test_a_bag_without_metadata_is_told_from_a_folder(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = write_bag()
    (path / 'metadata.yaml').unlink()
    assert main(['analyze', str(path), '--output', str(tmp_path / 'out')]) == 1
    assert (
        f'no metadata.yaml, as when recording was broken off: run `ros2 bag reindex {path}`'
        in (capsys.readouterr().err)
    )


def test_a_bag_damaged_in_the_middle_is_read_until_there(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = write_bag()
    (file,) = path.glob('*.mcap')
    content = bytearray(file.read_bytes())
    at = -1
    for _ in range(2 * 8 + 2):  # in the calibration and the image of each moment, to the ninth
        at = content.index(optical_frame('vis_left').encode(), at + 1)
    content[at - 46 : at - 38] = b'\xff' * 8  # the length of the image's record
    file.write_bytes(content)
    out = tmp_path / 'out'
    assert main(['analyze', str(path), '--output', str(out)]) == 1
    said = capsys.readouterr()
    assert 'Ended early: ' in said.out
    (line,) = said.err.splitlines()
    assert f'{path} is damaged' in line
    assert f'; `mcap recover {file} -o recovered.mcap` may save what is whole in it' in line
    with (out / 'expressions.csv').open() as table:
        assert 4 < len([row for row in csv.DictReader(table) if row['face_id']]) < 9


@pytest.mark.parametrize(
    ('storage', 'cure'),
    [('MCAP', 'mcap recover {} -o recovered.mcap'), ('SQLITE3', 'sqlite3 {} .dump | ')],
)
def test_a_bag_that_was_cut_off_says_what_may_save_it(
    write_bag: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    storage: str,
    cure: str,
) -> None:
    path = write_bag(storage=storage)
    (file,) = [file for file in path.iterdir() if file.suffix in ('.mcap', '.db3')]
    metadata = (path / 'metadata.yaml').read_text()
    (path / 'metadata.yaml').write_text('{')  # reindexing is for this alone
    assert main(['analyze', str(path), '--output', str(tmp_path / 'out')]) == 1
    assert f'; `ros2 bag reindex {path}` may repair it' in capsys.readouterr().err
    (path / 'metadata.yaml').write_text(metadata)
    os.truncate(file, file.stat().st_size // 2)
    for source in (path, file):
        assert main(['analyze', str(source), '--output', str(tmp_path / 'out')]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert f'{source} cannot be read as a bag' in line
        assert cure.format(file) in line and 'reindex' not in line
    _, command, _ = line.rsplit('`', 2)
    if shutil.which(command.split()[0]):
        subprocess.run(command, shell=True, cwd=tmp_path, stderr=subprocess.DEVNULL, check=True)
        assert 2 < len(list(BagRecording(tmp_path / f'recovered{file.suffix}'))) < COUNT
    file.unlink()
    assert main(['analyze', str(file), '--output', str(tmp_path / 'out')]) == 1
    assert f'{file} does not exist' in capsys.readouterr().err


def test_a_bag_damaged_in_its_calibration_is_named(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = write_bag()
    (file,) = path.glob('*.mcap')
    content = bytearray(file.read_bytes())
    at = content.index(optical_frame('vis_left').encode())
    content[at - 46 : at - 38] = b'\xff' * 8  # the length of its record
    file.write_bytes(content)
    assert main(['analyze', str(path), '--output', str(tmp_path / 'out')]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f'{path} is damaged' in line


def test_an_unreadable_file_costs_its_moment_alone(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / 'vis_left'
    folder.mkdir()
    for number in range(COUNT):
        (folder / f'{number:03}.png').symlink_to(images / 'vis_left' / f'{number:03}.png')
    (folder / '010.png').unlink()
    (folder / '010.png').write_bytes(b'no image')
    out = tmp_path / 'out'
    assert main(['analyze', '--vis-left', str(folder), '--output', str(out)]) == 0
    assert '010.png: not a readable image' in capsys.readouterr().err
    assert len((out / 'expressions.csv').read_text().splitlines()) == COUNT
    assert cv2.imread(str(out / 'expressions.png')) is not None
    for file in folder.iterdir():
        file.unlink()
    (folder / '0.png').write_bytes(b'no image')
    assert main(['analyze', '--vis-left', str(folder), '--output', str(out)]) == 1
    assert 'no image can be used' in capsys.readouterr().err


def test_it_runs_where_there_is_no_sighup(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delattr(signal, 'SIGHUP')
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((96, 128, 3), 90, np.uint8))
    assert len(analyze(tmp_path / 'out', '--vis-left', tmp_path / 'grey.png')) == 1


@pytest.mark.parametrize(
    ('sign', 'status'),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda value: getattr(value, 'name', None),
)
def test_what_was_read_before_a_signal_is_kept(
    start_process: Callable[..., Any], tmp_path: Path, sign: signal.Signals, status: int
) -> None:
    folder, out = tmp_path / 'vis_left', tmp_path / 'out'
    folder.mkdir()
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((96, 128, 3), 90, np.uint8))
    for number in range(5000):
        (folder / f'{number:04}.png').symlink_to(tmp_path / 'grey.png')
    process = start_process(
        *(sys.executable, '-m', 'fer_fusion_ros.commands.main', 'analyze'),
        *('--vis-left', folder, '--output', out, '--threads', '1'),
    )
    process.wait_for('100 moments', 60)
    assert process.stop(sign, timeout=30) == status, process.output
    assert 'Ended early' in process.output
    assert 'Traceback' not in process.output
    assert 100 <= len((out / 'expressions.csv').read_text().splitlines()) < 5000
    assert (out / 'expressions.png').is_file()


def test_the_tolerance_and_the_lenses_help_with_badly_timed_recordings(
    write_bag: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = write_bag(late={'vis_left': 0.033, 'vis_right': 0.033})
    assert main(['analyze', str(path), '--output', str(tmp_path / 'out')]) == 1
    error = capsys.readouterr().err
    # To the first lens, ir_left, vis_right differs most: three of the lenses' milliseconds more.
    assert 'at least 36.0 ms apart, and the tolerance is 20 ms' in error
    assert '--tolerance' in error and '--lenses' in error
    rows = analyze(tmp_path / 'out', path, '--tolerance', 0.04)
    check_face(rows, 'ir_left+ir_right+vis_left+vis_right')
    rows = analyze(tmp_path / 'out', path, '--lenses', 'vis_right', 'vis_left')
    check_face(rows, 'vis_left+vis_right')
    assert len(rows) == COUNT


@pytest.mark.parametrize('name', ['file', 'file/folder', '/proc/results'])
def test_a_bad_results_folder_is_told_before_the_work(
    images: Path,
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'file').touch()
    monkeypatch.setattr(FileRecording, '__iter__', lambda _: pytest.fail('began to read'))
    assert main(['analyze', str(images), '--output', str(tmp_path / name)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f'{tmp_path / name} cannot be used as a folder for results' in line


def test_a_table_that_cannot_be_written_is_one_line(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / 'expressions.csv').mkdir()
    words = ['--vis-left', str(images / 'vis_left' / '000.png'), '--output', str(tmp_path)]
    assert main(['analyze', *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f'fer_fusion analyze: {tmp_path / "expressions.csv"}: Is a directory'
    (tmp_path / 'expressions.csv').rmdir()
    (tmp_path / 'expressions.csv').symlink_to('/dev/full')
    assert main(['analyze', *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f'fer_fusion analyze: {tmp_path}: No space left on device'


@pytest.mark.parametrize('option', ['--rate', '--tolerance'])
@pytest.mark.parametrize('value', ['nan', '-5', '0', 'inf', 'fast'])
def test_rates_and_tolerances_are_positive_numbers(
    images: Path, option: str, value: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as end:
        main(['analyze', str(images), option, value])
    assert end.value.code == 2
    assert f'{value} is given; it must be a finite number above 0' in capsys.readouterr().err


def test_names_in_latin_1_are_read_and_written(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b'/stra\xdfe'))
    (folder / 'vis').mkdir(parents=True)
    picture = images / 'vis_left' / '000.png'
    shutil.copy(picture, folder / 'vis' / os.fsdecode(b'b\xfc.png'))
    rows = analyze(tmp_path / 'out', folder)
    assert [row['moment'] for row in rows] == ['b\\udcfc.png']
    assert rows[0]['face_id']
    video = tmp_path / os.fsdecode(b'\xfc.avi')
    video.touch()
    assert main(['analyze', '--vis-left', str(video)]) == 1
    assert 'the name is not UTF-8; rename it' in capsys.readouterr().err


def test_options_that_would_do_nothing_are_refused(
    images: Path, bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / 'vis_left.avi').touch()
    for source, option, value in (
        (images, '--topic', 'ir_left=/a'),
        (bag, '--rate', '5'),
        (tmp_path, '--rate', '5'),
    ):
        assert main(['analyze', str(source), option, value]) == 1
        assert f'leave {"it out" if option == "--topic" else "out --rate"}' in (
            capsys.readouterr().err
        )


def test_a_missing_matplotlib_is_told_before_the_work(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        sys.modules, 'matplotlib.figure', None
    )  # as Python marks what is not there
    monkeypatch.setattr(FileRecording, '__iter__', lambda _: pytest.fail('began to read'))
    assert main(['analyze', str(images), '--output', str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith('pip install matplotlib')
