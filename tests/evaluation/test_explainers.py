"""Explainers on small networks; captum as an independent oracle."""

import warnings

import numpy as np
import pytest
import torch

from evaluation.explainers import (
    EXPLAINERS,
    Subject,
    cam,
    cam_beyond_silence,
    lime,
    logit_occlusion,
    occlusion,
    random_order,
)
from evaluation.score_groups import agreement
from training.networks.exloc import ExLocNet, circulant

N, CELLS = 9, 7
LAYOUTS = [("zero", "2d"), ("circular", "2d"), ("circular", "1d")]


def subject(seed=0, temperature=1.0, **changes):
    torch.manual_seed(seed)
    settings = {"n_aps": N, "n_cells": CELLS, "width": 6, "depth": 2, "kernel": 3}
    rng = np.random.default_rng(seed)
    return Subject(
        ExLocNet(**(settings | changes)).eval(),
        np.full(N, -1.5, np.float32),
        rng.normal(size=(50, N)).astype(np.float32),
        temperature,
    )


@pytest.fixture
def case():
    """Rows (8, N), what they heard, their classes."""
    rng = np.random.default_rng(1)
    heard = rng.random((8, N)) < 0.7
    rows = np.where(heard, rng.normal(size=(8, N)), -1.5).astype(np.float32)
    return rows, heard, rng.integers(0, CELLS, 8)


def images(net, rows):
    rows = torch.from_numpy(rows)
    return rows.unsqueeze(1) if net.form == "1d" else circulant(rows).unsqueeze(1)


@pytest.mark.parametrize("head", ["gap", "gap_embedding", "per_ap"])
@pytest.mark.parametrize(("padding", "form"), LAYOUTS)
def test_cam_splits_the_logit(head, padding, form, case):
    one = subject(head=head, padding=padding, form=form)
    rows, heard, classes = case
    scores = cam(one, rows, heard, classes)
    total = scores.sum(1) if head == "per_ap" else scores.mean(1)
    bias = one.network.fc.bias.detach().numpy()[classes]
    np.testing.assert_allclose(total + bias, one.logit(rows, classes), atol=1e-5)


@pytest.mark.parametrize("head", ["gap", "gap_embedding"])
@pytest.mark.parametrize(("padding", "form"), LAYOUTS)
def test_captums_grad_cam_is_cam_by_a_known_factor(head, padding, form, case):
    """Behind GAP every gradient of logit c by channel k is weight / positions."""
    from captum.attr import LayerGradCam

    one = subject(head=head, padding=padding, form=form)
    rows, heard, classes = case
    found = LayerGradCam(one.network, one.network.layers[-1]).attribute(
        images(one.network, rows), target=torch.from_numpy(classes)
    )
    found = found.detach().numpy()[:, 0]
    if form == "2d":
        found = np.stack([[np.mean([m[j, (i + j) % N] for j in range(N)]) for i in range(N)]
                          for m in found])  # fmt: skip
    positions = N * N if form == "2d" else N
    np.testing.assert_allclose(positions * found, cam(one, rows, heard, classes), atol=1e-5)


@pytest.mark.parametrize("head", ["gap", "gap_embedding", "per_ap"])
@pytest.mark.parametrize(("padding", "form"), LAYOUTS)
def test_captums_gradient_times_activation_is_cam(head, padding, form, case):
    """Every head is linear in the last features: gradient x activation, summed up, is the split."""
    from captum.attr import LayerGradientXActivation

    one = subject(head=head, padding=padding, form=form)
    rows, heard, classes = case
    found = LayerGradientXActivation(one.network, one.network.layers[-1]).attribute(
        images(one.network, rows), target=torch.from_numpy(classes)
    )
    found = found.detach().numpy().sum(axis=1)
    if form == "2d":
        found = np.stack([[sum(m[j, (i + j) % N] for j in range(N)) for i in range(N)]
                          for m in found])  # fmt: skip
    factor = 1 if head == "per_ap" else N
    np.testing.assert_allclose(factor * found, cam(one, rows, heard, classes), atol=1e-5)


def test_captums_occlusion_is_the_logit_drop(case):
    from captum.attr import Occlusion

    one = subject()
    rows, _, classes = case
    found = Occlusion(one.network).attribute(
        images(one.network, rows), sliding_window_shapes=(1, 1), baselines=-1.5,
        target=torch.from_numpy(classes),
    )  # fmt: skip
    everyone = np.ones_like(rows, dtype=bool)
    got = logit_occlusion(one, rows, everyone, classes)
    np.testing.assert_allclose(got, found.numpy()[:, 0], atol=1e-5)


def test_occlusion_is_the_drop_in_log_probability(case):
    one = subject(temperature=1.7)
    rows, heard, classes = case
    scores = occlusion(one, rows, heard, classes)
    assert (scores[~heard] == 0).all()
    row, column = np.argwhere(heard)[5]
    without = rows[row : row + 1].copy()
    without[0, column] = -1.5
    before, after = (
        np.log(one.probability(r)[0, classes[row]]) for r in (rows[row : row + 1], without)
    )
    assert scores[row, column] == pytest.approx(before - after, abs=1e-5)


@pytest.mark.parametrize("head", ["gap", "per_ap"])
def test_alone_access_points_add_up_to_what_occlusion_finds(head, case):
    """With kernel 1, CAM less the score of silence is the logit drop itself."""
    one = subject(kernel=1, head=head)
    rows, heard, classes = case
    scores = cam_beyond_silence(one, rows, heard, classes)
    scale = 1 if head == "per_ap" else N
    drops = logit_occlusion(one, rows, heard, classes)
    np.testing.assert_allclose(scores, scale * drops, atol=1e-5)
    assert agreement(scores, drops, heard) == pytest.approx(1.0)


def test_lime_finds_the_slope_of_a_linear_probability(case):
    """A subject whose probability is linear has its coefficients for an answer."""
    slope = np.linspace(-0.01, 0.01, N)

    class Linear(Subject):
        def probability(self, rows):
            p = 0.5 + np.asarray(rows) @ slope
            return np.stack([p, 1 - p], axis=1)

    base = subject()
    one = Linear(base.network, base.silent, base.background)
    rows, heard, _ = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = lime(one, rows[:2], heard[:2], np.array([0, 1]), samples=2000)
        again = lime(one, rows[:1], heard[:1], np.array([0]), samples=2000)
    spread = base.background.std(axis=0)
    np.testing.assert_allclose(scores[0], slope * spread, atol=3e-4)
    np.testing.assert_allclose(scores[1], -slope * spread, atol=3e-4)
    np.testing.assert_array_equal(again[0], scores[0])


def test_random_order_follows_its_seed(case):
    rows, heard, classes = case
    one = random_order(subject(), rows, heard, classes, 3)
    np.testing.assert_array_equal(one, random_order(subject(), rows, heard, classes, 3))
    assert not np.array_equal(one, random_order(subject(), rows, heard, classes, 4))


def test_every_explainer_has_the_same_face(case):
    rows, heard, classes = (part[:2] for part in case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for explain in EXPLAINERS.values():
            scores = explain(subject(), rows, heard, classes, 0)
            assert scores.shape == rows.shape
            assert np.isfinite(scores).all()
