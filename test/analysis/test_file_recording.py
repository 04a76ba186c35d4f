"""Which images belong together, and when they were taken."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_fusion_ros.analysis import FileRecording, analyze
from fer_fusion_ros.commands.main import main
from fer_fusion_ros.exceptions import RecordingError


def write(folder: Path, **names: list[str]) -> Path:
    """Write small black images with these names for each lens."""
    for lens, own in names.items():
        (folder / lens).mkdir(parents=True)
        for name in own:
            cv2.imwrite(str(folder / lens / f'{name}.png'), np.zeros((48, 64), np.uint8))
    return folder


def moments(recording: FileRecording) -> list[tuple[str, float, list[str]]]:
    """Return the name, the time in seconds and the lenses of each moment."""
    return [
        (moment.name, moment.frame_set.stamp_ns * 1e-9, sorted(moment.frame_set.frames))
        for moment in recording
    ]


def names_and_lenses(folder: Path) -> list[tuple[str, list[str]]]:
    return [(name, lenses) for name, _, lenses in moments(FileRecording.from_folder(folder))]


def test_a_moment_may_lack_a_lens_and_shifts_no_other(tmp_path: Path) -> None:
    numbers = [f'{n:03}' for n in range(6)]
    infrared = [name for name in numbers if name != '003']
    write(tmp_path, ir_left=infrared, vis_left=numbers[:5])
    recording = FileRecording.from_folder(tmp_path, rate=10.0)
    pair = ['ir_left', 'vis_left']
    assert moments(recording) == [
        (f'{name}.png', pytest.approx(n / 10), lenses)
        for n, (name, lenses) in enumerate(
            zip(numbers, [pair, pair, pair, ['vis_left'], pair, ['ir_left']], strict=True)
        )
    ]
    assert [reading.time for reading in analyze(recording)] == pytest.approx(np.arange(6) / 10)


def test_one_shared_name_discards_no_other(tmp_path: Path) -> None:
    write(tmp_path, ir_left=['dark', 'ir_0', 'ir_1'], vis_left=['dark', 'vis_0'])
    assert names_and_lenses(tmp_path) == [
        ('dark.png', ['ir_left', 'vis_left']),
        ('ir_0.png', ['ir_left']),
        ('ir_1.png', ['ir_left']),
        ('vis_0.png', ['vis_left']),
    ]


def test_names_are_followed_that_no_lens_shares_with_all(tmp_path: Path) -> None:
    write(tmp_path, ir_left=['0'], ir_right=['1'], vis_left=['0', '1'])
    assert names_and_lenses(tmp_path) == [
        ('0.png', ['ir_left', 'vis_left']),
        ('1.png', ['ir_right', 'vis_left']),
    ]


def test_without_a_shared_name_the_order_decides(tmp_path: Path) -> None:
    write(tmp_path, ir_left=['i0', 'i1'], vis_left=['v0', 'v1'])
    assert names_and_lenses(tmp_path) == [
        (name, ['ir_left', 'vis_left']) for name in ('v0.png', 'v1.png')
    ]
    cv2.imwrite(str(tmp_path / 'ir_left' / 'i2.png'), np.zeros((48, 64), np.uint8))
    with pytest.raises(RecordingError, match='give those of one moment the same name'):
        FileRecording.from_folder(tmp_path)


def test_a_few_shared_names_split_no_pairs_that_the_order_tells(tmp_path: Path) -> None:
    write(
        tmp_path,
        ir_left=[*(f'ir_{n}' for n in range(5)), 'test'],
        vis_left=[*(f'vis_{n}' for n in range(5)), 'test'],
    )
    # `test` is the last of the infrared names and the first of the visible ones.
    assert names_and_lenses(tmp_path) == [
        (name, ['ir_left', 'vis_left'])
        for name in (*(f'vis_{n}.png' for n in range(5)), 'test.png')
    ]


def test_moments_that_lack_a_lens_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write(tmp_path, ir_left=['0', '1', '2'], vis_left=['0', '1', '3', '4'])
    assert main(['analyze', str(tmp_path), '--output', str(tmp_path / 'out')]) == 0
    said = capsys.readouterr().out
    assert '5 moments' in said
    assert '2 of them without an image of ir_left' in said
    assert '1 of them without an image of vis_left' in said


def test_videos_of_other_rates_are_put_together_within_the_tolerance(tmp_path: Path) -> None:
    for lens, rate in (('ir_left', 10.0), ('vis_left', 15.0)):
        path, code = str(tmp_path / f'{lens}.avi'), cv2.VideoWriter_fourcc(*'MJPG')
        writer = cv2.VideoWriter(path, code, rate, (64, 48))
        for _ in range(round(2 * rate)):
            writer.write(np.zeros((48, 64, 3), np.uint8))
        writer.release()
    assert len(list(FileRecording.from_folder(tmp_path))) == 10
    assert len(list(FileRecording.from_folder(tmp_path, tolerance=0.04))) > 15
    alone = FileRecording.from_folder(tmp_path, lenses=['vis_left'])
    assert len(list(alone)) == 30


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('vis_left.mp4', []),
        ('vis_left.mkv', []),
        # This container tells no time of the last frame.
        ('vis_left.avi', ['-c:v', 'mpeg4', '-bf', '2']),
    ],
)
@pytest.mark.parametrize('dropped', [(), range(5, 10)], ids=['constant', 'variable'])
def test_frames_of_a_video_are_taken_when_it_says(
    tmp_path: Path, name: str, options: list[str], dropped: Sequence[int]
) -> None:
    ffmpeg = pytest.importorskip('imageio_ffmpeg').get_ffmpeg_exe()
    version = tuple(map(int, cv2.__version__.split('.')[:2]))
    if dropped and name.endswith('.mp4') and version < (4, 7):
        pytest.skip('OpenCV before 4.7 goes by the rate of an MP4')
    whole = tmp_path / 'ir_left.avi'
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter_fourcc(*'MJPG'), 25.0, (64, 48))
    for index in range(20):
        writer.write(np.full((48, 64, 3), 10 * index, np.uint8))
    writer.release()
    kept = '*'.join(f'not(eq(n,{index}))' for index in dropped) or '1'
    command = [ffmpeg, '-v', 'error', '-i', whole, '-vf', f"select='{kept}'", *options]
    subprocess.run([*command, tmp_path / name], check=True)
    recording, found = FileRecording({'vis_left': tmp_path / name}), {}
    for moment in recording:
        (frame,) = moment.frame_set.frames.values()
        found[round(frame.image.mean() / 10)] = frame.stamp_ns / 1e6
    # In AVI, all are late by the frames that one of them is predicted from.
    found = {index: stamp - found[0] for index, stamp in found.items()}
    stamps = {index: 40 * index for index in range(20) if index not in dropped}
    assert found == pytest.approx(stamps, abs=0.1)
    assert not recording.remarks()


def test_a_video_that_ends_early_is_remarked(tmp_path: Path) -> None:
    path, code = tmp_path / 'vis_left.avi', cv2.VideoWriter_fourcc(*'MJPG')
    writer = cv2.VideoWriter(str(path), code, 30.0, (64, 48))
    rng = np.random.default_rng(0)
    for _ in range(60):
        writer.write(rng.integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    recording = FileRecording.from_folder(tmp_path)
    assert len(list(recording)) == 60
    assert not recording.remarks()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    count = len(list(recording))
    assert 20 < count < 40
    (remark,) = recording.remarks()
    assert f'{path}: only {count} of about 60 images can be decoded' in remark


def test_remarks_are_of_the_last_reading(tmp_path: Path) -> None:
    write(tmp_path, vis_left=['0', '1'])
    (tmp_path / 'vis_left' / '1.png').write_bytes(b'no image')
    recording = FileRecording.from_folder(tmp_path)
    for _ in range(2):
        assert len(moments(recording)) == 1
        assert len(recording.remarks()) == 1


def test_numbers_in_names_are_ordered_by_value(tmp_path: Path) -> None:
    numbers = [str(n) for n in range(12)]
    write(tmp_path / 'named', ir_left=numbers, vis_left=numbers)
    recording = FileRecording.from_folder(tmp_path / 'named')
    assert [name for name, *_ in moments(recording)] == [f'{n}.png' for n in numbers]
    assert not recording.remarks()
    write(tmp_path / 'alone', vis_left=numbers)
    assert [name for name, _ in names_and_lenses(tmp_path / 'alone')] == [
        f'{n}.png' for n in numbers
    ]


def test_a_pairing_by_order_is_by_number_and_remarked(tmp_path: Path) -> None:
    write(
        tmp_path,
        ir_left=[f'i{n:02}' for n in range(12)],
        vis_left=[f'v{n}' for n in range(12)],
    )
    for n in range(12):
        cv2.imwrite(str(tmp_path / 'ir_left' / f'i{n:02}.png'), np.full((48, 64), n, np.uint8))
    recording = FileRecording.from_folder(tmp_path)
    pairs = [
        (moment.name, int(moment.frame_set.frames['ir_left'].image[0, 0])) for moment in recording
    ]
    assert pairs == [(f'v{n}.png', n) for n in range(12)]
    (remark,) = recording.remarks()
    assert remark.startswith(
        '12 images of each lens share no name and are put together by their order, '
        'i00.png and v0.png first'
    )


def test_two_images_of_one_name_are_refused_where_names_are_matched(tmp_path: Path) -> None:
    write(tmp_path, ir_left=['a'], vis_left=['a', 'b'])
    shutil.copy(tmp_path / 'vis_left' / 'a.png', tmp_path / 'vis_left' / 'a.jpg')
    with pytest.raises(RecordingError, match=r'a\.jpg and .*a\.png have the same name'):
        FileRecording.from_folder(tmp_path)
    alone = FileRecording.from_folder(tmp_path, lenses=['vis_left'])
    assert [name for name, *_ in moments(alone)] == ['a.jpg', 'a.png', 'b.png']


def test_a_folder_is_named_after_a_lens_as_a_whole(tmp_path: Path) -> None:
    write(tmp_path, **{'vis_left': ['0'], 'vis_left.old': ['1', '2']})
    assert names_and_lenses(tmp_path) == [('0.png', ['vis_left'])]


def test_a_folder_called_as_a_video_holds_images(tmp_path: Path) -> None:
    write(tmp_path, **{'run.mov': ['0']})
    assert len(moments(FileRecording({'vis_left': tmp_path / 'run.mov'}))) == 1


def test_two_paths_for_one_lens_are_refused(tmp_path: Path) -> None:
    write(tmp_path, vis_left=['0'])
    shutil.copy(tmp_path / 'vis_left' / '0.png', tmp_path / 'vis.png')
    with pytest.raises(RecordingError, match=r'vis\.png and .*vis_left both stand for vis_left'):
        FileRecording.from_folder(tmp_path)


def test_files_of_a_lens_that_are_no_images_are_counted(tmp_path: Path) -> None:
    write(tmp_path, vis_left=['0'])
    for name in ('1.heic', '2.gif', '.hidden'):
        (tmp_path / 'vis_left' / name).touch()
    recording = FileRecording.from_folder(tmp_path)
    assert len(moments(recording)) == 1
    (remark,) = recording.remarks()
    assert remark.startswith(f'{tmp_path / "vis_left"}: 2 files or folders are left out')
    assert '1.heic' in remark


def test_images_that_leave_upper_bits_unused_are_left_out(tmp_path: Path) -> None:
    (tmp_path / 'ir').mkdir()
    for name, brightest in (('10bits', 1023), ('16bits', 65535)):
        image = np.linspace(0, brightest, 48 * 64).reshape(48, 64).astype(np.uint16)
        cv2.imwrite(str(tmp_path / 'ir' / f'{name}.png'), image)
    recording = FileRecording.from_folder(tmp_path)
    (moment,) = recording
    assert moment.name == '16bits.png'
    assert moment.frame_set.frames['ir_left'].image.max() == 255
    (remark,) = recording.remarks()
    assert '10bits.png: has 16 bits, but no pixel above 1023' in remark
    (tmp_path / 'ir' / '16bits.png').unlink()
    with pytest.raises(RecordingError, match='no pixel above 1023'):
        list(FileRecording.from_folder(tmp_path))


def test_many_images_that_are_left_out_are_counted(tmp_path: Path) -> None:
    write(tmp_path, vis_left=['0'])
    for number in range(1, 31):
        (tmp_path / 'vis_left' / f'{number}.png').touch()
    recording = FileRecording.from_folder(tmp_path)
    assert len(moments(recording)) == 1
    remarks = recording.remarks()
    assert len(remarks) == 11
    assert remarks[-1].startswith('20 more images are left out')


def test_a_video_that_was_cut_off_is_not_to_be_converted(tmp_path: Path) -> None:
    path = tmp_path / 'vis_left.mp4'
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (64, 48))
    for level in range(20):
        video.write(np.full((48, 64, 3), level, np.uint8))
    video.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RecordingError, match='cannot be played; it is damaged or was cut off'):
        list(FileRecording({'vis_left': path}))
    path = path.rename(tmp_path / 'vis_left.mkv')
    path.write_bytes(b'nothing')
    with pytest.raises(RecordingError, match='cannot be played; convert it to MP4'):
        list(FileRecording({'vis_left': path}))
