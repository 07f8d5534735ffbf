"""Features alone, windows by time, thinned buildings, weighted quantiles."""

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.baselines import FEATURES, Layout, by_features, strongest_within
from evaluation.baselines.bootstrap import quantiles, score
from evaluation.baselines.true_story import true_story
from sdk.fingerprint import Fingerprint
from sdk.window import Window
from training import hapi
from training.ap_layout import NO_FLOOR
from training.hapi_floor import FloorSettings
from training.hapi_site import site_of
from training.simulator import Crowd, Radio, place_access_points, simulate, thinned
from training.simulator.building import SimulationError
from training.simulator.cli import simulate as command
from training.survey_file import read_survey

NAN = np.nan


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_features_alone_by_plain_numpy(seed, floors):
    """Up to four floors the search range is the building."""
    rng = np.random.default_rng(seed)
    n = 3 * floors + 2
    layout = Layout(
        tuple((f"a{i}",) for i in range(n)), rng.uniform(0, 90, (n, 2)),
        rng.integers(0, floors, n).astype(np.int32),
        dict.fromkeys(range(floors), (0.0, 0.0, 90.0, 90.0)),
    )  # fmt: skip
    rssi = np.where(rng.random((5, n)) < 0.6, rng.integers(-95, -40, (5, n)), NAN)
    rssi[0] = NAN
    found = by_features(layout, rssi)
    assert tuple(found) == FEATURES
    for i, levels in enumerate(rssi):
        heard = np.isfinite(levels)
        if not heard.any():
            assert {int(f[i]) for f in found.values()} == {NO_FLOOR}
            continue
        weight = 10 ** (levels[heard] / 20)
        centre = weight @ layout.xy_m[heard] / weight.sum()
        away = np.linalg.norm(layout.xy_m - centre, axis=1)
        filled = np.where(heard, levels, -100.0)
        for name in ("Num", "Max", "Avg", "LAvg 30 m", "LAvg 80 m"):
            value = []
            for floor in range(floors):
                on = layout.floor == floor
                near = on & (away <= (30 if name == "LAvg 30 m" else 80))
                here = levels[on & heard]
                value.append({
                    "Num": len(here),
                    "Max": here.max() if len(here) else -100,
                    "Avg": here.mean() if len(here) else -100,
                }.get(name, filled[near].mean() if near.any() else -100))  # fmt: skip
            # The kernel's float32 may turn equals round: the answer's value must be the highest.
            assert value[found[name][i]] == pytest.approx(max(value), abs=1e-3), name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 3000, 7500, 30_000]))
def test_windows_by_time_are_a_track_s(seed, window_ms):
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.integers(400, 5000, 20))
    rssi = np.where(rng.random((20, 3)) < 0.5, rng.integers(-90, -40, (20, 3)), NAN)
    session = np.where(np.arange(20) < 8, "a", "b").astype(object)
    found = strongest_within(rssi, time, session, window_ms)
    unknown = np.zeros(3, dtype=bool)
    for name in "ab":
        window = Window(window_ms)
        for i in np.flatnonzero(session == name):
            window.add(int(time[i]), Fingerprint(rssi[i].astype("f4"), unknown, 3, 3, 3))
            np.testing.assert_array_equal(window.united().rssi_dbm, found[i])
    with pytest.raises(ValueError, match="window_ms must be 0 or more, got -1"):
        strongest_within(rssi, time, session, -1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.sampled_from([0.5, 0.75, 0.95]))
def test_weighted_quantiles_are_numpy_s(times, share):
    values = np.sort(np.random.default_rng(len(times)).normal(size=len(times)))
    got = quantiles(values, np.array([times]), share)[0]
    if sum(times):
        assert got == pytest.approx(np.quantile(np.repeat(values, times), share))
    else:
        assert np.isnan(got)


def test_coverage_counts_the_answered():
    error = np.array([1.0, 2.0, 3.0, NAN])
    radius = np.array([1.5, 1.5, 3.0, 9.0])
    got = score(error, np.ones(4, dtype=bool), np.arange(4), radius_m=radius)
    assert got.coverage_68.value == pytest.approx(2 / 3)
    assert got.p95_m.value == pytest.approx(np.quantile(error[:3], 0.95))
    assert got.p95_m.low <= got.p95_m.value <= got.p95_m.high
    assert score(error, np.ones(4, dtype=bool), np.arange(4)).coverage_68.value is None


def test_thinned_buildings(tmp_path):
    building = place_access_points("b", [5, 5], 30, 20, np.random.default_rng(0))
    some = thinned(building, 0.3, np.random.default_rng(1))
    assert len(some.ap_floor) == 3
    places = {tuple(p) for p in building.ap_xy_m}
    assert {tuple(p) for p in some.ap_xy_m} <= places
    assert (np.diff(some.ap_floor) >= 0).all()
    assert len(thinned(building, 0.01, np.random.default_rng(1)).ap_floor) == 1
    assert len(thinned(building, 1.0, np.random.default_rng(1)).ap_floor) == 10
    for share in (0.0, 1.1, -1.0, NAN):
        with pytest.raises(SimulationError, match="share of access points to keep is"):
            thinned(building, share, np.random.default_rng(1))
    words = ["building", "--floors", "2", "--aps", "10", "--scans", "20", "-o"]
    result = CliRunner().invoke(command, [*words, str(tmp_path / "s"), "--keep-aps", "0.25"])
    assert result.exit_code == 0, result.output
    assert len(read_survey(tmp_path / "s").access_points) == 5
    result = CliRunner().invoke(command, [*words, str(tmp_path / "t"), "--keep-aps", "2"])
    assert result.exit_code == 1
    assert "to keep is 2.0, expected 0 < share <= 1" in result.output


def test_true_story_does_without_places(monkeypatch):
    few = FloorSettings(users=600, held_out=150, batch=64, epochs=3)
    monkeypatch.setitem(hapi.FLOOR_SETTINGS, "paper", few)
    made = [place_access_points("b", [6] * 4, 40, 25, np.random.default_rng(i)) for i in range(2)]
    here, there = (simulate(b, Radio(), Crowd(scans=200, walks=8), seed=5) for b in made)
    site = site_of(here)
    fit = true_story(site, [there])
    assert fit.network.kinds == 4
    rssi = site.layout.levels(here)
    assert (fit.floor(rssi, site) == here.floor).mean() > 0.8
