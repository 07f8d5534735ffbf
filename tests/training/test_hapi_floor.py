"""Training data and network of Hapi's floors."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.venue import AccessPoint, Floor
from training.ap_floors import by_strongest
from training.hapi_floor import FloorSettings, fit_floor
from training.hapi_floor_data import FloorData, most_floors, of_users, reference, synthetic
from training.hapi_site import Site, site_of
from training.networks.floor import FloorNet
from training.simulator import Crowd, Radio, place_access_points, simulate
from training.survey import Header, SurveyError
from training.virtual_users import FIXED, ORDINARY, RANDOMISED, Radios, Users, virtual_users

QUICK = FloorSettings(users=3000, held_out=1000, epochs=15, patience=4)


def building(counts, seed=0, width_m=40.0, depth_m=30.0):
    rng = np.random.default_rng(seed)
    return place_access_points("b", counts, width_m, depth_m, rng)


def site(counts, seed=0, **size):
    return site_of(simulate(building(counts, seed, **size), Radio(), Crowd(scans=20, walks=2)))


def test_the_paper_s_layers():
    """32 -> 100 -> 100 -> 100 -> 100 -> 4 with ReLU, a quarter dropped after the first."""
    network = FloorNet()
    sizes = [tuple(p.shape) for p in network.parameters()]
    assert sizes == [(100, 32), (100,)] + [(100, 100), (100,)] * 3 + [(4, 100), (4,)]
    assert sum(p.numel() for p in network.parameters()) == 34_004
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Linear", "ReLU", "Dropout", *["Linear", "ReLU"] * 3, "Linear"]
    assert network.layers[2].p == 0.25
    assert network(torch.zeros(3, 32)).shape == (3, 4)


def test_truestory_takes_sixteen_inputs():
    network = FloorNet(kinds=4)
    assert network(torch.zeros(2, 16)).shape == (2, 4)
    assert FloorNet(**network.config).config == network.config
    with pytest.raises(ValueError, match="kinds, span, width, depth are 5, 4, 100, 4: expected"):
        FloorNet(kinds=5)


def test_virtual_users_follow_the_fixed_radio():
    """Levels less their expectation are N(0, 6 dB), cut at the limit."""
    here = site((4, 3, 5))
    cells = here.cells(1.0)
    loud = Radios((-20, -20), (3, 3), (15, 15), (6, 6), (-200, -200), (0, 0), (0, 0))
    users = virtual_users(here, cells, loud, 3000, np.random.default_rng(1))
    assert np.isfinite(users.rssi_dbm).all()
    layout = here.layout
    apart = layout.floor[None] - users.floor[:, None]
    flat = np.linalg.norm(users.xy_m[:, None] - layout.xy_m[None], axis=2)
    distance = np.maximum(np.hypot(flat, 3.5 * apart + 1.5), 1)
    rest = users.rssi_dbm - (-20 - 30 * np.log10(distance) - 15 * np.abs(apart))
    quiet = users.rssi_dbm < -20  # Levels end at -1 dBm.
    assert rest[quiet].mean() == pytest.approx(0, abs=0.3)
    assert rest[quiet].std() == pytest.approx(6, rel=0.05)
    assert np.bincount(users.floor).tolist() == [1000, 1000, 1000]
    usual = virtual_users(here, cells, FIXED, 500, np.random.default_rng(1))
    assert np.nanmin(usual.rssi_dbm) >= -92
    assert np.isfinite(usual.rssi_dbm).any(axis=1).all()


def test_users_stay_on_the_cells_and_hear_less_with_dead_access_points():
    here = site((6, 6))
    cells = here.cells(1.0)
    dead = Radios(dead=(0.6, 0.6))
    alive = Radios(dead=(0.0, 0.0))
    heard = [
        np.isfinite(virtual_users(here, cells, r, 400, np.random.default_rng(0)).rssi_dbm).mean()
        for r in (dead, alive)
    ]
    assert heard[0] < 0.6 * heard[1]
    users = virtual_users(here, cells, ORDINARY, 400, np.random.default_rng(0))
    for floor in (0, 1):
        mine = users.xy_m[users.floor == floor]
        near = np.abs(mine[:, None] - cells.xy_m[cells.floor == floor][None]).max(axis=2)
        assert near.min(axis=1).max() <= 0.5 + 1e-9


def test_users_of_a_building_that_none_can_hear():
    far = Site(
        Header("far", "", "", (Floor(0, width_m=10.0, height_m=10.0),)),
        (AccessPoint("a", 4900.0, 0.0, 0),), "far.csv",
    )  # fmt: skip
    with pytest.raises(SurveyError, match=r"far\.csv: 0 of \d+ virtual users hear one of 1 acc"):
        virtual_users(far, far.cells(1.0), FIXED, 10, np.random.default_rng(0))


def test_labels_are_places_in_the_range():
    here = site((3, 3, 3, 3, 3, 3))
    users = virtual_users(here, here.cells(1.0), RANDOMISED, 600, np.random.default_rng(2))
    data, missed = of_users(users, here)
    assert len(data) == round(600 * (1 - missed))
    assert 0 <= missed < 0.2
    assert set(data.label.tolist()) == {0, 1, 2, 3}
    assert data.valid.all()
    low = site((3, 3))
    two = synthetic(low, low.cells(1.0), RANDOMISED, 100, np.random.default_rng(2))
    assert (two.valid == [True, True, False, False]).all()
    assert set(two.label.tolist()) == {0, 1}


def other(counts=(9, 3, 8, 7, 6), scans=300):
    return simulate(building(counts, 7), Radio(), Crowd(scans=scans, walks=10), seed=3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([(2, 5, 3, 4, 1, 2), (3, 2), (4,)]))
def test_reference_scans_are_cut_to_the_building(seed, counts):
    """No floor hears more access points than the building has there, in some window of its."""
    here = site(counts)
    data = reference(here, [other()], 200, np.random.default_rng(seed))
    span = min(4, len(counts))
    windows = [counts[s : s + span] for s in range(len(counts) - span + 1)]
    most = np.max(windows, axis=0)
    assert (data.features[:, :span, 0] <= most).all()
    assert not data.features[:, span:, 0].any()
    assert (data.valid == (np.arange(4) < span)).all()
    assert (data.features[:, :, 0].sum(axis=1) >= 1).all()
    assert (data.label < span).all()


def test_reference_scans_are_balanced_and_noisy():
    here = site((6, 6, 6, 6, 6))
    survey = other()
    quiet = reference(here, [survey], 2000, np.random.default_rng(0), noise_db=0.0)
    noisy = reference(here, [survey], 2000, np.random.default_rng(0), noise_db=5.0)
    share = np.bincount(noisy.label, minlength=4) / len(noisy)
    assert share.min() > 0.2
    assert share.max() < 0.3
    # Without noise a largest level is a whole dBm of the survey.
    assert (quiet.features[:, :, 1] % 1 == 0).all()
    assert (noisy.features[:, :, 1] % 1 != 0).mean() > 0.5
    again = reference(here, [survey], 2000, np.random.default_rng(0), noise_db=5.0)
    np.testing.assert_array_equal(noisy.features, again.features)
    assert most_floors([survey, other((2, 2))]) == 5


def test_references_that_are_none():
    here, survey = site((3, 3)), other()
    with pytest.raises(SurveyError, match="no reference survey"):
        reference(here, [], 10, np.random.default_rng(0))
    with pytest.raises(SurveyError, match="no labelled scan hears one of its 33 located"):
        reference(here, [survey.take(survey.floor > 99)], 10, np.random.default_rng(0))


def test_the_network_beats_the_strongest_access_point_in_a_tall_thin_building():
    """Six floors, half of the access points dead; other users than those it learned from."""
    here = site((5, 4, 6, 5, 4, 5), width_m=50.0)
    cells, rng = here.cells(1.0), np.random.default_rng(0)
    data, held_out = (synthetic(here, cells, RANDOMISED, n, rng) for n in (4000, 1000))
    fit = fit_floor(data, held_out, QUICK)
    survey = simulate(
        building((5, 4, 6, 5, 4, 5), width_m=50.0), Radio(), Crowd(scans=800, walks=20), seed=9
    )
    rssi = here.layout.levels(survey)
    rssi[:, ::2] = np.nan
    heard = np.isfinite(rssi).any(axis=1)
    rule = (by_strongest(here.layout, rssi) == survey.floor)[heard].mean()
    hit = (fit.floor(rssi[heard], here) == survey.floor[heard]).mean()
    assert hit > rule + 0.02
    assert hit > 0.9
    assert 0.25 <= fit.temperature <= 4
    again = fit_floor(data, held_out, QUICK)
    for a, b in zip(fit.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_floors_that_are_not_there_get_nothing():
    rng = np.random.default_rng(0)
    data = FloorData(
        rng.normal(size=(200, 4, 8)).astype(np.float32), rng.integers(0, 2, 200),
        np.tile([True, True, False, False], (200, 1)),
    )  # fmt: skip
    fit = fit_floor(data, data, FloorSettings(epochs=2, batch=10))
    p = fit.probability(data.features, data.valid)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert not p[:, 2:].any()
    assert fit.epochs <= 2
    with pytest.raises(ValueError, match="0 rows to train on, 200 held out"):
        fit_floor(FloorData(data.features[:0], data.label[:0], data.valid[:0]), data, QUICK)


def test_truestory_learns_from_four_kinds():
    here = site((4, 4, 4))
    cells, rng = here.cells(1.0), np.random.default_rng(1)
    data, held_out = (synthetic(here, cells, FIXED, n, rng) for n in (3000, 500))
    fit = fit_floor(data, held_out, FloorSettings(epochs=10, kinds=4))
    assert fit.mean.shape == (16,)
    p = fit.probability(held_out.features, held_out.valid)
    assert (p.argmax(axis=1) == held_out.label).mean() > 0.9
    users = Users(np.array([[-40] + [np.nan] * 11], np.float32), np.zeros((1, 2)), np.zeros(1))
    assert fit.floor(users.rssi_dbm, here).tolist() == [0]
