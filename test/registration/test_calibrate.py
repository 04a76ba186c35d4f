from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from fer_fusion_ros.commands.main import main
from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.image_files import imwrite
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, optical_frame
from fer_fusion_ros.lenses.rig.calibration import RIG_MODELS, lens_position
from fer_fusion_ros.registration import Registrar
from fer_fusion_ros.registration.calibrate import FEWEST, calibrate
from fer_fusion_ros.registration.chessboard import Chessboard, aligned

BOARD = Chessboard(9, 6, 0.03)


@cache
def rays(lens):
    """Return the ray of each pixel of a lens of the rig, in the array's orientation."""
    model = RIG_MODELS[lens]
    pixels = np.dstack(np.meshgrid(np.arange(model.width), np.arange(model.height)))
    seen = cv2.undistortPoints(
        pixels.reshape(-1, 1, 2).astype(np.float64), model.K, model.D, R=model.R
    )
    return np.column_stack([seen.reshape(-1, 2), np.ones(len(seen))])


def see(lens, turned, place, noise):
    """Draw what a lens of the rig sees of the board, whose middle is at a place in metres."""
    turn = cv2.Rodrigues(np.radians(turned))[0]
    ray, start = rays(lens) @ turn, turn.T @ (lens_position(lens) - place)
    squares = (start[:2] - ray[:, :2] * (start[2] / ray[:, 2:])) / BOARD.square
    middle = np.array([BOARD.columns + 1, BOARD.rows + 1]) / 2
    pattern = np.sin(np.pi * (squares + middle)).prod(axis=1)
    grey = 130 - 90 * np.clip(6 * pattern, -1, 1)
    grey[(np.abs(squares) > middle).any(axis=1)] = 220
    grey[(np.abs(squares) > middle + 0.7).any(axis=1)] = 110
    image = grey.reshape(480, 640) + noise.normal(0, 3, (480, 640))
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope='module')
def moments():
    """Return what each lens sees of the board, held in different ways."""
    noise = np.random.default_rng(0)
    seen = []
    for _ in range(25):
        turned = noise.uniform(-35, 35, 3)
        place = np.array([*noise.uniform(-0.1, 0.1, 2), noise.uniform(0.8, 1.4)])
        seen.append({lens: see(lens, turned, place, noise) for lens in LENSES})
    return seen


@pytest.fixture(scope='module')
def views(moments):
    return [{lens: BOARD.find(image) for lens, image in moment.items()} for moment in moments]


SIZES = dict.fromkeys(LENSES, (640, 480))


def turn(*degrees):
    return cv2.Rodrigues(np.radians(degrees))[0]


CAMERA = np.array([[260.0, 0.0, 319.5], [0.0, 260.0, 239.5], [0.0, 0.0, 1.0]])
PAIR = {
    'vis_left': replace(RIG_MODELS['vis_left'], R=np.eye(3)),
    'ir_left': replace(RIG_MODELS['ir_left'], R=turn(1, -1, 0)),
}
PAIR_SIZES = {lens: SIZES[lens] for lens in PAIR}


def held(
    models,
    count=25,
    seed=0,
    tilt=35,
    distance=(0.5, 1.2),
    spread=0.6,
    lenses=tuple(PAIR),
    ahead=0.0,
):
    """Return the corners of boards that both lenses of a pair see wholly, off by 0.1 pixels."""
    random = np.random.default_rng(seed)
    points = BOARD.points() - BOARD.points().mean(axis=0)
    views = []
    while len(views) < count:
        z = random.uniform(*distance)
        place = z * np.array([*random.uniform(-spread, spread, 2), 1.0])
        board = points @ turn(*random.uniform(-tilt, tilt, 3)).T + place
        view = {}
        for lens, model in models.items():
            project = cv2.projectPoints
            if model.distortion_model == 'equidistant':
                project = cv2.fisheye.projectPoints
            stands = lens_position(lens) + [0.0, 0.0, ahead * (lens == 'ir_left')]
            seen = ((board - stands) @ model.R)[:, None]
            pixels = project(seen, np.zeros(3), np.zeros(3), model.K, model.D)[0][:, 0]
            if (np.abs(pixels - [319.5, 239.5]) < [319.5, 239.5]).all():
                noisy = pixels + random.normal(0, 0.1, pixels.shape)
                view[lens] = noisy.astype(np.float32)
        if len(view) == len(models):
            views.append({lens: view[lens] for lens in lenses})
    return views


