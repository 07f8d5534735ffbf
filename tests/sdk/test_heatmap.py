"""The heatmap positioner: scipy's posterior, the network's two kinds, every status."""

import json

import numpy as np
import pytest
import small_bundles as small
import small_heatmap as square
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from sdk import BundleError, Localizer, Scan, ScanError
from sdk.fingerprint import Fingerprint
from sdk.heatmap_images import CorrectionImages, LocunetImages, slots
from sdk.heatmap_rules import Gray, HeatmapRules
from sdk.places import Places
from sdk.positioners.heatmap import Heatmap
from sdk.posterior import Posterior
from sdk.quasi_heatmap import belief, centre_and_mass


@pytest.fixture(scope="module")
def localizer():
    with Localizer.open(square.bundle()) as opened:
        yield opened


def test_the_posterior_is_that_of_scipy(localizer):
    for row in square.rows():
        found = localizer.posterior(square.scan_of(row)).probability
        np.testing.assert_allclose(found, square.posterior(row), atol=1e-6)


def test_a_silent_transmitter_tells_and_a_masked_one_does_not(localizer):
    row = square.rows()[0]
    silent = row.copy()
    silent[3] = np.nan
    found = localizer.posterior(square.scan_of(silent)).probability
    np.testing.assert_allclose(found, square.posterior(silent), atol=1e-6)
    localizer.set_unknown([square.BSSIDS[3]], keep=False)
    try:
        found = localizer.posterior(square.scan_of(row)).probability
        np.testing.assert_allclose(found, square.posterior(row, masked=[3]), atol=1e-6)
    finally:
        localizer.set_unknown([], keep=False)


def test_a_level_below_the_noise_floor_is_silence(localizer):
    row = square.rows()[0]
    faint = row.copy()
    faint[2] = square.FLOOR_DB + square.POWER_DBM[2] - 0.5
    silent = row.copy()
    silent[2] = np.nan
    found = localizer.posterior(square.scan_of(faint)).probability
    np.testing.assert_array_equal(found, localizer.posterior(square.scan_of(silent)).probability)


def test_the_fix_is_near_and_is_the_median_of_the_posterior(localizer):
    place = square.places()[40]
    fix = localizer.locate(square.scan_of(square.rssi(*place)))
    assert np.hypot(fix.x_m - place[0], fix.y_m - place[1]) < 2 * square.PITCH_M
    posterior = localizer.posterior(square.scan_of(square.rssi(*place)))
    assert posterior.median()[:2] == (fix.x_m, fix.y_m)


def test_the_median_has_the_least_mean_distance():
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 100, (300, 2))
    posterior = Posterior(Places(xy[:, 0], xy[:, 1], np.zeros(300)), rng.exponential(size=300) ** 3)

    def mean_distance(point):
        return posterior.probability @ np.hypot(*(xy - point).T)

    best = minimize(mean_distance, posterior.mean()[:2], method="Nelder-Mead").fun
    assert mean_distance(posterior.median()[:2]) < best + 0.05
    assert mean_distance(posterior.mean()[:2]) > best + 0.05


@pytest.mark.parametrize(
    ("levels", "masked", "status", "reason"),
    [
        ({}, [], "TOO_FEW_APS", "0 known access points heard, 1 are needed"),
        ({"00:00:00:00:00:01": -50, "00:00:00:00:00:02": -50}, [], "OUT_OF_AREA", "strangers"),
        (dict.fromkeys(square.BSSIDS, -99.0), [], "OUT_OF_AREA", "below the noise floor (-100 dB)"),
        (dict.fromkeys(square.BSSIDS, -60.0), square.BSSIDS[:3], "TOO_FEW_APS",
         "2 transmitters are not masked, 3 are needed"),
    ],
)  # fmt: skip
def test_no_position_and_why(localizer, levels, masked, status, reason):
    scan = Scan.from_dict({k: float(v) for k, v in levels.items()}, 0)
    localizer.set_unknown(masked, keep=False)
    try:
        fix = localizer.locate(scan)
        assert not fix
        assert fix.status == status
        assert reason in fix.reason
        assert np.ptp(localizer.posterior(scan).probability) == 0
        with pytest.raises(ScanError, match=status):
            localizer.explain(scan)
    finally:
        localizer.set_unknown([], keep=False)


