import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.fusion.discriminator import Discriminator  # noqa: E402


def test_layers_are_those_of_the_figure():
    network = Discriminator(64)
    convolutions = [layer for layer in network.features if isinstance(layer, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 64, 128, 128, 256, 256]
    assert [c.stride[0] for c in convolutions] == [1, 2, 1, 2, 1, 2]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}
    assert {c.padding for c in convolutions} == {(0, 0)}
    names = [type(module).__name__ for module in network.modules()]
    assert names.count('Linear') == 2
    assert 'Sigmoid' not in names
    assert not any('Norm' in name for name in names)


def test_sizes_on_the_way():
    x, sizes = torch.zeros(1, 1, 64, 64), []
    for layer in Discriminator(64, (2,) * 6).features:
        x = layer(x)
        if isinstance(layer, torch.nn.Conv2d):
            sizes.append(x.shape[-1])
    assert sizes == [62, 30, 28, 13, 11, 5]


@pytest.mark.parametrize('patch', [29, 48, 95])
def test_one_score_per_patch(patch):
    assert Discriminator(patch, (2,) * 6)(torch.zeros(3, 1, patch, patch)).shape == (3,)


def test_a_patch_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match='28 pixels is too small'):
        Discriminator(28)