def apart(models, side, distance=3.0, true=RIG_MODELS):
    """Return by how many pixels points at a distance lie apart on a side's grid, at most."""
    u, v = np.meshgrid(np.linspace(-0.6, 0.6, 5), np.linspace(-0.5, 0.5, 5))
    points = np.column_stack([u.ravel(), v.ravel(), np.full(u.size, distance)])
    pair = Registrar(models, plane_distance=distance).register(
        side, np.zeros((480, 640), np.uint8), np.zeros((480, 640), np.uint8)
    )
    grid = []
    for lens, camera in ((f'ir_{side}', pair.ir_model.K), (f'vis_{side}', pair.model.K)):
        lens_now = true[lens]
        seen = (points - lens_position(lens)) @ lens_now.R
        raw = cv2.projectPoints(seen, np.zeros(3), np.zeros(3), lens_now.K, lens_now.D)[0]
        model = models[lens]
        grid.append(cv2.undistortPoints(raw, model.K, model.D, R=model.R, P=camera)[:, 0])
    return np.linalg.norm(grid[0] - grid[1], axis=1).max()


def test_what_a_board_told_registers_people_farther_away(views):
    results, remarks = calibrate(views, SIZES, BOARD)
    models = {lens: result.model for lens, result in results.items()}
    assert remarks == []
    for lens, result in results.items():
        assert result.views >= 20
        assert result.error < 0.5
        place = lens_position(lens) - lens_position('vis_left')
        np.testing.assert_allclose(result.place[:2], place[:2], atol=5e-4)
        np.testing.assert_allclose(result.place[2], place[2], atol=5e-3)
        assert result.model.K[0, 0] == pytest.approx(RIG_MODELS[lens].K[0, 0], rel=0.01)
    assert apart(models, 'left') < 1.0
    assert apart(models, 'right') < 1.0
    # Each lens by itself, as if all stood in one place:
    alone = {
        lens: replace(model, R=np.eye(3), P=np.column_stack([model.K, np.zeros(3)]))
        for lens, model in models.items()
    }
    assert apart(alone, 'left') > 10.0


def test_views_of_a_board_in_motion_are_left_out(views):
    moved = [
        {
            lens: corners + (4.0 if place < 4 and lens == 'ir_left' else 0.0)
            for lens, corners in view.items()
        }
        for place, view in enumerate(views)
    ]
    results, _ = calibrate(moved, SIZES, BOARD)
    np.testing.assert_allclose(results['ir_left'].place[:2], [0.0, -0.025], atol=5e-4)
    assert apart({lens: result.model for lens, result in results.items()}, 'left') < 1.0


def test_a_lens_may_find_the_corners_from_the_other_end(views):
    turned = [
        {lens: corners[::-1] if lens == 'vis_right' else corners for lens, corners in view.items()}
        for view in views
    ]
    results, _ = calibrate(turned, SIZES, BOARD)
    assert results['vis_right'].place[0] == pytest.approx(0.06, abs=5e-4)


def test_two_lenses_and_other_sizes_will_do(views):
    half = np.float32(0.5)
    halves = [
        {'ir_left': (view['ir_left'] - half) * half, 'vis_left': view['vis_left']}
        for view in views
    ]
    results, _ = calibrate(halves, {'ir_left': (320, 240), 'vis_left': (640, 480)}, BOARD)
    assert sorted(results) == ['ir_left', 'vis_left']
    assert (results['ir_left'].model.width, results['ir_left'].model.height) == (320, 240)
    np.testing.assert_allclose(results['ir_left'].place[:2], [0.0, -0.025], atol=5e-4)


