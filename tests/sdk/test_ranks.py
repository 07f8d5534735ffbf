"""Hapi on the device against plain numpy: floors, maps, quality, statuses."""

import copy
import threading

import numpy as np
import pytest
import small_bundles as small
import small_ranks as hapi

from sdk import BundleError, Localizer, Scan, ScanError, Status, native
from sdk.bundle import Bundle
from sdk.fingerprint import Fingerprint
from sdk.golden import difference
from sdk.positioners.ranks import Ranks, expected_error_m
from sdk.posterior import Places
from sdk.rank_rules import RankRules

ROWS = hapi.rows()


@pytest.fixture(scope="module")
def hapi_bundle():
    return hapi.bundle()


@pytest.mark.parametrize("network", [True, False])
def test_the_posterior_is_that_of_plain_numpy(network):
    with Localizer.open(hapi.bundle(network)) as localizer:
        assert localizer.info.runtime.startswith("onnxruntime" if network else "native")
        for row in ROWS:
            posterior = localizer.posterior(hapi.scan_of(row))
            wanted = hapi.probability(row, network)
            np.testing.assert_allclose(posterior.probability, wanted, atol=2e-6)
            assert posterior.spread_m() == pytest.approx(
                hapi.expected_error_m(row, network), abs=1e-5
            )


def test_some_rows_are_split_between_floors():
    assert {len(hapi.chances(row)) for row in ROWS} == {1, 2}


def test_the_mean_is_the_centre_of_mass_of_the_cut_map():
    row = ROWS[3]
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        x_m, y_m, floor = localizer.posterior(hapi.scan_of(row)).mean()
    cut = hapi.density(row, floor)
    full = np.zeros((hapi.ROWS, hapi.COLUMNS), np.float32)
    full[hapi.walkable()] = cut
    wanted = native.threshold_centroid(full, hapi.ORIGIN_M, hapi.PITCH_M, hapi.THRESHOLD)
    assert (x_m, y_m) == pytest.approx(wanted[:2], abs=1e-5)


def test_only_the_strongest_count_and_equal_levels_count_together():
    position = {**hapi.rules()["position"], "strongest": 3}
    row = ROWS[5].copy()
    order = np.argsort(-(row + 0))
    row[order[3]] = row[order[2]]
    with Localizer.open(_ungolden(network=False, position=position)) as localizer:
        found = localizer.posterior(hapi.scan_of(row)).probability
    np.testing.assert_allclose(found, hapi.probability(row, False, strongest=3), atol=2e-6)


def _ungolden(network=True, **changes):
    """A bundle with other rules than its golden pair was made with."""
    record, members = hapi.parts(network, **changes)
    record["golden"]["tolerance"] = 1.0
    return small.pack(record, members)


def test_the_offset_shifts_what_is_heard():
    with Localizer.open(_ungolden(offset_db=7.0)) as localizer:
        found = localizer.posterior(hapi.scan_of(ROWS[4] - 7)).probability
    np.testing.assert_allclose(found, hapi.probability(ROWS[4]), atol=1e-5)


@pytest.mark.parametrize("rank", range(6))
def test_every_rank_begins_at_its_edge(rank):
    """One AP on a floor of its own: the mean distance of its rank is where the map is highest."""
    level = ([-90.0, *hapi.EDGES_DBM])[rank]
    rules = hapi.rules(network=False, quality=None)
    rules["position"]["mean_m"] = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    rules["position"]["sigma_m"] = [0.3] * 6
    rules["cap_dbm"] = 0.0
    xy, floor = hapi.places()
    place = Places(xy[:, 0], xy[:, 1], floor, hapi.PITCH_M)
    corner = np.array([hapi.ORIGIN_M])
    ranks = Ranks(RankRules.from_json(rules), place, corner, np.array([0], np.int32))
    posterior = _located(ranks, np.array([level], np.float32))
    x_m, y_m, _ = posterior.mode()
    away = np.hypot(x_m - corner[0, 0], y_m - corner[0, 1])
    assert away == pytest.approx(6.0 - rank, abs=0.2)


