"""The network has the paper's layout, whichever way its convolutions are computed."""

import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.expression.pyconv_se18 import (  # noqa: E402
    STAGES,
    PyConv,
    PyConvSE18,
    SqueezeExcitation,
    standardise,
)


@pytest.mark.parametrize('preset', ['stride1', 'stride2'])
def test_it_has_five_and_a_half_million_parameters(preset):
    count = sum(p.numel() for p in PyConvSE18(preset).parameters())
    assert abs(count - 5.5e6) < 0.01 * 5.5e6


@pytest.mark.parametrize(
    ('preset', 'sides'), [('stride1', [44, 22, 11, 6]), ('stride2', [22, 11, 6, 3])]
)
def test_the_stages_shrink_the_face(preset, sides):
    network = PyConvSE18(preset).eval()
    x = network.stem(torch.zeros(1, 1, 44, 44))
    seen = []
    for block in network.blocks:
        x = block(x)
        seen.append(tuple(x.shape[1:]))
    assert seen == [
        (channels, side, side)
        for channels, side in zip([64, 128, 256, 512], sides, strict=True)
        for _ in range(2)
    ]
    assert network(torch.zeros(3, 1, 48, 40)).shape == (3, 7)


def test_the_wide_teacher_has_no_pyramids_but_looks_at_the_same_faces():
    network = PyConvSE18('wide').eval()
    assert [len(block.pyconv.levels) for block in network.blocks] == [1] * 8
    assert {level.kernel_size for b in network.blocks for level in b.pyconv.levels} == {(3, 3)}
    assert network.features(torch.zeros(3, 1, 44, 44)).shape == (3, 512)
    assert network(torch.zeros(3, 1, 44, 44)).shape == (3, 7)


@pytest.mark.parametrize('stage', range(4))
def test_the_pyramid_has_the_kernels_groups_and_filters_of_the_text(stage):
    kernels = [(3, 5, 7, 9), (3, 5, 7), (3, 5), (3,)][stage]
    groups = [(1, 4, 8, 16), (1, 4, 8), (1, 4), (1,)][stage]
    filters = [(16, 16, 16, 16), (64, 32, 32), (128, 128), (512,)][stage]
    for block in PyConvSE18().blocks[2 * stage : 2 * stage + 2]:
        levels = block.pyconv.levels
        assert tuple(level.kernel_size[0] for level in levels) == kernels
        assert tuple(level.groups for level in levels) == groups
        assert tuple(level.out_channels for level in levels) == filters


@pytest.mark.parametrize(('stage', 'stride'), [(0, 1), (1, 2), (1, 1), (3, 2), (3, 1)])
def test_training_computes_another_way_but_gives_the_same_numbers_and_gradients(stage, stride):
    torch.manual_seed(0)
    pyconv = PyConv(64, STAGES[stage], stride).double()
    x = torch.randn(2, 64, 13, 12, dtype=torch.float64)
    probe = torch.randn_like(pyconv(x))
    gradients = []
    outputs = []
    for mode in (True, False):
        pyconv.train(mode)
        pyconv.zero_grad()
        outputs.append(pyconv(x))
        (outputs[-1] * probe).sum().backward()
        gradients.append([p.grad.clone() for p in pyconv.parameters()])
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(pyconv._dense(x), outputs[1])
    for merged, apart in zip(*gradients, strict=True):
        torch.testing.assert_close(merged, apart)


def test_the_gate_scales_each_channel_by_its_own_factor():
    torch.manual_seed(0)
    gate = SqueezeExcitation(64)
    assert gate.gate[0].out_features == 4
    x = torch.rand(2, 64, 5, 5) + 0.1
    ratio = gate(x) / x
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))
    assert ratio.min() > 0 and ratio.max() < 1


def face():
    return torch.rand(2, 1, 44, 44, generator=torch.Generator().manual_seed(0)) * 4 - 2


def test_brightness_and_contrast_do_not_matter():
    x = face()
    torch.testing.assert_close(standardise(3 * x + 1), standardise(x), atol=0.02, rtol=0)


def test_a_dark_surrounding_hardly_changes_the_face():
    x = face()
    dark = x.clone()
    dark[..., :3] = dark[..., -3:] = -2
    middle = (..., slice(12, 32), slice(12, 32))
    change = (standardise(dark) - standardise(x))[middle].abs().max()
    evenly = [(y - y.mean((2, 3), keepdim=True)) / y.std((2, 3), keepdim=True) for y in (dark, x)]
    assert change < 0.5 * (evenly[0] - evenly[1])[middle].abs().max()


def test_the_noise_of_an_empty_picture_is_not_blown_up():
    assert standardise(0.01 * face()).abs().max() < 0.5