def test_too_few_views_name_the_lens_and_the_cure(views):
    without = [{lens: view[lens] for lens in view if lens != 'ir_right'} for view in views[4:]]
    with pytest.raises(CalibrationError, match=r'ir_right saw .* 9x6 .* at 4 moments.*laser'):
        calibrate(views[:4] + without, SIZES, BOARD)
    half = [
        {lens: view[lens] for lens in view if (lens == 'ir_left') == (place % 2 == 0)}
        for place, view in enumerate(views)
    ]
    with pytest.raises(CalibrationError, match='vis_left and ir_left saw the board together at 0'):
        calibrate(half, SIZES, BOARD)


def test_what_is_hardly_known_is_said(views):
    flat = [views[0]] * FEWEST
    _, remarks = calibrate(flat, SIZES, BOARD)
    assert any('tilted more' in remark for remark in remarks)


@pytest.mark.parametrize('lenses', [('vis_left',), ('vis_left', 'ir_left')])
def test_what_little_tilt_leaves_unknown_is_said(lenses):
    sizes = {lens: SIZES[lens] for lens in lenses}
    _, remarks = calibrate(held(PAIR, tilt=2, lenses=lenses), sizes, BOARD)
    for lens in lenses:
        assert any(
            remark.startswith(f'{lens}: the focal length is known to') and 'tilted more' in remark
            for remark in remarks
        )


def test_what_was_not_seen_is_said():
    _, remarks = calibrate(held(PAIR, spread=0.1, distance=(1.0, 1.5)), PAIR_SIZES, BOARD)
    assert len(remarks) == 2
    assert all('640x480 pixels, outside of which it is guesswork' in remark for remark in remarks)


@pytest.mark.parametrize('seed', range(3))
def test_lenses_are_fitted_together(seed):
    results, remarks = calibrate(held(PAIR, seed=seed), PAIR_SIZES, BOARD)
    assert remarks == []
    models = {lens: result.model for lens, result in results.items()}
    # Each fitted by itself they would be up to 2.5 pixels apart, and seem 5 mm ahead.
    assert apart(models, 'left', true=PAIR) < 0.4
    assert abs(results['ir_left'].place[2]) < 1e-3


def test_a_wide_lens_is_found_to_be_one():
    wide = {
        lens: replace(model, K=CAMERA, D=np.zeros(4), distortion_model='equidistant')
        for lens, model in PAIR.items()
    }
    results, _ = calibrate(held(wide, 40, distance=(0.2, 0.6), spread=1.2), PAIR_SIZES, BOARD)
    for result in results.values():
        assert result.model.distortion_model == 'equidistant'
        assert result.model.K[0, 0] == pytest.approx(CAMERA[0, 0], rel=0.01)
        assert result.error < 0.4
    np.testing.assert_allclose(results['ir_left'].place, [0.0, -0.025, 0.0], atol=1e-3)


def test_a_lens_on_its_side_turns_no_other():
    turned = {**PAIR, 'ir_left': replace(PAIR['ir_left'], R=turn(0, 0, 90))}
    results, remarks = calibrate(held(turned), PAIR_SIZES, BOARD)
    np.testing.assert_allclose(results['vis_left'].model.R, np.eye(3), atol=0.01)
    np.testing.assert_allclose(results['ir_left'].model.R, turn(0, 0, 90), atol=0.01)
    np.testing.assert_allclose(results['ir_left'].place, [0.0, -0.025, 0.0], atol=1e-3)
    assert any('ir_left: rectifying turns its picture by 90°' in remark for remark in remarks)


@pytest.mark.parametrize(('ahead', 'told'), [(0.002, ''), (0.01, '10 mm'), (-0.03, '30 mm')])
def test_what_a_lens_ahead_costs_is_not_put_down_to_the_board(ahead, told):
    results, remarks = calibrate(held(PAIR, distance=(0.3, 0.6), ahead=ahead), PAIR_SIZES, BOARD)
    assert results['ir_left'].place[2] == pytest.approx(ahead, abs=1e-3)
    assert (results['ir_left'].error > 1) == bool(told)
    assert len(remarks) == bool(told)
    way = 'ahead of' if ahead > 0 else 'behind'
    assert all(f'ir_left: stands {told} {way} vis_left' in remark for remark in remarks)


