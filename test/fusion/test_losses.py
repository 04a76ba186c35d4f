"""The paper's losses, each against a hand calculation, a library or brute force."""

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.fusion import losses, quality_losses  # noqa: E402


def images(number=2, batch=2, size=16, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shape = (number, batch, 1, size, size)
    return (torch.rand(shape, generator=generator, dtype=dtype) * 2 - 1).unbind()


def eight_bit(seed=0, size=24):
    levels = np.random.default_rng(seed).integers(0, 8, (size, size)) * 30
    return levels, torch.from_numpy(levels / 127.5 - 1)[None, None]


def test_signs_of_the_adversarial_losses():
    assert losses.adversarial_loss(torch.tensor([1.0, 3.0])) == -2
    assert losses.critic_loss(torch.tensor([5.0, 7.0]), torch.tensor([1.0, 3.0])) == -4


def test_gradient_penalty_is_zero_for_a_critic_of_unit_slope():
    visible, fused = images()
    direction = torch.ones(16 * 16, dtype=torch.float64) / 16
    penalty = losses.gradient_penalty(
        lambda x: x.flatten(1) @ direction, visible, fused, torch.tensor([0.3, 0.9])
    )
    assert penalty.item() == pytest.approx(0, abs=1e-12)


def test_gradient_penalty_of_a_linear_critic():
    visible, fused = images()
    weights = torch.zeros(16 * 16, dtype=torch.float64)
    weights[:2] = torch.tensor([3.0, 4.0])
    penalty = losses.gradient_penalty(
        lambda x: x.flatten(1) @ weights, visible, fused, torch.tensor([0.3, 0.9])
    )
    assert penalty.item() == pytest.approx((5 - 1) ** 2)


def test_gradient_penalty_is_taken_between_the_images():
    # For D(x) = |x|^2 / 2 the gradient is x itself.
    visible, fused = images()
    mix = torch.tensor([0.25, 1.0], dtype=torch.float64)
    penalty = losses.gradient_penalty(
        lambda x: x.square().flatten(1).sum(1) / 2, visible, fused, mix
    )
    between = torch.stack([0.25 * visible[0] + 0.75 * fused[0], visible[1]])
    expected = (between.flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(penalty, expected)


def test_gradient_penalty_trains_the_critic():
    visible, fused = images()
    weights = torch.full((16 * 16,), 0.5, dtype=torch.float64, requires_grad=True)
    mix = torch.tensor([0.5, 0.5])
    losses.gradient_penalty(lambda x: x.flatten(1) @ weights, visible, fused, mix).backward()
    # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|, with |w| = 8.
    torch.testing.assert_close(weights.grad, 2 * 7 * weights.detach() / 8)


def test_infrared_loss_by_hand():
    fused = torch.tensor([[[[0.0, 1.0]]]])
    assert losses.infrared_loss(fused, torch.tensor([[[[0.5, -1.0]]]])) == (0.25 + 4) / 2


def test_ssim_is_that_of_scikit_image(shared_data):
    structural_similarity = pytest.importorskip('skimage.metrics').structural_similarity
    from fer_fusion_ros.fusion.pairs import load_pairs

    for pair in load_pairs(shared_data / 'fusion' / 'thermal_road')[:3]:
        expected = structural_similarity(
            pair.ir.astype(float),
            pair.vis.astype(float),
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        ir, vis = (
            torch.from_numpy(image.astype(np.float32))[None, None] / 127.5 - 1
            for image in (pair.ir, pair.vis)
        )
        assert losses.ssim(ir, vis).item() == pytest.approx(expected, abs=1e-4)


def test_ssim_of_equal_and_of_inverted_images():
    x, _ = images()
    torch.testing.assert_close(losses.ssim(x, x), torch.ones(2, dtype=torch.float64))
    assert (losses.ssim(x, -x) < 0).all()


def test_ssims_denominator_adds_the_means():
    # Flat images 0.5 and 1.0 above black: the product of squared means in the print would give
    # (2 * 0.5 + c1) / (0.25 + c1), more than 1. In float32 the variances of flat images are only
    # about 0.
    y = torch.zeros(1, 1, 11, 11, dtype=torch.float64)
    x = y - 0.5
    assert losses.ssim(x, y).item() == pytest.approx((1 + 4e-4) / (1.25 + 4e-4), rel=1e-5)


def brute_force_codes(levels):
    around = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    height, width = levels.shape
    codes = np.zeros((height - 2, width - 2))
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            for bit, (dy, dx) in enumerate(around):
                codes[y - 1, x - 1] += (levels[y + dy, x + dx] >= levels[y, x]) << bit
    return codes


def test_hard_lbp_is_that_of_brute_force():
    levels, image = eight_bit()
    codes = losses.local_binary_pattern(image)[0, 0]
    np.testing.assert_array_equal(codes.numpy(), brute_force_codes(levels))


def test_soft_lbp_tends_to_the_hard_one():
    _, image = eight_bit()
    hard = losses.local_binary_pattern(image)
    errors = [
        (losses.local_binary_pattern(image, temperature) - hard).abs().mean().item()
        for temperature in (0.3, 0.1, 0.03, 0.01, 0.001, 0.0001)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 10
    assert errors[-1] < 1e-6


def test_texture_loss_is_zero_for_a_change_of_brightness_alone():
    x, _ = images()
    assert losses.texture_loss(x, x + 0.3, 0.05).item() == pytest.approx(0, abs=1e-12)
    assert losses.texture_loss(x, -x, 0.05) > 0.1


def test_gradient_loss_by_hand():
    x = torch.tensor([[[[0.0, 1.0], [3.0, 0.0]]]])
    # One whole pixel, with the differences 1 along x and 3 along y.
    assert losses.gradient_loss(x, torch.zeros(1, 1, 2, 2)) == 1 + 9


def test_content_loss_weighs_infrared_with_alpha_and_visible_with_beta():
    fused, ir, vis = images(3)
    likeness = losses.infrared_loss(fused, ir) + 1 - losses.ssim(fused, ir).mean()
    texture = losses.texture_loss(fused, vis, 0.1) + losses.gradient_loss(fused, vis)
    total = losses.content_loss(fused, ir, vis, alpha=2, beta=3, temperature=0.1)
    torch.testing.assert_close(total, 2 * likeness + 3 * texture)


@pytest.mark.parametrize(
    'loss',
    [
        lambda f, a, b: losses.adversarial_loss(f.flatten()),
        lambda f, a, b: losses.critic_loss(a.flatten(), f.flatten()),
        lambda f, a, b: losses.infrared_loss(f, a),
        lambda f, a, b: losses.ssim(f, a),
        lambda f, a, b: losses.texture_loss(f, b, 0.2),
        lambda f, a, b: losses.gradient_loss(f, b),
        lambda f, a, b: losses.content_loss(f, a, b, 1, 5, 0.2),
        lambda f, a, b: quality_losses.edge_preservation(f, a, b),
        lambda f, a, b: quality_losses.complementarity(f, a, b),
    ],
)
def test_gradients_numerically(loss):
    fused, a, b = images(3, batch=1, size=12)
    assert torch.autograd.gradcheck(lambda f: loss(f, a, b), fused.requires_grad_())


def test_gradient_of_the_visual_information_numerically():
    # Its windows of four scales need 41 pixels; a few random directions stand for all pixels.
    fused, a = images(2, batch=1, size=41)
    directions = images(3, batch=1, size=41, seed=1)
    step = torch.zeros(3, dtype=torch.float64, requires_grad=True)

    def along(step):
        moved = 0.9 * a + 0.1 * fused + sum(s * d for s, d in zip(step, directions, strict=True))
        return quality_losses.visual_information(moved, a)

    assert torch.autograd.gradcheck(along, step)


def test_gradient_of_the_penalty_numerically():
    visible, fused = images(size=4)
    mix = torch.tensor([0.2, 0.7])

    def penalty(weights):
        return losses.gradient_penalty(
            lambda x: (x.flatten(1) @ weights).tanh(), visible, fused, mix
        )

    weights = torch.linspace(-1, 1, 16, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(penalty, weights)


def test_differentiable_metrics_follow_the_metrics(shared_data):
    from fer_fusion_ros.fusion import metrics
    from fer_fusion_ros.fusion.pairs import load_pairs

    for pair in load_pairs(shared_data / 'fusion' / 'thermal_road')[:2]:
        a, b = pair.ir.astype(float), pair.vis.astype(float)
        f = 0.6 * a + 0.4 * b
        ir, vis, fused = (torch.from_numpy(x)[None, None] / 127.5 - 1 for x in (a, b, f))
        information = quality_losses.visual_information(fused, ir)
        information = information + quality_losses.visual_information(fused, vis)
        expected = metrics.visual_information_fidelity(a, b, f)
        assert information.item() == pytest.approx(expected, rel=0.01)
        added = quality_losses.complementarity(fused, ir, vis)
        expected = metrics.sum_of_correlations_of_differences(a, b, f)
        assert added.item() == pytest.approx(expected, abs=1e-4)
        kept = quality_losses.edge_preservation(fused, ir, vis)
        # The strengthless edges of flat regions count a little here.
        assert kept.item() == pytest.approx(metrics.edge_preservation(a, b, f), abs=0.04)
