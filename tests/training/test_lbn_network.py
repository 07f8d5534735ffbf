"""The LBN-CNN: the published numbers of parameters, its shapes and its norms (SPEC 4.2)."""

import pytest
import torch
from torch import nn

from training.networks.lbn import LayerNorm, LbnNet
from training.networks.local_batch_norm import LocalBatchNorm2d


def size(module):
    return sum(p.numel() for p in module.parameters())


def count(**settings):
    with torch.device("meta"):
        return LbnNet(74, compat75=True, **settings).published_count()


def test_parameters_of_the_paper():
    net = LbnNet(74, norm="none", compat75=True)
    layers = [size(layer) for layer in net.layers]
    assert layers == [320, 18_496, 73_856]
    assert (size(net.dense), size(net.head)) == (2_098_176, 76_875)
    assert net.published_count() == 2_267_723
    assert net.head.out_features == 75


@pytest.mark.parametrize(
    ("settings", "total"),
    [
        # The paper's total, 128 = 4 x 32 above the sum of its layers: a norm on layer 1 with
        # gamma, beta and two moving statistics per channel. BN has that, and a pooled LBN.
        ({"norm": "bn"}, 2_267_851),
        ({"norm": "lbn", "running": "pooled"}, 2_267_851),
        # What it cannot have been: statistics per patch, no batch statistics, another layer.
        ({"norm": "lbn"}, 2_268_811),
        ({"norm": "lbn", "scope": "sample"}, 2_267_787),
        ({"norm": "ln"}, 2_267_787),
        ({"norm": "ln", "ln_affine": "scalar"}, 2_267_725),
        ({"norm": "bn", "layer": 2}, 2_267_979),
        ({"norm": "bn", "layer": 3}, 2_268_235),
        ({"norm": "lbn", "running": "pooled", "layer": 3}, 2_268_235),
    ],
)
def test_the_accounting_of_the_total(settings, total):
    assert count(**settings) == total
    assert (total - 2_267_723 == 4 * 32) == (total == 2_267_851)


def test_a_class_per_place_where_the_paper_is_not_copied():
    with torch.device("meta"):
        assert LbnNet(74, norm="none").published_count() == 2_267_723 - 1025


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("norm", ["none", "bn", "ln", "lbn"])
def test_the_norm_stands_before_the_dropout_of_its_layer(norm, layer):
    torch.manual_seed(0)
    net = LbnNet(5, norm=norm, layer=layer)
    kinds = {"none": nn.Identity, "bn": nn.BatchNorm2d, "ln": LayerNorm, "lbn": LocalBatchNorm2d}
    wanted = [nn.Identity] * 3
    wanted[layer - 1] = kinds[norm]
    assert [type(one.norm) for one in net.layers] == wanted
    if norm == "lbn":
        side, block = {1: (16, 4), 2: (8, 4), 3: (4, 2)}[layer]
        assert (net.normed.norm.size, net.normed.norm.block_size) == ((side, side), block)
    x = torch.rand(6, 1, 16, 16)
    shapes = []
    for one in net.layers:
        x = one(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 16, 16), (64, 8, 8), (128, 4, 4)]


def test_layer_norm():
    torch.manual_seed(0)
    x = 3.0 + 2.0 * torch.randn(4, 6, 5, 5)
    torch.testing.assert_close(LayerNorm(6)(x), nn.LayerNorm((6, 5, 5), eps=1e-3)(x))
    torch.testing.assert_close(LayerNorm(6, eps=0.5)(x), nn.LayerNorm((6, 5, 5), eps=0.5)(x))
    one = LayerNorm(6, "scalar")
    one.gamma.data.fill_(2.0)
    one.beta.data.fill_(-1.0)
    torch.testing.assert_close(one(x), 2.0 * nn.LayerNorm((6, 5, 5), eps=1e-3)(x) - 1.0)
    with pytest.raises(ValueError, match="affine is 'both'"):
        LayerNorm(6, "both")


@pytest.mark.parametrize("norm", ["bn", "ln", "lbn"])
def test_momentum_and_eps_reach_the_norm(norm):
    made = LbnNet(5, norm=norm, momentum=0.8, eps=1e-5).normed.norm
    assert made.eps == 1e-5
    if norm != "ln":
        assert made.momentum == pytest.approx({"bn": 0.2, "lbn": 0.8}[norm])


@pytest.mark.parametrize("edges", ["partial", "crop"])
@pytest.mark.parametrize("side", [4, 7, 10, 14, 16, 19])
def test_any_square(side, edges):
    net = LbnNet(9, side, edges=edges, compat75=True).eval()
    x = torch.rand(3, 1, side, side)
    assert net(x).shape == (3, 10)
    torch.testing.assert_close(net.scores(x), net(x)[:, 1:])


def test_unequal_images_of_one_batch_do_not_mix_in_eval_mode():
    net = LbnNet(9).eval()
    x = torch.rand(5, 1, 16, 16)
    torch.testing.assert_close(net(x), torch.cat([net(row[None]) for row in x]))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"norm": "gn"}, "norm is 'gn'"),
        ({"layer": 4}, "layer is 4"),
        ({"side": 3}, "side 3"),
        ({"n_places": 0}, "0 places"),
        ({"edges": "crop", "side": 16, "layer": 3, "block": 5}, "leaves nothing"),
    ],
)
def test_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        LbnNet(**({"n_places": 5} | settings))