def _located(ranks, rssi_dbm, unknown=None):
    heard = int(np.count_nonzero(~np.isnan(rssi_dbm)))
    mask = np.zeros(len(rssi_dbm), bool) if unknown is None else unknown
    prepared = ranks.prepare(Fingerprint(rssi_dbm, mask, heard, heard, heard))
    return ranks.decode(ranks.invoke(prepared))


def test_training_builds_the_same_positioner_with_its_own_scores():
    """From a run's dicts and arrays, the floor logits passed in; no bundle, no runtime."""
    weight, bias = hapi.floor_weights()
    xy, floor = hapi.places()
    ranks = Ranks(
        RankRules.from_json(hapi.rules()),
        Places(xy[:, 0], xy[:, 1], floor, hapi.PITCH_M),
        hapi.AP_XY_M,
        hapi.AP_FLOOR.astype(np.int32),
        lambda features: (features @ weight.T + bias)[0],
    )
    mask = np.zeros(hapi.N_APS, bool)
    for row in ROWS:
        np.testing.assert_allclose(
            _located(ranks, row).probability, hapi.probability(row), atol=2e-6
        )
        start, features = ranks.features(row, mask)
        chances = ranks.chances(start, (features @ weight.T + bias)[0])
        assert dict(chances) == pytest.approx(hapi.chances(row), abs=1e-5)
        answer = ranks.answer(row, mask, chances)
        error_m = expected_error_m(ranks.rules.quality, answer.quality)
        assert error_m == pytest.approx(hapi.expected_error_m(row), abs=1e-5)
        assert ranks.decode(answer).error_m == error_m


def test_rules_with_a_network_need_its_scores():
    xy, floor = hapi.places()
    place = Places(xy[:, 0], xy[:, 1], floor, hapi.PITCH_M)
    with pytest.raises(ValueError, match="its scores are needed"):
        Ranks(RankRules.from_json(hapi.rules()), place, hapi.AP_XY_M, hapi.AP_FLOOR)


def test_scores_that_are_not_finite_are_refused():
    xy, floor = hapi.places()
    place = Places(xy[:, 0], xy[:, 1], floor, hapi.PITCH_M)
    ranks = Ranks(
        RankRules.from_json(hapi.rules()),
        place,
        hapi.AP_XY_M,
        hapi.AP_FLOOR,
        lambda _: np.full(4, np.nan, np.float32),
    )
    with pytest.raises(BundleError, match="not finite"):
        _located(ranks, ROWS[0])


def tower(floors, scores, heard_on):
    """A scan of two APs on one floor of a tower, one AP in each of the four cells of a floor."""
    xy = np.array([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5], [1.5, 1.5]])
    rules = hapi.rules(quality=None)
    grid = {"origin_m": [0.5, 0.5], "shape": [2, 2]}
    rules["grids"] = [{"floor": floor, **grid} for floor in floors]
    places = Places(*np.tile(xy, (len(floors), 1)).T, np.repeat(floors, 4), 1.0)
    aps = np.tile(xy, (len(floors), 1)), np.repeat(floors, 4).astype(np.int32)
    seen = []

    def network(features):
        seen.append(features)
        return np.float32(scores)

    ranks = Ranks(RankRules.from_json(rules), places, *aps, network)
    rssi_dbm = np.full(4 * len(floors), np.nan, np.float32)
    first = 4 * list(floors).index(heard_on)
    rssi_dbm[first : first + 2] = [-50.0, -55.0]
    posterior = _located(ranks, rssi_dbm)
    assert seen[0].shape == (1, 32)
    return {f: float(posterior.probability[places.floor == f].sum()) for f in floors}


def test_the_scores_are_those_of_the_search_range():
    """Four floors around the only one that is heard, counted in the venue's order of floors."""
    floors = (-2, -1, 0, 3, 4, 5, 6, 7)
    mass = tower(floors, [0.0, 0.0, 20.0, 0.0], heard_on=4)
    (best,) = [floor for floor, p in mass.items() if p > 0.99]
    start, _ = native.floor_features(
        np.where(np.arange(32) // 4 == 4, np.float32(-50), np.float32(np.nan)),
        np.tile(np.float64([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5], [1.5, 1.5]]), (8, 1)),
        np.repeat(np.arange(8), 4),
        8,
    )
    assert start > 0
    assert best == floors[start + 2]