def test_what_nothing_fits_is_refused():
    views = held(PAIR)
    for view in views:
        mirrored = view['ir_left'] * np.float32([-1, 1]) + np.float32([639, 0])
        view['ir_left'] = mirrored.reshape(6, 9, 2)[:, ::-1].reshape(-1, 2).copy()
    with pytest.raises(CalibrationError, match=r'nothing fits .* none upside down or mirrored'):
        calibrate(views, PAIR_SIZES, BOARD)


def test_a_lens_seen_seldom_keeps_its_views():
    often = held(PAIR, count=150, lenses=('vis_left',))
    results, _ = calibrate([*often, *held(PAIR, count=FEWEST)], PAIR_SIZES, BOARD)
    assert results['ir_left'].views == FEWEST
    assert results['vis_left'].views < 60


@pytest.mark.parametrize('corners', [(6, 6), (2, 9)])
def test_a_board_that_cannot_tell_its_corners_apart_is_refused(corners):
    with pytest.raises(CalibrationError, match='two different numbers'):
        Chessboard(*corners, 0.03)


def test_a_board_measured_in_millimetres_is_refused():
    with pytest.raises(CalibrationError, match=r'squares of 25 metres .* 0\.025 metres'):
        Chessboard(9, 6, 25.0)


def test_no_board_no_corners():
    assert BOARD.find(np.full((480, 640, 3), 128, np.uint8)) is None


def test_a_board_is_found_in_a_large_image(moments):
    small = moments[0]['vis_left']
    large = cv2.resize(small, (1920, 1440), interpolation=cv2.INTER_CUBIC)
    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_ACCURACY
    expected = cv2.findChessboardCornersSB(large, (9, 6), flags)[1][:, 0]
    np.testing.assert_allclose(aligned(BOARD.find(large), expected), expected, atol=0.5)
    assert BOARD.find(np.full((1440, 1920), 128, np.uint8)) is None


def test_corners_are_aligned_with_those_of_another_lens(views):
    corners = views[0]['vis_left']
    np.testing.assert_array_equal(aligned(corners[::-1], views[0]['ir_left']), corners)
    np.testing.assert_array_equal(aligned(corners, views[0]['ir_left']), corners)


@pytest.fixture
def folder(moments, tmp_path):
    for lens in LENSES:
        (tmp_path / lens).mkdir()
        for number, moment in enumerate(moments):
            imwrite(tmp_path / lens / f'{number:02}.png', moment[lens])
    return tmp_path


def test_the_command_writes_what_the_lenses_take(folder, capsys):
    output = folder / 'out'
    words = ['calibrate', str(folder), '--board', '9x6', '--square', '0.03']
    assert main([*words, '--output', str(output)]) == 0
    said = capsys.readouterr().out
    assert '20 moments, the board in: ir_left 20, ir_right 20, vis_left 20, vis_right 20' in said
    assert f"camera_info_url: 'file://{output}/{{lens}}.yaml'" in said
    models = {lens: CameraModel.from_yaml(output / f'{lens}.yaml') for lens in LENSES}
    assert {lens: model.name for lens, model in models.items()} == {lens: lens for lens in LENSES}
    assert apart(models, 'left') < 1.0


def test_the_command_says_that_the_board_is_another(folder, capsys):
    words = ['calibrate', '--vis-left', str(folder / 'vis_left'), '--board', '8x6']
    words += ['--square', '0.03']
    assert main([*words, '--output', str(folder / 'out')]) == 1
    assert (
        'vis_left saw a whole board of 8x6 inner corners at 0 moments' in capsys.readouterr().err
    )


def test_the_command_says_that_the_images_changed_their_size(folder, capsys):
    imwrite(folder / 'ir_left' / '03.png', np.zeros((240, 320), np.uint8))
    words = ['calibrate', str(folder), '--board', '9x6', '--square', '0.03']
    assert main([*words, '--output', str(folder / 'out')]) == 1
    said = capsys.readouterr().err
    assert '03.png: the image of ir_left is 320x240, those before it 640x480' in said


