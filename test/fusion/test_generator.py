import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.fusion.generator import PRESETS, Generator, Shape  # noqa: E402


def images(height, width, seed=0, number=1):
    shape = (2, number, 1, height, width)
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).mul(2).sub(1).unbind()


def test_the_paper_preset_has_the_papers_size():
    assert sum(p.numel() for p in Generator.from_preset('paper').parameters()) == 928_738


def test_there_are_no_normalisation_layers():
    kinds = {type(module).__name__ for module in Generator.from_preset('paper').modules()}
    assert kinds == {'Generator', 'Conv2d', 'LeakyReLU'}


@pytest.mark.parametrize('preset', PRESETS)
@pytest.mark.parametrize('size', [(16, 20), (17, 20), (16, 21), (19, 23), (1, 1)])
def test_size_and_range_are_kept(preset, size):
    with torch.no_grad():
        fused = Generator.from_preset(preset)(*images(*size, number=2))
    assert fused.shape == (2, 1, *size)
    assert fused.abs().max() <= 1


def inputs_of_convolutions(network, ir, vis):
    seen = []
    hooks = [
        getattr(network, f'conv{n}').register_forward_hook(lambda m, x, y: seen.append(x[0]))
        for n in range(1, 6)
    ]
    with torch.no_grad():
        network(ir, vis)
    for hook in hooks:
        hook.remove()
    return seen


def test_each_layer_gets_the_image_the_figure_gives_it():
    ir, vis = images(12, 14)
    network = Generator(Shape((6, 5, 4, 3)))
    first, second, third, fourth, fifth = inputs_of_convolutions(network, ir, vis)
    assert [x.shape[1] for x in (first, second, third, fourth, fifth)] == [2, 7, 6, 5, 4]
    torch.testing.assert_close(first, torch.cat([ir, vis], 1))
    for x, image in ((second, ir), (third, ir), (fourth, vis), (fifth, vis)):
        torch.testing.assert_close(x[:, -1:], image)


def test_the_visible_image_reaches_the_first_three_layers_through_the_first_alone():
    ir, vis = images(12, 14)
    network = Generator(Shape((6, 5, 4, 3)))
    before = inputs_of_convolutions(network, ir, vis)
    after = inputs_of_convolutions(network, ir, -vis)
    for layer in (1, 2):
        torch.testing.assert_close(before[layer][:, -1:], after[layer][:, -1:])
    for layer in (3, 4):
        torch.testing.assert_close(before[layer][:, -1:], -after[layer][:, -1:])
    with torch.no_grad():
        network.conv1.weight[:, 1] = 0
    before = inputs_of_convolutions(network, ir, vis)
    after = inputs_of_convolutions(network, ir, -vis)
    for layer in (1, 2):
        torch.testing.assert_close(before[layer], after[layer])


@pytest.mark.parametrize(('fold', 'reach'), [(1, 6), (2, 12)])
def test_receptive_field(fold, reach):
    # 5, 5, 3, 3 and 1 reach 2 + 2 + 1 + 1 + 0 = 6 pixels (or blocks of pixels) to each side.
    network = Generator(Shape((3, 3, 3, 3), fold=fold))
    image = torch.zeros(1, 1, 48, 48, requires_grad=True)
    network(image, image)[0, 0, 24, 24].backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert rows.min() == 24 - reach
    assert rows.max() == 24 + reach + fold - 1


def test_a_folded_network_sees_every_pixel():
    network = Generator.from_preset('realtime')
    image = torch.zeros(1, 1, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(image, image).sum(), image)
    assert (gradient != 0).all()


def test_folding_is_pixel_unshuffle_and_takes_other_sizes():
    network = Generator(Shape((1, 1, 1, 1), fold=3))
    image, _ = images(9, 12)
    expected = torch.nn.functional.pixel_unshuffle(image, 3)
    assert torch.equal(network._fold(image), expected)
    cut = network._fold(image[..., :8, :10])
    assert cut.shape == expected.shape
    unfolded = torch.nn.functional.pixel_shuffle(cut, 3)
    assert torch.equal(unfolded[..., :8, :10], image[..., :8, :10])


def test_a_mixing_network_starts_near_the_average():
    ir, vis = images(32, 32)
    torch.manual_seed(0)
    with torch.no_grad():
        fused = Generator.from_preset('realtime')(ir, vis)
    assert (fused - (ir + vis) / 2).abs().mean() < 0.25


def mean_of_blocks(image, side):
    """Average 2x2 blocks, then windows of blocks as far as they lie within the image."""
    blocks = image[0, 0].unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).mean((1, 3))
    reach = side // 2
    rows, columns = blocks.shape
    means = torch.empty_like(blocks)
    for r in range(rows):
        for c in range(columns):
            window = blocks[max(0, r - reach) : r + reach + 1, max(0, c - reach) : c + reach + 1]
            means[r, c] = window.mean()
    return means.repeat_interleave(2, 0).repeat_interleave(2, 1)[None, None]


def test_a_mixing_network_gives_each_pixel_its_shares_of_images_and_means():
    ir, vis = images(10, 12)
    network = Generator(Shape((4, 4, 4, 4), fold=2, bands=(3, 5)))
    with torch.no_grad():
        network.conv5.weight.zero_()
        shares = [torch.tensor([2.0, -0.5]).repeat_interleave(4), torch.tensor([-1.0, 0.5])]
        network.conv5.bias.copy_(torch.cat([*shares, torch.zeros(2), torch.full((4,), 0.25)]))
        fused = network(ir, vis)
    expected = 2 * ir - 0.5 * vis - mean_of_blocks(ir, 3) + 0.5 * mean_of_blocks(vis, 3) + 0.25
    torch.testing.assert_close(fused, expected.clamp(-1, 1))


def test_each_band_is_the_mean_of_the_former():
    ir, vis = images(10, 12)
    network = Generator(Shape((4, 4, 4, 4), fold=2, bands=(3, 5)))
    with torch.no_grad():
        network.conv5.weight.zero_()
        network.conv5.bias.zero_()
        network.conv5.bias[10] = 1.0
        fused = network(ir, vis)
    expected = mean_of_blocks(mean_of_blocks(ir, 3), 5)
    torch.testing.assert_close(fused, expected)


def test_the_last_layer_of_a_mixing_network_sees_images_and_means():
    ir, vis = images(10, 12)
    network = Generator(Shape((4, 4, 4, 4), fold=2, bands=(3, 5)))
    inputs = network.conv5.in_channels
    assert inputs == 4 + 8 + 4
    with torch.no_grad():
        network.conv5.weight.zero_()
        network.conv5.bias.zero_()
        network.conv5.weight[12:, -4] = 0.5
        fused = network(ir, vis)
    torch.testing.assert_close(fused, 0.5 * mean_of_blocks(ir, 3))