def test_scores_of_floors_that_are_not_there_count_for_nothing():
    mass = tower((0, 1), [0.0, 1.0, 90.0, 90.0], heard_on=0)
    share = 1 / (1 + np.exp(-1 / hapi.TEMPERATURE))
    assert mass == pytest.approx({0: 1 - share, 1: share})


def test_at_most_two_floors_and_none_below_a_twentieth_of_the_best():
    t = hapi.TEMPERATURE
    mass = tower((0, 1, 2, 3), [0.0, t, 2 * t, 3 * t], heard_on=0)
    assert {f for f, p in mass.items() if p > 0} == {2, 3}
    assert mass[3] / mass[2] == pytest.approx(np.e, rel=1e-4)
    mass = tower((0, 1, 2, 3), [0.0, 0.0, 3.01 * t, 0.0], heard_on=0)
    assert mass[2] == pytest.approx(1)
    mass = tower((0, 1, 2, 3), [0.0, -t, 2.98 * t, -t], heard_on=0)
    assert {f for f, p in mass.items() if p > 0} == {0, 2}


def test_statuses_of_scans_that_hear_little(hapi_bundle):
    with Localizer.open(hapi_bundle) as localizer:
        for i in range(hapi.N_APS):
            fix = localizer.locate(Scan.from_dict({hapi.BSSIDS[i]: -60.0}, 0))
            assert fix.status in (Status.OK, Status.LOW_CONFIDENCE)
            assert fix.matched_aps == 1
            assert 0.5 <= fix.accuracy_m <= 50
        nothing = localizer.locate(Scan(0, []))
        assert (nothing.status, nothing.x_m) == (Status.TOO_FEW_APS, None)
        strangers = {f"02:00:00:00:00:{i:02x}": -50.0 for i in range(2)}
        assert localizer.locate(Scan.from_dict(strangers, 0)).status is Status.OUT_OF_AREA
        one = dict(list(strangers.items())[:1])
        assert localizer.locate(Scan.from_dict(one, 0)).status is Status.TOO_FEW_APS
        old = [{"bssid": b, "rssi_dbm": -60, "age_ms": 60_000} for b in hapi.BSSIDS]
        assert localizer.locate(Scan(0, old)).status is Status.STALE_SCAN
        uniform = localizer.posterior(Scan(0, [])).probability
        assert np.ptp(uniform) == 0


def test_all_heard_on_another_floor_gives_that_floor():
    """Without a network the floor is that of the strongest AP, and the map comes through it."""
    with Localizer.open(hapi.bundle(network=False)) as localizer:
        for floor in hapi.FLOORS:
            names = {
                b: -70.0
                for b, of in zip(hapi.BSSIDS, hapi.AP_FLOOR, strict=True)
                if of == floor
            }  # fmt: skip
            fix = localizer.locate(Scan.from_dict(names, 0))
            assert fix.floor == floor
            assert fix


def test_masked_aps_are_neither_heard_nor_silent(hapi_bundle):
    """The answer is that of a building in which the masked APs were never installed."""
    masked = [0, 4]
    kept = np.setdiff1d(np.arange(hapi.N_APS), masked)
    weight, bias = hapi.floor_weights()
    xy, floor = hapi.places()
    smaller = Ranks(
        RankRules.from_json(hapi.rules()),
        Places(xy[:, 0], xy[:, 1], floor, hapi.PITCH_M),
        hapi.AP_XY_M[kept],
        hapi.AP_FLOOR[kept].astype(np.int32),
        lambda features: (features @ weight.T + bias)[0],
    )
    with Localizer.open(hapi_bundle) as localizer:
        localizer.set_unknown({hapi.BSSIDS[i] for i in masked})
        for row in ROWS:
            found = localizer.posterior(hapi.scan_of(row)).probability
            wanted = _located(smaller, row[kept]).probability
            np.testing.assert_allclose(found, wanted, atol=2e-6)
        alone = localizer.locate(Scan.from_dict({hapi.BSSIDS[0]: -50.0}, 0))
        assert alone.status is Status.TOO_FEW_APS


