"""In a form that suits vector units, the network says the same."""

import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.expression.pyconv_se18 import PyConvSE18  # noqa: E402
from fer_fusion_ros.expression.vectorise import BlockConv2d, NormalisedConv2d, vectorise  # noqa: E402


@pytest.mark.parametrize(
    ('preset', 'size', 'blocks'),
    [('stride1', 44, 8), ('stride2', 44, 8), ('stride2', 40, 8), ('wide', 44, 0)],
)
@torch.no_grad()
def test_the_results_stay(preset, size, blocks):
    torch.manual_seed(0)
    network = PyConvSE18(preset).double().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after a training
            for values in (module.weight, module.bias, module.running_mean):
                values.normal_()
            module.running_var.uniform_(0.5, 2)
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    faces = torch.randn(3, 1, size, size, dtype=torch.float64)
    vectorised = vectorise(network)
    torch.testing.assert_close(vectorised(faces), network(faces))
    torch.testing.assert_close(vectorised(faces[:1]), network(faces[:1]))
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())
    modules = list(vectorised.modules())
    assert sum(isinstance(module, BlockConv2d) for module in modules) == blocks
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in modules)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('block', [(2, 4), (4, 4), (1, 3), (5, 2)])
@pytest.mark.parametrize('size', [(22, 22), (9, 7), (3, 5)])
@torch.no_grad()
def test_blocks_of_pixels_give_the_convolution(block, size, stride):
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(8, 4, 9, stride, padding=4, groups=2, bias=False).double()
    norm = torch.nn.BatchNorm2d(4).double().eval()
    for values in (norm.weight, norm.bias, norm.running_mean):
        values.normal_()
    x = torch.randn(2, 8, *size, dtype=torch.float64)
    blocks = BlockConv2d(NormalisedConv2d(convolution, norm), block)
    torch.testing.assert_close(blocks(x), torch.relu(norm(convolution(x))))
