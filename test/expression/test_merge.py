"""Merged for engines, the network says the same."""

import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.expression.merge import BlockConv2d, merge_levels  # noqa: E402
from fer_fusion_ros.expression.pyconv_se18 import PyConvSE18  # noqa: E402


@pytest.mark.parametrize('preset', ['stride1', 'stride2'])
@torch.no_grad()
def test_the_results_stay(preset):
    torch.manual_seed(0)
    network = PyConvSE18(preset).double().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after a training
            for values in (module.weight, module.bias, module.running_mean):
                values.normal_()
            module.running_var.uniform_(0.5, 2)
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    faces = torch.randn(3, 1, 44, 44, dtype=torch.float64)
    merged = merge_levels(network)
    torch.testing.assert_close(merged(faces), network(faces))
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())
    levels = merged.blocks[0].pyconv.levels
    assert len(levels) == 3 and isinstance(levels[-1], BlockConv2d)


@pytest.mark.parametrize('block', [(2, 4), (1, 3), (5, 2)])
@pytest.mark.parametrize('size', [(22, 22), (9, 7), (3, 5)])
@torch.no_grad()
def test_blocks_of_pixels_give_the_convolution(block, size):
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(8, 4, 9, padding=4, groups=2, bias=False).double()
    x = torch.randn(2, 8, *size, dtype=torch.float64)
    blocks = BlockConv2d(convolution, block)
    torch.testing.assert_close(blocks(x), convolution(x))
