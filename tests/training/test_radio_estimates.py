"""Floor attenuation and offset from simulated scans without their places."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from sdk.fingerprint import ApTable
from training.hapi_presets import PRESETS
from training.hapi_site import site_of
from training.path_loss_fit import Ground, evidence, expected_dbm, locate
from training.radio_estimates import estimate, log_likelihood
from training.simulator import Crowd, Radio, place_access_points, simulate
from training.unlabelled import levels_of

RADIO = PRESETS["best"].position


def scans(faf=15.0, device_db=0.0, floors=(9, 9, 9), count=400, seed=1):
    """Ground and levels (M, N) of users whose building has the preset's level at 1 m."""
    rng = np.random.default_rng(seed)
    building = place_access_points("b", floors, 50.0, 30.0, rng)
    radio = Radio(p0_dbm=RADIO.reference_dbm, floor_attenuation_db=faf)
    crowd = Crowd(count, walks=min(8, count), device_mean_db=device_db, device_spread_db=0)
    survey = simulate(building, radio, crowd, seed)
    site = site_of(survey)
    cells = site.cells(1.0)
    ground = Ground.of(site.layout.xy_m, site.layout.floor, cells.xy_m, cells.floor)
    table = ApTable([names[0] for names in site.layout.ids])
    return ground, levels_of(survey, table), survey


@pytest.mark.parametrize("faf", [12.0, 22.0])
def test_floor_attenuation_is_recovered_within_2_db(faf):
    ground, rssi, _ = scans(faf)
    found = estimate(ground, RADIO, rssi).floor_attenuation
    assert found.value_db == pytest.approx(faf, abs=2)
    assert found.spread_db < 1.5
    assert not found.why


def test_a_quiet_phone_is_recovered_within_2_db():
    ground, rssi, _ = scans(20.0, device_db=-8.0)
    found = estimate(ground, RADIO, rssi).offset
    assert found.value_db == pytest.approx(-8, abs=2)
    louder = estimate(ground, RADIO, rssi + 11).offset
    assert louder.value_db - found.value_db == pytest.approx(11, abs=0.5)


def test_without_enough_to_go_by_there_is_no_estimate():
    ground, rssi, _ = scans(count=30)
    few = estimate(ground, RADIO, rssi)
    assert few.offset.value_db is None
    assert "30 scans heard a known access point, needed 50" in few.offset.why
    nothing = estimate(ground, RADIO, np.full_like(rssi, np.nan))
    assert nothing.scans == 0
    assert "0 scans" in nothing.floor_attenuation.why
    ground, rssi, _ = scans(floors=(12,))
    one_floor = estimate(ground, RADIO, rssi)
    assert one_floor.offset.value_db is not None
    assert one_floor.floor_attenuation.value_db is None
    assert "0 times an access point of the next floor" in one_floor.floor_attenuation.why


def test_an_impossible_offset_is_not_believed():
    ground, rssi, _ = scans()
    found = estimate(ground, RADIO, rssi - 60).offset
    assert found.value_db is None
    assert found.why == "it would be 25 dB or more"


def test_noise_without_a_place_is_not_believed():
    ground, rssi, _ = scans()
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(rssi, axis=1)
    drifting = shuffled + np.linspace(-20, 20, len(rssi))[:, None]
    found = estimate(ground, RADIO, drifting)
    assert found.offset.value_db is None
    assert "standard error" in found.offset.why


def test_levels_are_judged_as_by_the_normal_distribution():
    expected, level = np.array([-60.0, -95.0, -60.0]), np.array([-66.0, np.nan, np.nan])
    log = log_likelihood(expected, level, -90.0, 8.0)
    density = 0.9 * norm.pdf(-66, -60, 8) + 1e-4
    silent = 0.1 + 0.9 * norm.cdf(-90, [-95, -60], 8)
    np.testing.assert_allclose(log, np.log([density, *silent]))


def test_evidence_is_the_weighted_sum_of_squares():
    """Against a loop over scans, places and access points."""
    rng = np.random.default_rng(2)
    ap_xy, ap_floor = rng.uniform(0, 20, (7, 2)), np.array([0, 0, 0, 0, 1, 1, 1])
    places = rng.uniform(0, 20, (5, 2))
    ground = Ground(ap_xy, ap_floor, {0: places, 1: places})
    rssi = rng.uniform(-80, -50, (6, 7))
    rssi[rng.random((6, 7)) < 0.3] = np.nan
    radio = replace(RADIO, strongest=3, offset_sigma_db=4.0)
    seen = 0
    for one in evidence(ground, radio, rssi, 20.0, leave_out=2):
        log = one.log_likelihood(radio, offset_db=1.5)
        for i, row in enumerate(one.rows):
            assert ap_floor[np.nanargmax(rssi[row])] == one.floor
            level = rssi[row] + 20.0 * np.abs(ap_floor - one.floor)
            level[2] = np.nan
            kept = np.argsort(-np.where(np.isfinite(level), level, -np.inf))[:3]
            kept = kept[np.isfinite(level[kept])]
            weight = 10 ** ((level[kept] - level[kept].max()) / 30)
            for g, place in enumerate(places):
                away = np.maximum(np.linalg.norm(ap_xy[kept] - place, axis=1), 1)
                r = level[kept] - 1.5 - expected_dbm(radio, away)
                own = (weight * r).sum() / (weight.sum() + 64 / 16)
                value = -((weight * (r - own) ** 2).sum() / 128 + own**2 / 32)
                assert log[i, g] == pytest.approx(value, rel=1e-9)
                seen += 1
    assert seen == 6 * 5


def test_scans_are_placed_near_where_they_were_taken():
    ground, rssi, survey = scans(floors=(12, 12))
    floor, xy_m = locate(ground, RADIO, rssi, 20.0)
    right = floor == survey.floor
    assert right.mean() > 0.9
    assert np.median(np.linalg.norm(xy_m - survey.xy_m, axis=1)[right]) < 5
    floor, xy_m = locate(ground, RADIO, np.full((1, rssi.shape[1]), np.nan), 20.0)
    assert np.isnan(xy_m).all()
