"""The average follows its definition and survives a save."""

import pytest

torch = pytest.importorskip('torch')

from torch import nn  # noqa: E402

from fer_fusion_ros.learning.ema import Ema  # noqa: E402


def test_it_averages_weights_and_statistics():
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.zeros_(network[0].weight)
    ema = Ema(network, 0.9)
    expected = 0.0
    for step in range(1, 300):
        nn.init.constant_(network[0].weight, float(step))
        network[1].running_mean.fill_(2.0 * step)
        network[1].num_batches_tracked.fill_(step)
        ema.update(network)
        decay = min(0.9, step / (step + 10))
        expected = decay * expected + (1 - decay) * step
    state = ema.network.state_dict()
    assert state['0.weight'].item() == pytest.approx(expected, rel=1e-5)
    assert state['1.running_mean'].item() == pytest.approx(2 * expected, rel=1e-5)
    assert state['1.num_batches_tracked'].item() == 299
    # With a decay of 0.9 the average lags by nine steps.
    assert expected == pytest.approx(299 - 9, abs=0.01)
    assert not ema.network.training
    assert not any(p.requires_grad for p in ema.network.parameters())


def test_the_first_weights_are_soon_forgotten():
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    ema = Ema(network, 0.999)
    nn.init.ones_(network.weight)
    ema.update(network)
    assert ema.network.weight.item() == pytest.approx(10 / 11)
    for _ in range(9):
        ema.update(network)
    assert ema.network.weight.item() == pytest.approx(1.0, abs=1e-4)


def test_a_restored_average_goes_on_alike():
    network = nn.Linear(2, 2)
    ema, other = Ema(network, 0.99), Ema(nn.Linear(2, 2), 0.99)
    ema.update(nn.Linear(2, 2))
    other.load_state_dict(ema.state_dict())
    step = nn.Linear(2, 2)
    ema.update(step)
    other.update(step)
    for ours, theirs in zip(ema.network.parameters(), other.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
