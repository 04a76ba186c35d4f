"""Equations (10)-(12), against their definitions and numerical gradients."""

import math

import pytest

torch = pytest.importorskip('torch')

from torch.nn import functional as F  # noqa: E402

from fer_fusion_ros.expression.losses import (  # noqa: E402
    crowd_loss,
    expression_loss,
    large_margin_cosine,
)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(5, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(7, generator=generator, dtype=torch.float64, requires_grad=True)
    return features, weight, bias, F.one_hot(torch.tensor([0, 3, 6, 3, 1]), 7).double()


def test_without_a_margin_it_is_cross_entropy_over_scaled_cosines(batch):
    features, weight, _, targets = batch
    cosine = F.cosine_similarity(features[:, None], weight[None], dim=2)
    expected = F.cross_entropy(12.0 * cosine, targets.argmax(1))
    torch.testing.assert_close(large_margin_cosine(features, weight, targets, 12.0, 0.0), expected)


def test_it_follows_equation_11_written_out(batch):
    features, weight, _, targets = batch
    s, m, total = 30.0, 0.35, 0.0
    for x, y in zip(features.detach(), targets.argmax(1).tolist(), strict=True):
        cosines = [float(w @ x / (w.norm() * x.norm())) for w in weight.detach()]
        own = math.exp(s * (cosines[y] - m))
        others = sum(math.exp(s * c) for j, c in enumerate(cosines) if j != y)
        total -= math.log(own / (own + others)) / len(targets)
    assert large_margin_cosine(features, weight, targets).item() == pytest.approx(total, rel=1e-9)


def test_a_margin_makes_it_harder_and_lengths_do_not_matter(batch):
    features, weight, _, targets = batch
    loss = large_margin_cosine(features, weight, targets)
    assert loss > large_margin_cosine(features, weight, targets, margin=0.0)
    torch.testing.assert_close(large_margin_cosine(9 * features, weight / 5, targets), loss)


def test_the_total_is_cross_entropy_plus_a_tenth_of_the_cosine_loss(batch):
    features, weight, bias, targets = batch
    expected = F.cross_entropy(features @ weight.T + bias, targets.argmax(1))
    expected = expected + 0.1 * large_margin_cosine(features, weight, targets)
    torch.testing.assert_close(expression_loss(features, weight, bias, targets), expected)


def test_a_probable_label_is_told_as_probable(batch):
    features, weight, bias, targets = batch
    shared = 0.7 * targets + 0.3 * targets.roll(1, 1)
    parts = [expression_loss(features, weight, bias, t, 0) for t in (targets, targets.roll(1, 1))]
    whole = expression_loss(features, weight, bias, shared, 0)
    torch.testing.assert_close(whole, 0.7 * parts[0] + 0.3 * parts[1])
    plain = large_margin_cosine(features, weight, shared, margin=0.0)
    assert large_margin_cosine(features, weight, shared) > plain


def test_gradients_are_right(batch):
    features, weight, bias, targets = batch
    torch.autograd.gradcheck(
        lambda x, w: large_margin_cosine(x, w, targets, 4.0), (features, weight)
    )
    torch.autograd.gradcheck(
        lambda x, w, b: expression_loss(x, w, b, targets, 0.1, 4.0, label_smoothing=0.1),
        (features, weight, bias),
    )


def test_the_crowd_teaches_where_it_voted():
    logits = torch.tensor([[2.0, 0.0, 0.0], [5.0, 1.0, 0.0]], requires_grad=True)
    crowd = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    loss = crowd_loss(logits, crowd)
    log_odds = math.log(math.exp(2) + 2)
    assert loss.item() == pytest.approx((log_odds - 1.0) / 2)
    loss.backward()
    assert logits.grad[0, 1] < 0 < logits.grad[0, 2]
    assert not logits.grad[1].any()