def test_occlusion_takes_a_transmitter_away_altogether(localizer):
    row = square.rows()[1]
    found = localizer.explain(square.scan_of(row))
    assert found.method == "occlusion"
    before = np.log(square.posterior(row)[found.target.index])
    for j in np.flatnonzero(np.isfinite(row)):
        after = np.log(square.posterior(row, masked=[j])[found.target.index])
        assert found.scores[square.BSSIDS[j]] == pytest.approx(before - after, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"network": {"kind": "correction", "trained_for": {
            "shape": [64, 64], "low_db": -147.0, "high_db": -47.0, "pitch_m": 4.0}}},
         r"trained_for.shape must be \[10, 12\], as the maps of this bundle: its network was"),
        ({"network": {"kind": "correction", "trained_for": {
            "shape": [10, 12], "low_db": -147.0, "high_db": -47.0, "pitch_m": 1.0}}},
         "trained_for.pitch_m must be 4"),
        ({"transmit_power_dbm": [20.0, 20.0]}, "3 transmitters or more"),
        ({"transmit_power_dbm": [20.0] * 4}, "4 numbers for 5 APs"),
        ({"likelihood": {"mean_db": [1.0], "sigma_db": [1.0], "outliers": 0, "power": 1}},
         "2 numbers or more"),
        ({"path_loss": {"low_db": -47.0, "high_db": -147.0, "noise_floor_db": -100}}, "high_db"),
        ({"grid": {"floor": 0, "origin_m": [2.0, 2.0], "shape": [12, 10]}}, "radio_maps.npy"),
    ],
)  # fmt: skip
def test_a_bundle_for_other_maps_is_refused(change, text):
    with pytest.raises(BundleError, match=text):
        Localizer.open(square.bundle(**change))


def test_a_transmitter_outside_the_map_is_named():
    xy_m = square.XY_M.copy()
    xy_m[3, 0] = 12 * square.PITCH_M + 2.0
    with pytest.raises(
        BundleError, match=r"transmitter 3 at \(50, 34\) lies outside the map of 12"
    ):
        Localizer.open(small.pack(square.manifest(), square.members(xy_m)))


def test_the_golden_pair_is_run():
    members = square.members()
    wrong = np.roll([square.posterior(row) for row in square.rows()], 7, axis=1)
    members["golden_probability.npy"] = small.npy(wrong, "<f8")
    with pytest.raises(BundleError, match="golden row 0"):
        Localizer.open(small.pack(square.manifest(), members))


def positioner(kind, scores, whole=False, temperature=1.0):
    trained = {"shape": [square.H, square.W], "low_db": -147.0, "high_db": -47.0, "pitch_m": 4.0}
    rules = json.loads(json.dumps(square.rules(
        network=None if kind is None else {"kind": kind, "trained_for": trained},
        temperature=temperature,
    )))  # fmt: skip
    xy = square.places()
    if whole:
        column, row = np.meshgrid(np.arange(square.W), np.arange(square.H))
        xy = np.array(square.ORIGIN_M) + 4.0 * np.stack([column.ravel(), row.ravel()], axis=1)
    places = Places(xy[:, 0], xy[:, 1], np.zeros(len(xy)), square.PITCH_M)
    return Heatmap(HeatmapRules.from_json(rules), places, square.maps(), square.outdoors(),
                   square.XY_M, scores)  # fmt: skip


def fingerprint(row, masked=()):
    unknown = np.isin(np.arange(square.N), masked)
    row = np.where(unknown, np.nan, row).astype(np.float32)
    return Fingerprint(row, unknown, 5, 5, int(np.isfinite(row).sum()))


def answered(one, row, masked=()):
    return one.decode(one.invoke(one.prepare(fingerprint(row, masked))))


def test_a_correction_is_added_to_the_log_posterior():
    added = np.random.default_rng(4).normal(0, 2, square.H * square.W).astype(np.float32)
    seen = []

    def scores(images):
        seen.append(images)
        return added

    row = square.rows()[2]
    found = answered(positioner("correction", scores, temperature=1.5), row, masked=[1])
    expected = np.log(square.posterior(row, masked=[1])) + added[square.allowed().ravel()]
    expected = np.exp((expected - expected.max()) / 1.5)
    np.testing.assert_allclose(found.probability, expected / expected.sum(), atol=1e-6)
    (images,) = seen
    assert images.shape == (1, 12, square.H, square.W)
    assert images.min() >= 0
    assert images.max() <= 1
    # Four of five transmitters: the last slot is empty in both groups.
    assert not images[0, [6, 11]].any()
    assert images[0, 2:6].reshape(4, -1).any(axis=1).all()


def test_a_quasi_heatmap_keeps_the_papers_centre_of_mass():
    rng = np.random.default_rng(8)
    heatmap = rng.normal(0, 0.2, (square.H, square.W)).astype(np.float32)
    heatmap[3:6, 4:8] += 3.0
    for sign in (1, -1):
        one = positioner("locunet", lambda _, s=sign: (s * heatmap).ravel(), whole=True)
        posterior = answered(one, square.rows()[0])
        centre, mass = centre_and_mass(heatmap)
        x_m, y_m, _ = posterior.mean()
        np.testing.assert_allclose([x_m, y_m], np.array(square.ORIGIN_M) + 4.0 * centre, atol=0.02)
        assert mass > 0.5
        assert posterior.doubt == ""