def test_occlusion_explains_any_scan(hapi_bundle):
    with Localizer.open(hapi_bundle) as localizer:
        why = localizer.explain(hapi.scan_of(ROWS[2]))
        assert why.method == "occlusion"
        assert set(why.scores) == {
            b for b, level in zip(hapi.BSSIDS, ROWS[2], strict=True) if not np.isnan(level)
        }
        single = localizer.explain(Scan.from_dict({hapi.BSSIDS[3]: -45.0}, 0))
        assert list(single.scores) == [hapi.BSSIDS[3]]
        # Without it nothing is known, so it speaks for its place.
        assert single.scores[hapi.BSSIDS[3]] > 0
        with pytest.raises(BundleError, match="no Impact Scores"):
            localizer.explain(hapi.scan_of(ROWS[2]), "cam")
        with pytest.raises(ScanError, match="TOO_FEW_APS"):
            localizer.explain(Scan(0, []))


def test_a_floor_window_tells_the_floor_and_the_scan_the_place():
    xy, floor = hapi.places()
    ranks = Ranks(
        RankRules.from_json(hapi.rules(network=False)),
        Places(xy[:, 0], xy[:, 1], floor, hapi.PITCH_M),
        hapi.AP_XY_M,
        hapi.AP_FLOOR.astype(np.int32),
    )
    here = np.full(hapi.N_APS, np.nan, np.float32)
    here[0] = -60.0
    window = here.copy()
    window[7] = -40.0
    mask = np.zeros(hapi.N_APS, bool)
    found = ranks.decode(ranks.invoke(ranks.prepare(Fingerprint(here, mask, 1, 1, 1, window))))
    assert found.mean()[2] == hapi.AP_FLOOR[7]
    cut = hapi.density(here, 1)
    cut = np.where(cut >= hapi.THRESHOLD, cut, 0)
    np.testing.assert_allclose(found.probability[floor == 1], cut / cut.sum(), atol=2e-6)


def test_a_map_that_is_all_courtyard_knows_nothing():
    """Levels that speak for cells nobody walks: every place of the floor alike."""
    rules = hapi.rules(network=False, quality=None)
    rules["position"] |= {"mean_m": [0.0] * 6, "sigma_m": [0.02] * 6, "combine": "product"}
    xy, floor = hapi.places()
    place = Places(xy[:, 0], xy[:, 1], floor, hapi.PITCH_M)
    middle = np.array([[hapi.ORIGIN_M[0] + 2, hapi.ORIGIN_M[1] + 2]])
    ranks = Ranks(RankRules.from_json(rules), place, middle, np.array([0], np.int32))
    p = _located(ranks, np.array([-40.0], np.float32)).probability
    on = floor == 0
    np.testing.assert_allclose(p[on], 1 / on.sum())
    assert p[~on].sum() == 0


def test_threads_share_a_localizer(hapi_bundle):
    scans = [hapi.scan_of(row) for row in ROWS]
    with Localizer.open(hapi_bundle) as localizer:
        wanted = [localizer.locate(scan) for scan in scans]
        found = []

        def work():
            for _ in range(30):
                found.append([localizer.locate(scan) for scan in scans])

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 120
    assert all(one == wanted for one in found)


def test_the_golden_pair_counts_all_that_moved():
    """On a fine grid no cell holds much, so a wrong map shows in the sum alone."""
    record, members = hapi.parts()
    record["output"] = copy.deepcopy(record["output"])
    record["output"]["position"]["mean_m"][3] *= 1.1
    record["golden"]["tolerance"] = 0.13
    with pytest.raises(BundleError, match=r"golden row 0: onnxruntime .* gives probabilities"):
        Localizer.open(small.pack(record, members))
    wanted, found = np.full((1, 10_000), 1e-4), np.zeros((1, 10_000))
    found[0, :5000] = 2e-4
    assert difference(Bundle.open(hapi.bundle()).manifest.output, found, wanted) == (
        pytest.approx(0.5)
    )
