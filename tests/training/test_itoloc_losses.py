"""iToLoc's losses by hand, their signs, its domains and its images beside the device's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from invented import invented_survey

from training.cells import Cells
from training.itoloc_domains import domains_of
from training.itoloc_images import Augmentation, Images, recipe_of
from training.itoloc_losses import (
    domain_loss,
    floor_loss,
    location_loss,
    ramp,
    reversed_gradient,
    spatial_loss,
    spatial_weights,
)
from training.networks.itoloc import ItolocNet


def logits_of(*rows):
    return torch.tensor(rows, dtype=torch.float64).log()


THREE = (
    logits_of([0.5, 0.25, 0.25], [0.1, 0.8, 0.1]),
    logits_of([0.2, 0.6, 0.2], [0.25, 0.5, 0.25]),
    logits_of([1 / 3, 1 / 3, 1 / 3], [0.2, 0.2, 0.6]),
)


def test_location_loss_by_hand():
    target = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]], dtype=torch.float64)
    wanted = -(
        math.log(0.5) + math.log(0.2) + math.log(1 / 3)
        + math.log(0.8) + math.log(0.5) + math.log(0.2)
    ) / 2  # fmt: skip
    assert location_loss(THREE, target).item() == pytest.approx(wanted)


def test_floor_loss_by_hand():
    """Places 0 and 1 lie on one floor; a target that is spread over both is all of it."""
    target = torch.tensor([[0.5, 0.5, 0], [0, 0, 1.0]], dtype=torch.float64)
    members = torch.tensor([[1, 0], [1, 0], [0, 1]], dtype=torch.float64)
    first = math.log(0.75) + math.log(0.8) + math.log(2 / 3)
    second = math.log(0.1) + math.log(0.25) + math.log(0.6)
    assert floor_loss(THREE, target, members).item() == pytest.approx(-(first + second) / 2)


def test_spatial_loss_by_hand():
    weight = torch.tensor([[0, 0.5, 1.0], [0.5, 0, 0.5]], dtype=torch.float64)
    first = (0.125 + 0.25) + (0.3 + 0.2) + (0.5 / 3 + 1 / 3)
    second = 0.5 * (0.2 + 0.5 + 0.8)
    assert spatial_loss(THREE, weight).item() == pytest.approx((first + second) / 2)


def test_domain_loss_by_hand():
    found = domain_loss(logits_of([0.7, 0.3], [0.4, 0.6]), torch.tensor([0, 0]))
    assert found.item() == pytest.approx(-(math.log(0.7) + math.log(0.4)) / 2)


def test_spatial_weights_are_shares_of_the_largest_distance():
    cells = Cells(
        np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]), np.array([0, 0, 1], dtype=np.int32), 1.0
    )
    found = spatial_weights(cells, np.array([[0.0, 0.0], [3.0, 0.0]]), np.int32([0, 1]))
    # The largest: 5 m across and a floor of 15 m.
    wanted = np.array([[0, 5, 15], [3 + 15, 4 + 15, 3]]) / 20.0
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    other = Cells(cells.xy_m * 7, cells.floor * 0, 1.0)
    scaled = spatial_weights(other, np.array([[0.0, 0.0]]), np.int32([0]))
    np.testing.assert_allclose(scaled, [[0, 1, 0]], atol=1e-6)


def test_signs():
    """A step down the whole loss lowers L_a and L_s and raises L_d; one down L_d lowers it."""
    torch.manual_seed(0)
    network = ItolocNet(8, 4, 3, width=4).double()
    x = torch.randn(12, 1, 8, 8, dtype=torch.float64)
    target = torch.eye(4, dtype=torch.float64)[torch.arange(12) % 4]
    weight = 1.0 - target
    domain = torch.arange(12) % 3
    player = [p for name, p in network.named_parameters() if not name.startswith("discriminator")]

    def losses():
        z = network.extractor.eval()(x)
        found = network.eval().predict(z)
        return (
            location_loss(found, target), spatial_loss(found, weight),
            domain_loss(network.discriminator(z), domain),
        )  # fmt: skip

    for which, sign in ((0, -1), (1, -1), (2, 1)):
        before = losses()
        whole = (before[0] if which == 0 else 0) + (before[1] if which == 1 else 0)
        whole = whole - (before[2] if which == 2 else 0)
        gradients = torch.autograd.grad(whole, player, allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(player, gradients, strict=True):
                if gradient is not None:
                    parameter -= 1e-3 * gradient
        assert sign * (losses()[which] - before[which]).item() > 0


def test_reversal_is_minus_lambda_times_the_gradient():
    torch.manual_seed(1)
    network = ItolocNet(8, 4, 3, width=4).eval()
    z = network.extractor(torch.randn(6, 1, 8, 8)).detach().requires_grad_()
    domain = torch.arange(6) % 3
    (plain,) = torch.autograd.grad(domain_loss(network.discriminator(z), domain), z)
    turned = domain_loss(network.discriminator(reversed_gradient(z, 0.3)), domain)
    (found,) = torch.autograd.grad(turned, z)
    assert plain.abs().max() > 0
    torch.testing.assert_close(found, -0.3 * plain)


def test_ramp():
    assert ramp(0.0, 0.1) == 0.0
    assert ramp(0.5, 0.1) == pytest.approx(0.1 * (2 / (1 + math.exp(-5)) - 1))
    assert 0.0999 < ramp(1.0, 0.1) < 0.1


def test_domains_are_pairs_of_device_and_period():
    survey = invented_survey(sessions=3, side=2, floors=(0,), scans=1)
    device = np.where(np.arange(len(survey)) % 2, "watch", "phone").astype(object)
    survey = type(survey)(**(vars(survey) | {"device": device}))
    (by_session,), names = domains_of([survey], 0.0)
    assert names == tuple(f"{d}, s{s}" for d in ("phone", "watch") for s in range(3))
    for row in range(len(survey)):
        assert names[by_session[row]] == f"{device[row]}, {survey.session[row]}"
    # Sessions begin 1000 s apart.
    (by_time, again), names = domains_of([survey, survey], 2_000 / 86_400)
    assert len(names) == 4
    assert (by_time == again).all()
    late = survey.session == "s2"
    assert set(by_time[late]).isdisjoint(by_time[~late])
    with pytest.raises(ValueError, match="period_days is -1"):
        domains_of([survey], -1)


rows = st.lists(
    st.lists(st.floats(-140, -2, width=32) | st.just(np.nan), min_size=6, max_size=6),
    min_size=1, max_size=4,
)  # fmt: skip


@given(rows, st.sampled_from(["plain", "level", "vector", "powed"]), st.integers(0, 63))
def test_images_are_those_of_the_device(values, kind, bits):
    rssi = np.float32(values)
    unknown = np.array([bits >> i & 1 for i in range(6)], dtype=bool)
    flat = kind in ("vector", "powed")
    recipe = recipe_of(
        "vector" if flat else "image", rssi, -100.0, kind == "level",
        2.0 if kind == "powed" else None,
    )  # fmt: skip
    found = Images(recipe)(torch.from_numpy(rssi), unknown=torch.from_numpy(unknown))
    np.testing.assert_allclose(found.numpy(), recipe.images(rssi, unknown), rtol=1e-5, atol=2e-5)
    if flat and recipe.std_db > 0.01:
        assert np.abs(found.numpy()[:, 0, unknown]).max(initial=0.0) < 1e-3, "unknown is the mean"


def test_augmentation():
    torch.manual_seed(0)
    rssi = torch.full((4000, 6), -60.0)
    rssi[:, 0] = torch.nan
    recipe = recipe_of("image", rssi.numpy(), -100.0, True)
    images = Images(recipe)
    plain = images(rssi)
    unknown = images(rssi, Augmentation(unknown=0.5))
    # Against the one that is not heard only unknown gives 0: of the two known with 1 - s each,
    # E[1 - (1 - s)^2] for s from 0 to 1/2 is 5/12.
    assert (unknown[:, 0, 1:, 0] == 0).float().mean().item() == pytest.approx(5 / 12, abs=0.015)
    noisy = images(rssi, Augmentation(noise_db=3.0))
    ratio = noisy[:, 0, 1, 0] + 1
    assert (100 * ratio).std().item() == pytest.approx(3.0, abs=0.15)
    shifted = images(rssi, Augmentation(offset_db=2.0))
    assert torch.allclose(shifted[:, 0, 1:, 1:], plain[:, 0, 1:, 1:], atol=1e-6), "cancels"
    assert (100 * shifted[:, 0, 1, 0]).std().item() == pytest.approx(2.0, abs=0.1)
    lost = images(rssi, Augmentation(lost=0.2))
    assert (lost[:, 0, 1, 0] == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)
    with pytest.raises(ValueError, match="input is 'photo'"):
        recipe_of("photo", rssi.numpy(), -100.0, False)
