"""RadioUNet and LocUNet: the published counts, what each layer sees, the centre of mass."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from training.networks.locunet import ACTIVATIONS, LocUNet, centre_of_mass
from training.networks.radio_unet import RadioUNet
from training.networks.skip_unet import Down, SkipUNet, Up, shallower


def size(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("inputs", "count"),
    [(16, 22_332_381), (15, 22_331_676), (11, 22_328_856), (10, 22_328_151)],
)
def test_locunet_has_the_published_parameters(inputs, count):
    with torch.device("meta"):
        assert size(LocUNet(inputs)) == count


@pytest.mark.parametrize("side", [64, 128])
def test_a_smaller_side_has_the_same_layers(side):
    with torch.device("meta"):
        assert size(LocUNet(16, side)) == 22_332_381


def test_radio_unet_has_the_published_parameters():
    with torch.device("meta"):
        network = RadioUNet()
    assert (size(network.first), size(network.second)) == (10_921_405, 2_352_626)
    assert size(network) == 13_274_031


def test_radio_unet_gives_two_maps_and_the_second_does_not_teach_the_first():
    torch.manual_seed(0)
    network = RadioUNet()
    first, second = network(torch.rand(1, 2, 64, 64))
    assert first.shape == second.shape == (1, 1, 64, 64)
    second.sum().backward()
    assert all(p.grad is None for p in network.first.parameters())
    assert all(p.grad is not None for p in network.second.parameters())
    with pytest.raises(ValueError, match=r"\(1, 2, 96, 64\), expected sides in steps of 64"):
        network(torch.zeros(1, 2, 96, 64))


@pytest.mark.parametrize(("side", "deepest"), [(64, 5), (128, 6), (256, 7)])
def test_locunet_ends_at_a_side_of_two(side, deepest):
    with torch.device("meta"):
        network = LocUNet(10, side, 0.05)
        assert sum(network.body._pools) == sum(network.body._resized) == deepest
        assert network(torch.zeros(1, 10, side, side)).shape == (1, side, side)


def test_an_untrained_locunet_points_near_the_middle_and_is_reliable():
    torch.manual_seed(0)
    found = centre_of_mass(LocUNet(16, 64, 0.1)(torch.rand(2, 16, 64, 64)))
    assert ((found.pixel - 31.5).abs() < 8).all()
    assert found.reliable.all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    torch.manual_seed(1)
    network = LocUNet(10, 64, 0.05, activation)
    nn.init.constant_(network.body.up[-1].bias, -0.1 if activation != "softmax" else 0.0)
    heatmap = network(torch.rand(2, 10, 64, 64))
    if activation == "leaky_relu":
        assert (heatmap < 0).any()
    else:
        assert (heatmap >= 0).all()
    if activation == "softmax":
        torch.testing.assert_close(heatmap.sum(dim=(1, 2)), torch.ones(2))
    with pytest.raises(ValueError, match="activation 'tanh'"):
        LocUNet(10, 64, 0.05, "tanh")


finite = st.floats(-100, 100, width=32)


@given(arrays(np.float32, (2, 5, 7), elements=finite))
def test_centre_of_mass_against_numpy(values):
    found = centre_of_mass(torch.from_numpy(values))
    total = values.astype(float).sum(axis=(1, 2))
    size_of = np.abs(values.astype(float)).sum(axis=(1, 2))
    for i in range(2):
        assert np.isfinite(found.pixel[i]).all()
        if size_of[i] > 1 and abs(total[i]) > 0.05 * size_of[i]:
            column = (values[i].sum(axis=0, dtype=float) * np.arange(7)).sum() / total[i]
            row = (values[i].sum(axis=1, dtype=float) * np.arange(5)).sum() / total[i]
            np.testing.assert_allclose(found.pixel[i], [column, row], rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(found.mass[i], abs(total[i]) / size_of[i], rtol=1e-3)
    turned = centre_of_mass(-torch.from_numpy(values))
    torch.testing.assert_close(turned.pixel, found.pixel)


def test_parts_that_cancel_are_not_reliable():
    heatmap = torch.zeros(3, 4, 4)
    heatmap[0, 1, 2] = 5.0
    heatmap[1, 0, 0], heatmap[1, 3, 3] = 1.0, -1.0
    found = centre_of_mass(heatmap)
    assert found.reliable.tolist() == [True, False, False]
    assert found.pixel[0].tolist() == pytest.approx([2.0, 1.0])
    assert torch.isfinite(found.pixel).all()


def test_convolving_before_interpolating_is_the_papers_order():
    torch.manual_seed(0)
    layer, x = nn.Conv2d(3, 2, 1), torch.randn(1, 3, 6, 6)

    def twice(v):
        return nn.functional.interpolate(v, scale_factor=2.0, mode="bilinear")

    torch.testing.assert_close(twice(layer(x)), layer(twice(x)))


def test_every_layer_up_sees_its_mirror_and_the_last_two_the_inputs():
    network = SkipUNet(3, [Down(4, 3), Down(5, 3, True)], [Up(6, 1, True), Up(7, 3), Up(1, 3)],
                       "mean", 0.2)  # fmt: skip
    assert [layer.in_channels for layer in network.up] == [5, 6 + 4 + 3, 7 + 3]
    with pytest.raises(ValueError, match="2 layers with 1 pools down and 2"):
        SkipUNet(3, [Down(4, 3), Down(5, 3, True)], [Up(6, 1, True), Up(1, 3)], "mean", 0.2)


def test_shallower_keeps_the_outer_steps():
    ways = [Down(1, 3, True), Down(2, 3), Down(3, 3, True)], [Up(4, 1, True), Up(6, 1, True)]
    down, up = shallower(*ways, 1)
    assert [layer.pools for layer in down] == [True, False, False]
    assert [layer.doubles for layer in up] == [False, True]


def test_a_new_locunet_lets_the_image_through_to_its_deepest_layer():
    torch.manual_seed(0)
    network = LocUNet(side=64, width=0.25).eval()
    seen = []
    network.body.down[-1].register_forward_hook(lambda *found: seen.append(found[2]))
    with torch.inference_mode():
        network(torch.rand(4, 16, 1, 1).expand(-1, -1, 64, 64))
    # With PyTorch's own start it is 1e-8.
    assert seen[0].std(dim=0).mean() > 1e-4
