"""The simulated radio: its constants are found again by regression."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from training.simulator import Crowd, Radio, place_access_points, simulate
from training.simulator.building import SimulationError, room_walls
from training.simulator.propagation import mean_rssi, received, walls_crossed
from training.simulator.shadowing import Shadowing

RADIO = Radio(p0_dbm=-5, exponent=2.7, floor_attenuation_db=18, shadowing_db=5, noise_db=2,
              loss=0.0, sensitivity_dbm=-130)  # fmt: skip


@pytest.fixture(scope="module")
def building():
    return place_access_points("test", [9, 0, 11, 10], 60, 40, np.random.default_rng(0))


def design(building, xy, floor):
    """Columns 1, -10 log10 d and floors between, for every user and access point."""
    apart = building.ap_floor[None] - floor[:, None]
    rise = apart * building.floor_height_m + 1.5
    flat = np.linalg.norm(xy[:, None] - building.ap_xy_m[None], axis=2)
    logs = -10 * np.log10(np.maximum(np.hypot(flat, rise), 1.0))
    return np.column_stack([np.ones(logs.size), logs.ravel(), -np.abs(apart).ravel()])


def test_path_loss_without_randomness_is_exact(building):
    rng = np.random.default_rng(1)
    xy, floor = rng.uniform(0, 40, (50, 2)), rng.integers(4, size=50).astype(np.int32)
    level = mean_rssi(building, RADIO, xy, floor)
    found, *_ = np.linalg.lstsq(design(building, xy, floor), level.ravel(), rcond=None)
    np.testing.assert_allclose(found, [-5, 2.7, 18], rtol=1e-9)


def test_regression_over_a_survey_recovers_the_constants(building):
    crowd = Crowd(scans=1500, walks=30, interval_s=20, device_spread_db=0)
    survey = simulate(building, RADIO, crowd, seed=2)
    level = survey.fingerprints(building.bssids()).astype(float)
    assert np.isfinite(level).all(), "nothing is lost at -130 dBm"
    X = design(building, survey.xy_m, survey.floor)
    found, *_ = np.linalg.lstsq(X, level.ravel(), rcond=None)
    np.testing.assert_allclose(found[0], -5, atol=2.0)
    np.testing.assert_allclose(found[1], 2.7, atol=0.15)
    np.testing.assert_allclose(found[2], 18, atol=0.6)
    residual = level.ravel() - X @ np.array([-5, 2.7, 18])
    np.testing.assert_allclose(residual.std(), np.sqrt(5**2 + 2**2 + 1 / 12), rtol=0.05)


@pytest.mark.parametrize("length", [2.0, 6.0])
def test_shadowing_has_unit_variance_and_its_correlation_length(length):
    shadowing = Shadowing(300, length, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    fields = np.arange(300)
    start = rng.uniform(0, 60, (300, 2))
    here = shadowing.at(start, fields)
    np.testing.assert_allclose(here.std(), 1.0, rtol=0.02)
    np.testing.assert_allclose(here.mean(), 0.0, atol=0.02)
    angle = rng.uniform(0, 2 * np.pi, 300)
    step = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    apart = np.array([0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 8.0]) * length
    correlation = [np.mean(here * shadowing.at(start + d * step, fields)) for d in apart]
    np.testing.assert_allclose(correlation, np.exp(-apart / length), atol=0.03)
    near = apart[:4]
    fitted = np.sum(near**2) / -np.sum(near * np.log(correlation[:4]))
    np.testing.assert_allclose(fitted, length, rtol=0.08)
    between = np.corrcoef(here.T) - np.eye(300)
    assert between.std() < 2 / np.sqrt(100), "fields are independent"


def test_losses_noise_and_offsets():
    radio = Radio(noise_db=4, loss=0.25, sensitivity_dbm=-90)
    mean = np.full((4000, 10), -60.0)
    mean[:, 9] = -110
    offset = np.repeat([0.0, -8.0], 2000)
    got = received(mean, radio, offset, np.random.default_rng(5))
    assert np.isnan(got[:, 9]).all(), "under the sensitivity"
    np.testing.assert_allclose(np.isnan(got[:, :9]).mean(), 0.25, atol=0.01)
    np.testing.assert_allclose(np.nanmean(got[:2000, :9]), -60, atol=0.15)
    np.testing.assert_allclose(np.nanmean(got[2000:, :9]), -68, atol=0.15)
    np.testing.assert_allclose(np.nanstd(got[:2000, :9]), 4.0, rtol=0.03)
    assert (got[np.isfinite(got)] % 1 == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_walls_agree_with_shapely(seed):
    rng = np.random.default_rng(seed)
    walls = np.vstack([rng.uniform(0, 30, (5, 4)), room_walls(30, 20)])
    users, ap = rng.uniform(0, 30, (12, 2)), rng.uniform(0, 30, 2)
    expected = [
        sum(
            shapely.LineString([u, ap]).crosses(shapely.LineString(w.reshape(2, 2)))
            for w in walls
        ) for u in users
    ]  # fmt: skip
    assert walls_crossed(walls, users, ap).tolist() == expected


def test_walls_attenuate_up_to_a_number(building):
    walled = place_access_points("w", [9, 0, 11, 10], 60, 40, np.random.default_rng(0), walls=True)
    np.testing.assert_array_equal(walled.ap_xy_m, building.ap_xy_m)
    xy, floor = np.random.default_rng(1).uniform(1, 39, (200, 2)), np.zeros(200, dtype=np.int32)
    lost = mean_rssi(building, RADIO, xy, floor) - mean_rssi(walled, RADIO, xy, floor)
    counts = np.round(lost / RADIO.wall_db, 6)
    assert set(np.unique(counts)) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("change", "text"),
    [({"loss": 1.0}, "loss is 1.0"), ({"exponent": 0.0}, "exponent is 0.0"),
     ({"noise_db": float("nan")}, "noise_db is nan"), ({"shadowing_length_m": 0}, "length_m is 0")],
)  # fmt: skip
def test_impossible_radios(change, text):
    with pytest.raises(SimulationError, match=text):
        Radio(**change)
