"""The fusion metrics on real pairs, against libraries and brute force."""

import itertools

import numpy as np
import pytest
from scipy import ndimage, signal, stats

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.fusion import metrics
from fer_fusion_ros.fusion.baselines import BASELINES


@pytest.fixture(scope='module')
def triples(shared_data):
    """Small real pairs with a fused image that is not of whole grey levels."""
    from fer_fusion_ros.fusion.pairs import load_pairs

    pairs = load_pairs(shared_data / 'fusion' / 'thermal_road')[:3]
    crops = [
        (p.ir[60:160, 80:200].astype(float), p.vis[60:160, 80:200].astype(float)) for p in pairs
    ]
    # Eighths are exact in binary, so that no rounding decides the angle of a vertical edge.
    return [(a, b, (5 * a + 3 * b) / 8) for a, b in crops]


def test_entropy(triples):
    for _, _, f in triples:
        counts = np.unique(np.rint(f), return_counts=True)[1]
        assert metrics.entropy(f) == pytest.approx(stats.entropy(counts, base=2))


def test_contrast_and_sharpness(triples):
    for _, _, f in triples:
        dx = [f[y, x + 1] - f[y, x] for y in range(100) for x in range(119)]
        dy = [f[y + 1, x] - f[y, x] for y in range(99) for x in range(120)]
        assert metrics.standard_deviation(f) == pytest.approx(
            np.sqrt(sum((f.ravel() - f.mean()) ** 2) / f.size)
        )
        assert metrics.spatial_frequency(f) == pytest.approx(
            np.sqrt(np.mean(np.square(dx)) + np.mean(np.square(dy)))
        )
        both = [
            np.sqrt(((f[y, x + 1] - f[y, x]) ** 2 + (f[y + 1, x] - f[y, x]) ** 2) / 2)
            for y in range(99)
            for x in range(119)
        ]
        assert metrics.average_gradient(f) == pytest.approx(np.mean(both))


def test_mutual_information(triples):
    for a, b, f in triples:
        expected = 0.0
        for source in (a, b):
            joint, _, _ = np.histogram2d(
                source.ravel(), np.rint(f).ravel(), bins=256, range=[(-0.5, 255.5)] * 2
            )
            expected += stats.entropy(joint.sum(0), base=2) + stats.entropy(joint.sum(1), base=2)
            expected -= stats.entropy(joint.ravel(), base=2)
        assert metrics.mutual_information(a, b, f) == pytest.approx(expected)


def test_sum_of_correlations_of_differences(triples):
    for a, b, f in triples:
        expected = np.corrcoef((f - b).ravel(), a.ravel())[0, 1]
        expected += np.corrcoef((f - a).ravel(), b.ravel())[0, 1]
        assert metrics.sum_of_correlations_of_differences(a, b, f) == pytest.approx(expected)


def reference_vif(reference, image):
    """The pixel-domain VIF as its authors' listing has it, with plain convolutions."""
    kept = total = 0.0
    for scale in range(1, 5):
        size = 2 ** (4 - scale + 1) + 1
        y, x = np.mgrid[:size, :size] - size // 2
        window = np.exp(-(x * x + y * y) / (2 * (size / 5) ** 2))
        window /= window.sum()

        def mean(picture, window=window):
            return signal.convolve2d(picture, window, mode='valid')

        if scale > 1:
            reference, image = mean(reference)[::2, ::2], mean(image)[::2, ::2]
        mu1, mu2 = mean(reference), mean(image)
        sigma1 = np.maximum(mean(reference**2) - mu1**2, 0)
        sigma2 = np.maximum(mean(image**2) - mu2**2, 0)
        sigma12 = mean(reference * image) - mu1 * mu2
        g = sigma12 / (sigma1 + 1e-10)
        sv = sigma2 - g * sigma12
        g[sigma1 < 1e-10] = 0
        sv[sigma1 < 1e-10] = sigma2[sigma1 < 1e-10]
        sigma1[sigma1 < 1e-10] = 0
        g[sigma2 < 1e-10] = 0
        sv[sigma2 < 1e-10] = 0
        sv[g < 0] = sigma2[g < 0]
        g[g < 0] = 0
        sv[sv <= 1e-10] = 1e-10
        kept += np.sum(np.log10(1 + g**2 * sigma1 / (sv + 2)))
        total += np.sum(np.log10(1 + sigma1 / 2))
    return kept / total


def test_visual_information_fidelity(triples):
    for a, b, f in triples:
        expected = reference_vif(a, f) + reference_vif(b, f)
        assert metrics.visual_information_fidelity(a, b, f) == pytest.approx(expected)


