import numpy as np
import pytest

from fer_fusion_ros.registration.bundle_adjustment import Intrinsics, _Problem, adjust
from fer_fusion_ros.registration.chessboard import Chessboard

POINTS = Chessboard(4, 3, 0.05).points()
LENSES = {
    'vis_left': Intrinsics('plumb_bob', np.array([500, 510, 320, 240, -0.2, 0.05, 0.001, 0.002])),
    'ir_left': Intrinsics('equidistant', np.array([400, 400, 300, 250, 0.02, 0.01, 0.0, 0.0])),
}
POSES = {'vis_left': np.zeros(6), 'ir_left': np.array([0.02, -0.05, 0.01, 0.0, 0.025, 0.003])}


def views(count=12, noise=0.0):
    """Return what both lenses see of boards; the second does not see the last."""
    random = np.random.default_rng(0)
    seen = []
    for _ in range(count):
        pose = np.concatenate([random.uniform(-0.6, 0.6, 3), random.uniform(-0.2, 0.2, 3)])
        pose[5] += 0.8
        first, _ = LENSES['vis_left'].project(POINTS.astype(float), pose)
        placed = (POINTS @ _turned(pose).T) + pose[3:]
        second, _ = LENSES['ir_left'].project(placed, POSES['ir_left'])
        view = {'vis_left': first, 'ir_left': second}
        seen.append({lens: xy + random.normal(0, noise, xy.shape) for lens, xy in view.items()})
    del seen[-1]['ir_left']
    return seen


def _turned(pose):
    angle = np.linalg.norm(pose[:3])
    x, y, z = pose[:3] / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def start():
    return {
        lens: each._replace(values=each.values * [1.05, 1.04, 1.02, 0.98, 0, 0, 0, 0])
        for lens, each in LENSES.items()
    }


def test_what_was_seen_tells_the_lenses_and_where_they_stand():
    bundle = adjust(views(), start(), POINTS)
    for lens, each in LENSES.items():
        np.testing.assert_allclose(bundle.intrinsics[lens].values, each.values, atol=1e-3)
        np.testing.assert_allclose(bundle.poses[lens], POSES[lens], atol=1e-5)
    assert bundle.boards.shape == (12, 12, 3)
    assert bundle.errors.max() < 1e-4


def test_looseness_is_by_how_much_the_focal_length_varies():
    found = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        noisy = [
            {lens: xy + random.normal(0, 0.2, xy.shape) for lens, xy in view.items()}
            for view in views()
        ]
        bundle = adjust(noisy, start(), POINTS)
        found.append([each.values[0] for each in bundle.intrinsics.values()])
    varies = np.std(found, axis=0) / np.mean(found, axis=0)
    np.testing.assert_allclose([*bundle.looseness.values()], varies, rtol=0.4)


def test_slope_and_curvature_are_those_of_the_squares():
    problem = _Problem(views(noise=1.0), start(), POINTS.astype(float))
    x = problem.begin()

    def residuals(x):
        return np.concatenate([each.ravel() for each in problem.off(x)[0].values()])

    steps = np.eye(x.size) * 1e-6
    slopes = [(residuals(x + step) - residuals(x - step)) / 2e-6 for step in steps]
    _, slope, curvature = problem.off(x)
    np.testing.assert_allclose(slope, np.array(slopes) @ residuals(x), rtol=1e-4, atol=0.1)
    np.testing.assert_allclose(
        curvature, np.array(slopes) @ np.transpose(slopes), rtol=1e-4, atol=1
    )


@pytest.mark.parametrize('lens', LENSES)
def test_a_pixel_undistorted_is_the_ray_that_made_it(lens):
    rays = np.array([[0.0, 0.0, 1.0], [0.4, -0.3, 1.0], [-0.5, 0.3, 1.0]])
    pixels, _ = LENSES[lens].project(rays, np.zeros(6))
    np.testing.assert_allclose(LENSES[lens].undistort(pixels), rays[:, :2], atol=1e-5)