def test_parts_that_cancel_are_doubted():
    heatmap = np.zeros((square.H, square.W), np.float32)
    heatmap[2, 2], heatmap[7, 9] = 1.0, -1.0
    one = positioner("locunet", lambda _: heatmap.ravel(), whole=True)
    posterior = answered(one, square.rows()[0])
    assert "positive and negative parts cancel" in posterior.doubt
    assert np.isfinite(posterior.mean()[:2]).all()
    with Localizer.open(square.bundle()) as opened:
        fix = opened._serving().fix(posterior, 0, 5)
    assert fix.status == "LOW_CONFIDENCE"
    assert fix.reason == posterior.doubt


def test_networks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="must be all pixels"):
        positioner("locunet", lambda images: images.ravel())
    with pytest.raises(ValueError, match="scores are needed"):
        positioner("correction", None)
    one = positioner("locunet", lambda _: np.full(120, np.nan, np.float32), whole=True)
    with pytest.raises(BundleError, match="not finite"):
        answered(one, square.rows()[0])


heatmaps = arrays(np.float32, (6, 9), elements=st.floats(-50, 50, width=32))


@given(heatmaps)
def test_a_belief_is_a_density_with_the_centre_as_mean(heatmap):
    weights, mass = belief(heatmap)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0)
    assert 0 <= mass <= 1 + 1e-6
    centre = np.clip(centre_and_mass(heatmap)[0], 0.5, [7.5, 4.5])
    mean = np.array([weights.sum(axis=0) @ np.arange(9), weights.sum(axis=1) @ np.arange(6)])
    np.testing.assert_allclose(mean, centre, atol=0.02)


def test_slots_take_the_loudest_first_and_the_silent_last():
    loss = np.array([np.nan, -90, -60, -70, np.nan, -80, -65], np.float32)
    known = np.array([True, True, True, True, True, True, False])
    assert slots(loss, known).tolist() == [2, 3, 5, 1, 0]
    assert slots(loss[:3], known[:3]).tolist() == [2, 1, 0]


def test_locunet_images_channel_by_channel():
    gray = Gray(-147.0, -47.0, -127.0)
    maps = np.random.default_rng(0).integers(0, 256, (3, 4, 6)).astype(np.uint8)
    assert maps.any(axis=(1, 2)).all()
    outdoors = np.ones((4, 6), bool)
    outdoors[1, 2] = False
    loss = np.array([np.nan, -97.0, -97.0], np.float32)
    images_of = LocunetImages(maps, np.array([[2, 3], [0, 0], [5, 0]]), outdoors, gray)
    images = images_of(np.array([2, 0]), loss)
    assert images.shape == (1, 16, 4, 6)
    np.testing.assert_allclose(images[0, [0, 2]], maps[[2, 0]] / 255, rtol=1e-6)
    assert (images[0, 1] == 0.5).all()
    assert not images[0, 3:10].any()
    assert np.argwhere(images[0, 10:15]).tolist() == [[0, 0, 5], [1, 3, 2]]
    assert np.argwhere(images[0, 15]).tolist() == [[1, 2]]


def test_correction_images_are_cut_where_nothing_is_likely():
    maps = np.array([[[9, 9], [9, 9]], [[0, 10], [20, 30]]], np.uint8)
    codes = maps.astype(np.uint16)
    codes[1, 1, 1] += 256
    table = np.concatenate([np.linspace(-100, 0, 256), np.linspace(-8, -3, 256)])
    table = table[None].astype(np.float32)
    log = np.array([0.0, -5.0, -300.0], np.float32)
    images_of = CorrectionImages(maps, codes, np.array([0, 1, 3]))
    for _ in range(2):
        images = images_of(np.array([1]), table, log)
        np.testing.assert_allclose(images[0, 0], [[1, 0.75], [0, 0]])
        np.testing.assert_array_equal(images[0, 1], [[1, 1], [0, 1]])
        np.testing.assert_allclose(images[0, 2], [[0, 0], [0, 1 + table[0, 256 + 30] / 10]], 1e-6)
        np.testing.assert_allclose(images[0, 7], maps[1] / 255, rtol=1e-6)
        assert not images[0, [3, 4, 5, 6, 8, 9, 10, 11]].any()


def test_a_likelihood_that_the_kernel_refuses_is_refused_when_opened():
    likelihood = {**square.rules()["likelihood"], "sigma_db": [3.0, 4.0, 2e4]}
    with pytest.raises(BundleError, match=r"sigma_db\[192\] is 10119.*: expected a deviation"):
        Localizer.open(square.bundle(likelihood=likelihood))