def test_the_command_leaves_no_lens_out_unsaid(folder, capsys):
    for path in (folder / 'ir_right').iterdir():
        path.write_bytes(b'nothing')
    words = ['calibrate', str(folder), '--board', '9x6', '--square', '0.03']
    assert main([*words, '--output', str(folder / 'out')]) == 1
    said = capsys.readouterr().err
    assert '00.png: not a readable image' in said
    assert 'ir_right: no image is readable; leave it out by --lenses' in said


def test_the_command_looks_at_a_video_now_and_then(moments, tmp_path, capsys):
    for lens in LENSES:
        video = cv2.VideoWriter(
            str(tmp_path / f'{lens}.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 10.0, (640, 480)
        )
        for moment in moments:
            for _ in range(2):  # still for 0.2 s each
                video.write(cv2.cvtColor(moment[lens], cv2.COLOR_GRAY2BGR))
        video.release()
    output = tmp_path / 'out'
    words = ['calibrate', str(tmp_path), '--board', '9x6', '--square', '0.03', '--every', '0.2']
    assert main([*words, '--output', str(output)]) == 0
    assert 'vis_left      25' in capsys.readouterr().out
    assert (
        apart({lens: CameraModel.from_yaml(output / f'{lens}.yaml') for lens in LENSES}, 'left')
        < 1.0
    )


def test_the_command_names_files_of_another_calibration(folder, capsys):
    output = folder / 'calib #1'
    words = ['calibrate', str(folder), '--board', '9x6', '--square', '0.03', '--output']
    assert main([*words, str(output)]) == 0
    assert 'calib%20%231/{lens}.yaml' in capsys.readouterr().out
    assert main([*words, str(output), '--lenses', 'vis_right', 'ir_right']) == 0
    told = capsys.readouterr().err
    assert f'{output}/vis_left.yaml is of another calibration' in told
    assert 'vis_right.yaml' not in told


def test_the_command_takes_what_a_damaged_bag_has(moments, tmp_path, capsys):
    rosbag2 = pytest.importorskip('rosbags.rosbag2', reason='bags need rosbags')
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    bag = tmp_path / 'bag'
    kind = 'sensor_msgs/msg/Image'
    with rosbag2.Writer(bag, version=8, storage_plugin=rosbag2.StoragePlugin.MCAP) as writer:
        topics = {
            lens: writer.add_connection(f'/fer/{lens}/image_raw', kind, typestore=store)
            for lens in PAIR
        }
        for second, moment in enumerate(moments):
            time = store.types['builtin_interfaces/msg/Time'](second, 1)
            for lens, topic in topics.items():
                header = store.types['std_msgs/msg/Header'](time, optical_frame(lens))
                pixels = moment[lens].ravel()
                image = store.types[kind](header, 480, 640, 'mono8', 0, 640, pixels)
                writer.write(topic, second * 10**9 + 1, store.serialize_cdr(image, kind))
    (file,) = bag.glob('*.mcap')
    content = bytearray(file.read_bytes())
    at = -1
    for _ in range(20):
        at = content.index(optical_frame('vis_left').encode(), at + 1)
    content[at - 46 : at - 38] = b'\xff' * 8  # the length of the image's record
    file.write_bytes(content)
    output = tmp_path / 'out'
    words = ['calibrate', str(bag), '--board', '9x6', '--square', '0.03']
    assert main([*words, '--output', str(output)]) == 0
    said = capsys.readouterr()
    assert f'{bag} is damaged' in said.err
    assert 'going on with what was read until then' in said.err
    models = {lens: CameraModel.from_yaml(output / f'{lens}.yaml') for lens in PAIR}
    assert apart(models, 'left') < 1.0


@pytest.mark.parametrize('word', ['9', '9x', 'x6', '9x6x3', '-9x6'])
def test_the_command_takes_two_counts_for_the_board(word, capsys):
    with pytest.raises(SystemExit):
        main(['calibrate', 'bag', f'--board={word}', '--square', '0.03'])
    assert f'{word} is given; it must be like 9x6' in capsys.readouterr().err
