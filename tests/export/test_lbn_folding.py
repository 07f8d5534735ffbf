"""The LBN-CNN with its norm folded is the same function; and its bundles."""

import pytest
import torch
from torch import nn

from export.lbn_folding import FORMS, Crossed, Depthwise, Folded, MultiplyAdd, folded
from training.networks.lbn import LbnNet
from training.networks.local_batch_norm import LocalBatchNorm2d


def network(**settings):
    """Every statistic, gamma, beta and bias of its own, of both signs where they may be."""
    torch.manual_seed(1)
    net = LbnNet(**({"n_places": 7, "side": 10, "momentum": 0.5} | settings)).double()
    for name, value in net.named_parameters():
        if name.endswith(("gamma", "beta", "bias")) or "norm" in name:
            nn.init.normal_(value, 0.3)
    with torch.no_grad():
        for seed in range(3):
            net(images(seed, net.side))
    return net.eval()


def images(seed=9, side=10):
    made = torch.Generator().manual_seed(seed)
    level = torch.rand(1, 1, side, side, generator=made, dtype=torch.float64)
    return level * torch.rand(40, 1, side, side, generator=made, dtype=torch.float64)


CASES = [
    {"norm": "none"}, {"norm": "ln"}, {"norm": "ln", "layer": 3, "ln_affine": "scalar"},
    {"scope": "sample", "block": 4}, {"compat75": True, "block": 4},
    *({"norm": "bn", "layer": layer} for layer in (1, 2, 3)),
    *({"norm": "lbn", "layer": layer, "block": 2} for layer in (1, 2, 3)),
    *({"norm": "lbn", "layer": layer, "running": "pooled", "block": 2} for layer in (1, 3)),
    *({"norm": "lbn", "layer": layer, "block": 4, "edges": "crop"} for layer in (1, 2)),
    {"norm": "lbn", "layer": 3, "block": 2, "edges": "crop", "side": 13},
]  # fmt: skip


@pytest.mark.parametrize("settings", CASES, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_the_same_function(settings, form):
    net = network(**settings)
    made = folded(net, form)
    x = images(side=net.side)
    with torch.inference_mode():
        torch.testing.assert_close(made(x), net.scores(x), rtol=1e-10, atol=1e-10)
    fixed = settings.get("norm", "lbn") in ("bn", "lbn") and settings.get("scope") != "sample"
    norms = (nn.BatchNorm2d, LocalBatchNorm2d)
    assert any(isinstance(m, norms) for m in made.modules()) == (settings.get("scope") == "sample")
    kinds = {"multiply_add": MultiplyAdd, "crossed": Crossed, "depthwise": Depthwise}
    extra = [m for m in made.modules() if isinstance(m, tuple(kinds.values()))]
    wanted = fixed and settings.get("layer", 1) < 3
    assert [type(m) for m in extra] == [kinds[form]] * wanted, "layer 3 leaves nothing behind"


def test_the_checkpoint_is_left_as_it_was():
    net = network(layer=3, block=2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    folded(net)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("settings", "multiplied"),
    [({"norm": "bn"}, False), ({"running": "pooled", "block": 2}, False), ({"block": 2}, True)],
)
def test_a_scale_per_channel_goes_into_the_next_convolution(settings, multiplied):
    (crossed,) = [
        m for m in folded(network(**settings), "crossed").modules() if isinstance(m, Crossed)
    ]
    assert (crossed.scale is not None) == multiplied


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_channels_are_balanced_before_the_norm(layer):
    """What is multiplied after the ReLU is at most 1, and 1 somewhere in each channel."""
    net = network(layer=layer, block=2)
    with torch.no_grad():
        net.normed.norm.gamma[1] = 0.0
    for form in ("multiply_add", "crossed"):
        made = folded(net, form)
        with torch.inference_mode():
            torch.testing.assert_close(made(images()), net.scores(images()))
        for module in made.modules():
            scale = getattr(module, "scale", None)
            if scale is not None:
                largest = scale.abs().amax(dim=(0, 2, 3))
                assert largest[1] == 0.0
                torch.testing.assert_close(largest[2:], torch.ones_like(largest[2:]))


def test_a_bias_per_channel_would_be_wrong_at_the_border():
    """Why the shift crosses a zero-padded convolution as a map."""
    net = network(norm="bn")
    made = folded(net, "crossed")
    (crossed,) = [m for m in made.modules() if isinstance(m, Crossed)]
    inner = crossed.bias_map[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(inner, inner[:, :, :1, :1].expand_as(inner))
    crossed.bias_map.data = crossed.bias_map[:, :, 4:5, 4:5].expand_as(crossed.bias_map).clone()
    with torch.inference_mode():
        assert (made(images()) - net.scores(images())).abs().max() > 1e-3


def test_unknown_forms():
    with pytest.raises(ValueError, match="form is 'fused'"):
        folded(network(), "fused")
    assert isinstance(folded(network()), Folded)