def test_visual_information_fidelity_rises_with_contrast(triples):
    for a, _, _ in triples:
        assert metrics.visual_information_fidelity(a, a, a) == pytest.approx(2)
        assert metrics.visual_information_fidelity(a, a, 1.3 * a) > 2
        assert metrics.visual_information_fidelity(a, a, 0.7 * a) < 2


def reference_qabf(a, b, f):
    """Qabf pixel by pixel."""
    strengths, angles = [], []
    for image in (a, b, f):
        gx = ndimage.correlate(image, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], mode='nearest')
        gy = ndimage.correlate(image, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]], mode='nearest')
        strengths.append(np.sqrt(gx**2 + gy**2))
        angles.append(
            [
                [np.arctan(v / u) if u else np.pi / 2 for u, v in zip(*row, strict=True)]
                for row in zip(gx, gy, strict=True)
            ]
        )
    kept = weight = 0.0
    for y, x in itertools.product(range(a.shape[0]), range(a.shape[1])):
        gf, af = strengths[2][y, x], angles[2][y][x]
        for source in (0, 1):
            g, alpha = strengths[source][y, x], angles[source][y][x]
            if g > gf:
                ratio = gf / g
            else:
                ratio = g / gf if gf else 0
            aligned = 1 - abs(alpha - af) / (np.pi / 2)
            quality = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
            quality *= 0.9879 / (1 + np.exp(-22 * (aligned - 0.8)))
            kept += quality * g
            weight += g
    return kept / weight


def test_edge_preservation(triples):
    for a, b, f in triples:
        a, b, f = a[:40, :50], b[:40, :50], f[:40, :50]
        assert metrics.edge_preservation(a, b, f) == pytest.approx(reference_qabf(a, b, f))


def test_structural_similarity(triples):
    structural_similarity = pytest.importorskip('skimage.metrics').structural_similarity
    options = {
        'data_range': 255,
        'gaussian_weights': True,
        'sigma': 1.5,
        'use_sample_covariance': False,
    }
    for a, b, f in triples:
        expected = (
            structural_similarity(a, f, **options) + structural_similarity(b, f, **options)
        ) / 2
        assert metrics.structural_similarity(a, b, f) == pytest.approx(expected, abs=1e-4)


def test_figures_do_not_depend_on_the_type_of_the_images(triples):
    for a, b, _ in triples:
        f = np.maximum(a, b)
        whole = metrics.measure(a.astype(np.uint8), b.astype(np.uint8), f.astype(np.uint8))
        assert whole == metrics.measure(a, b, f)


def test_flat_images_have_figures_too():
    flat = np.full((60, 60), 90.0)
    figures = metrics.measure(flat, flat, flat)
    assert all(np.isfinite(value) for value in figures.values())
    assert figures['EN'] == figures['SD'] == figures['AG'] == 0


def test_images_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r'\(4, 5\)'):
        metrics.measure(np.zeros((4, 4)), np.zeros((4, 5)), np.zeros((4, 4)))


def test_images_too_small_to_measure_are_refused():
    noise = np.random.default_rng(0).integers(0, 256, (50, metrics.SMALLEST), np.uint8)
    assert all(np.isfinite(value) for value in metrics.measure(noise, noise, noise).values())
    for small in (noise[:, 1:], noise[:, 1:].T, noise[:0]):
        with pytest.raises(DataError, match='at least 41 pixels high and wide'):
            metrics.measure(small, small, small)


def test_the_smallest_images_have_one_window_at_the_coarsest_scale_of_vif():
    side = metrics.SMALLEST
    for window in (17, 9, 5, 3):
        if window < 17:
            side = -(-(side - window + 1) // 2)
        windows = side - window + 1
    assert windows == 1


@pytest.mark.parametrize('name', BASELINES)
def test_baselines_return_equal_sources_and_stay_in_range(name, triples):
    for a, b, _ in triples:
        a, b = a[:77, :91].astype(np.uint8), b[:77, :91].astype(np.uint8)
        np.testing.assert_allclose(BASELINES[name](a, a), a, atol=1e-3)
        fused = BASELINES[name](a, b)
        assert fused.shape == a.shape
        assert fused.min() >= 0
        assert fused.max() <= 255


@pytest.mark.parametrize('name', ['laplacian pyramid', 'wavelet'])
def test_pyramids_keep_the_stronger_detail(name, triples):
    for a, _, _ in triples:
        a = 60 + a / 4
        flat = np.full_like(a, a.mean())
        fused = BASELINES[name](a, flat)
        assert metrics.edge_preservation(a, flat, fused) > 0.9
