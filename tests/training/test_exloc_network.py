"""Identities of the network (SPEC 1.2 to 1.4, 1.7)."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import native
from training.networks.exloc import HEADS, ExLocNet, circulant, diagonal_mean

N, CELLS = 9, 7


def network(**changes):
    torch.manual_seed(0)
    settings = {"n_aps": N, "n_cells": CELLS, "width": 6, "depth": 2, "padding": "circular"}
    return ExLocNet(**(settings | changes)).double().eval()


def images(form, rows):
    return rows.unsqueeze(1) if form == "1d" else circulant(rows).unsqueeze(1)


@pytest.fixture
def rows():
    return torch.randn(5, N, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_map_and_its_diagonals_are_those_of_the_native_core():
    rows = np.random.default_rng(0).normal(-60, 9, (3, N)).astype(np.float32)
    np.testing.assert_array_equal(
        circulant(torch.from_numpy(rows)).numpy(), native.cyclic_map(rows)
    )
    maps = np.random.default_rng(1).normal(size=(3, N, N)).astype(np.float32)
    got = diagonal_mean(torch.from_numpy(maps).unsqueeze(1))[:, 0].numpy()
    np.testing.assert_allclose(got, native.diagonal_mean(maps), rtol=1e-5, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20))
def test_the_diagonal_mean_of_the_map_is_the_vector(n):
    row = torch.randn(2, n, dtype=torch.float64)
    torch.testing.assert_close(diagonal_mean(circulant(row).unsqueeze(1))[:, 0], row)


@pytest.mark.parametrize(
    ("padding", "form"), [("zero", "2d"), ("circular", "2d"), ("circular", "1d")]
)
@pytest.mark.parametrize("head", HEADS)
def test_impact_scores_split_the_logit(head, padding, form, rows):
    net = network(head=head, padding=padding, form=form, kernel=3)
    logits, features = net.scores_and_features(images(form, rows))
    assert features.shape == (5, 6, N)
    impact = net.impact(features)
    total = impact.sum(2) if head == "per_ap" else impact.mean(2)
    torch.testing.assert_close(total + net.fc.bias, logits)
    torch.testing.assert_close(net(images(form, rows)), logits)


@pytest.mark.parametrize("kernel", [1, 3, 5, (3, 1)])
@pytest.mark.parametrize("head", HEADS)
def test_the_1d_form_is_the_same_function(head, kernel, rows):
    net = network(head=head, kernel=kernel, form="2d")
    line = net.to_1d()
    assert line.form == "1d"
    want, maps = net.scores_and_features(images("2d", rows))
    got, features = line.scores_and_features(images("1d", rows))
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(features, maps)
    torch.testing.assert_close(line(rows), want)


def test_zero_padding_has_no_1d_form():
    with pytest.raises(ValueError, match="zero padding"):
        network(padding="zero", form="2d").to_1d()


@pytest.mark.parametrize(("head", "blind"), [("gap", True), ("gap_embedding", False),
                                             ("per_ap", False)])  # fmt: skip
def test_only_gap_is_blind_to_a_shift(head, blind, rows):
    """The trap of SPEC 1.7, and the two ways out of it."""
    net = network(head=head)
    same = torch.allclose(net(rows), net(rows.roll(3, dims=1)))
    assert same == blind


def test_features_follow_a_shift(rows):
    net = network(head="gap")
    torch.testing.assert_close(net.features(rows.roll(2, dims=1)), net.features(rows).roll(2, 2))


def test_kernel_1_judges_every_access_point_alone(rows):
    net = network(kernel=1)
    other = rows.clone()
    other[:, 4] += 1.0
    changed = (net.features(other) - net.features(rows)).abs().amax(dim=(0, 1))
    assert changed[4] > 0
    assert changed[torch.arange(N) != 4].max() == 0


def test_parameters_of_the_paper():
    cells = 63
    with torch.device("meta"):
        net = ExLocNet(27, cells, 512, 6, 3, "zero", "gap", "2d")
    count = sum(p.numel() for p in net.parameters())
    assert count == (9 * 512 + 512) + 5 * (9 * 512**2 + 512) + 512 * cells + cells
    assert round(count / 1e6, 1) == 11.8


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"head": "mean"}, "head is 'mean'"),
        ({"padding": "same"}, "padding is 'same'"),
        ({"form": "3d"}, "form is '3d'"),
        ({"kernel": 2}, "expected odd"),
        ({"kernel": (3, 3, 3)}, "one per layer"),
        ({"depth": 0}, "0 layers"),
        ({"form": "1d", "padding": "zero"}, "circular padding only"),
        ({"n_aps": 2, "kernel": 3}, "2 access points"),
        ({"n_cells": 0}, "0 cells"),
    ],
)
def test_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        network(**changes)
