"""iToLoc's networks, layer by layer as SPEC 2.2 puts them together."""

import numpy as np
import pytest
import torch
from torch import nn

from training.networks.itoloc import ItolocNet, log_mean


def table(module):
    """(kernel, in, out, padding) of every convolution, and the other layers by name."""
    rows = []
    for one in module.modules():
        if isinstance(one, nn.Conv2d | nn.Conv1d):
            rows.append((one.kernel_size[0], one.in_channels, one.out_channels, one.padding[0]))
        elif isinstance(one, nn.Linear):
            rows.append(("fc", one.in_features, one.out_features))
        elif isinstance(one, nn.MaxPool2d | nn.MaxPool1d):
            rows.append(("max", one.kernel_size))
        elif isinstance(one, nn.Dropout):
            rows.append(("dropout", one.p))
        elif isinstance(one, nn.LeakyReLU):
            rows.append(("leaky", one.negative_slope))
        elif isinstance(one, nn.BatchNorm2d | nn.BatchNorm1d):
            rows.append(("bn", one.num_features))
    return rows


def conv(kernel, before, after):
    return [(kernel, before, after, kernel // 2), ("bn", after), ("leaky", 0.1)]


HALF = [("max", 2), ("dropout", 0.5)]


def classifier(kernel, classes):
    return [
        *conv(kernel, 32, 32), *conv(kernel, 32, 32), *HALF,
        *conv(kernel, 32, 64), *conv(kernel, 64, 64), ("fc", 64, classes),
    ]  # fmt: skip


def test_layers_of_the_paper():
    network = ItolocNet(n_aps=30, n_places=13, n_domains=22)
    first, second, third = network.predictors
    assert table(network.extractor) == [*conv(3, 1, 32), *conv(3, 32, 32), *HALF]
    assert table(first) == classifier(3, 13)
    assert table(second) == classifier(5, 13)
    assert table(network.discriminator) == classifier(3, 22)
    residual = [*conv(3, 32, 32), *conv(3, 32, 32)]
    assert table(third) == [*residual, *HALF, *residual, ("fc", 32, 13)]


def test_parameters_by_hand():
    """Convolutions a^2 x in x out, two numbers per normed channel, fc with bias."""
    network = ItolocNet(30, 13, 22)

    def count(module):
        return sum(p.numel() for p in module.parameters())

    norm = 2 * (32 + 32)
    assert count(network.extractor) == 9 * (32 + 32 * 32) + norm == 9632
    bodies = {a: a * a * (2 * 32 * 32 + 32 * 64 + 64 * 64) + norm + 2 * (64 + 64) for a in (3, 5)}
    first, second, third = network.predictors
    assert count(first) == bodies[3] + 65 * 13 == 74957
    assert count(second) == bodies[5] + 65 * 13 == 206029
    assert count(third) == 9 * 4 * 32 * 32 + 2 * norm + 33 * 13 == 37549
    assert count(network.discriminator) == bodies[3] + 65 * 22


@pytest.mark.parametrize("n", [4, 5, 30, 31])
def test_sizes(n):
    network = ItolocNet(n, 13, 5, channels=2).eval()
    x = torch.randn(3, 2, n, n)
    features = network.extractor(x)
    assert features.shape == (3, 32, n // 2, n // 2)
    assert [logits.shape for logits in network(x)] == [(3, 13)] * 3
    assert network.discriminator(features).shape == (3, 5)
    for one, other in zip(network(x), network.predict(features), strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(ValueError, match="3 access points, expected 4"):
        ItolocNet(3, 13, 5)


def test_one_dimension():
    """The same layers over vectors: a convolution has a instead of a^2 weights."""
    flat = ItolocNet(30, 13, 22, form="1d").eval()
    assert table(flat) == table(ItolocNet(30, 13, 22))
    assert flat.extractor(torch.randn(2, 1, 30)).shape == (2, 32, 15)
    assert flat.scores(torch.randn(2, 1, 30)).shape == (2, 13)
    assert sum(p.numel() for p in flat.extractor.parameters()) == 3 * (32 + 32 * 32) + 128


def test_the_residual_block_adds_its_input():
    network = ItolocNet(8, 3, 2).eval()
    block = network.predictors[2][0]
    x = torch.randn(2, 32, 4, 4)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(block(x), torch.where(x > 0, x, 0.1 * x))


def test_rows_keep_access_points_apart():
    """A quarter of the rows is left after two poolings, and each has weights of its own."""
    network = ItolocNet(16, 3, 2, width=4, pool="rows").eval()
    assert network.predictors[0][-1].in_features == 8 * 4
    assert network.predictors[2][-1].in_features == 4 * 4
    assert network.scores(torch.randn(2, 1, 16, 16)).shape == (2, 3)
    with pytest.raises(ValueError, match="pool is 'max'"):
        ItolocNet(16, 3, 2, pool="max")
    with pytest.raises(ValueError, match="form is '3d'"):
        ItolocNet(16, 3, 2, form="3d")


def test_scores_are_the_log_of_the_mean_of_softmaxes():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 5, (4, 3, 7))
    p = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    found = log_mean(torch.from_numpy(logits)).numpy()
    np.testing.assert_allclose(found, np.log(p.mean(axis=1)), atol=1e-9)
    far = log_mean(torch.tensor([[[0.0, -300.0]] * 3], dtype=torch.float32))
    torch.testing.assert_close(far, torch.tensor([[0.0, -300.0]]))
    network = ItolocNet(8, 3, 2).eval()
    x = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(network.scores(x), log_mean(torch.stack(network(x), 1)))
