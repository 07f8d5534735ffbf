"""kNN, AcMu-, Chameleon-, WiDeep-like and CNNLoc in an invented hall whose access points change."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsRegressor

from evaluation.baselines import acmu, aged_knn, chameleon, cnnloc, wideep
from sdk.venue import Floor
from training.fitting import arithmetic
from training.knn import Database
from training.survey import Header, from_rows

APS, SIDE = 16, 5


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with arithmetic(1):
        yield


def hall(visits, seed, shift_db=None, silent=(), floors=1):
    """Scans on 5 x 5 points 2 m apart, ``visits`` campaigns; some boxes louder, some dead."""
    rng = np.random.default_rng(seed)
    boxes = np.random.default_rng(7).uniform(0, 2 * SIDE, (APS, 2))
    shift = np.zeros(APS) if shift_db is None else np.asarray(shift_db, dtype=float)
    rows = []
    for visit in range(visits):
        for floor in range(floors):
            for spot in range(SIDE * SIDE):
                x, y = 2.0 * (spot % SIDE), 2.0 * (spot // SIDE)
                away = np.hypot(boxes[:, 0] - x, boxes[:, 1] - y)
                level = -40 - 30 * np.log10(away + 1.0) + shift + rng.normal(0, 1.5, APS)
                level -= 15.0 * floor * (np.arange(APS) % 2)
                heard = [a for a in range(APS) if a not in silent and level[a] > -85]
                rows.append({
                    "timestamp_ms": len(rows), "x_m": x, "y_m": y, "floor": floor, "device": "p",
                    "session": f"v{visit}", "split": "train",
                    "bssid": [f"ap{a:02d}" for a in heard],
                    "rssi_dbm": [float(level[a]) for a in heard],
                })  # fmt: skip
    survey = from_rows(Header("hall", "CC0-1.0", "m", tuple(map(Floor, range(floors)))), rows)
    return survey, survey.fingerprints([f"ap{a:02d}" for a in range(APS)])


def database(visits=6):
    survey, rssi = hall(visits, 1)
    return Database.of(rssi, survey), np.unique(survey.session.astype(str), return_inverse=True)[1]


def mean_m(found, truth):
    return float(np.linalg.norm(found.xy_m - truth.xy_m, axis=1).mean())


def test_static_is_the_textbook_rule():
    known, _ = database()
    _, query = hall(1, 2)

    def filled(levels):
        return np.where(np.isfinite(levels), levels, -95.0)

    oracle = KNeighborsRegressor(
        25, metric="manhattan", weights=lambda d: (d.min(axis=1, keepdims=True) / d) ** 8
    )
    oracle.fit(filled(known.rssi_dbm), known.places_xy_m[known.place_of_row])
    expected = oracle.predict(filled(query))
    np.testing.assert_allclose(aged_knn.static(known, query).xy_m, expected, atol=0.01)


def test_masked_leaves_the_dead_out():
    known, _ = database()
    dead = range(6)
    unlabelled = hall(4, 3, silent=dead)[1]
    truth, query = hall(1, 4, silent=dead)
    unknown = aged_knn.silent(unlabelled)
    assert np.flatnonzero(unknown).tolist() == list(dead)
    static, masked = aged_knn.static(known, query), aged_knn.masked(known, query, unknown)
    assert mean_m(masked, truth) < 0.8 * mean_m(static, truth)
    other = query.copy()
    other[:, :6] = -50.0
    np.testing.assert_array_equal(aged_knn.masked(known, other, unknown).xy_m, masked.xy_m)
    assert not aged_knn.silent(unlabelled[:99]).any(), "too few scans to tell"
    assert not aged_knn.silent(np.full((200, APS), np.nan)).any(), "never everything"


def test_acmu_carries_the_change_from_the_references():
    known, visit = database()
    shift = np.zeros(APS)
    shift[3], shift[5] = -8.0, 6.0
    now, rssi = hall(8, 5, shift)
    truth, query = hall(1, 6, shift)
    at = np.isin(np.arange(len(now)) % (SIDE * SIDE), (0, 4, 7, 12, 17, 20, 24))
    new = acmu.refreshed(known, visit, rssi[at], now.xy_m[at])
    both = np.isfinite(known.rssi_dbm) & np.isfinite(new.rssi_dbm)
    moved = np.where(both, new.rssi_dbm - known.rssi_dbm, np.nan)
    always = both.all(axis=0)
    assert always[[3, 5]].all()
    np.testing.assert_allclose(np.nanmean(moved, axis=0)[always], shift[always], atol=1.0)
    found = acmu.acmu(known, visit, rssi[at], now.xy_m[at], query)
    assert mean_m(found, truth) < mean_m(aged_knn.static(known, query), truth)


def test_acmu_forgets_a_dead_box_and_wants_a_known_place():
    known, visit = database()
    now, rssi = hall(4, 5, silent=(3,))
    new = acmu.refreshed(known, visit, rssi, now.xy_m)
    assert np.isfinite(known.rssi_dbm[:, 3]).all()
    assert not np.isfinite(new.rssi_dbm[:, 3]).any()
    with pytest.raises(ValueError, match="none of 100 new scans"):
        acmu.refreshed(known, visit, rssi, now.xy_m + 0.5)


def test_acmu_learns_what_the_prior_does_not_say():
    """A place whose level swings twice as far as its neighbour's, in every campaign."""
    swing = np.array([-4.0, -1.0, 0.0, 2.0, 3.0])
    places = np.array([[0.0, 0.0], [4.0, 0.0]])
    levels = np.stack([-60 + swing, -70 + 2 * swing], axis=1).reshape(-1, 1).repeat(3, axis=1)
    known = Database(
        levels.astype(np.float32),
        places,
        np.zeros(2, np.int32),
        np.tile([0, 1], 5).astype(np.int32),
    )
    visit = np.repeat(np.arange(5), 2)
    now = np.full((4, 3), -50.0, np.float32)
    new = acmu.refreshed(known, visit, now, np.zeros((4, 2)))
    gain = new.rssi_dbm[known.place_of_row == 1, 0] - levels[known.place_of_row == 1, 0]
    # The ridge of 100 about the prior (slope 1) against 30 dB^2 of history.
    np.testing.assert_allclose(gain, 10.0 * (1.0 + 30.0 / 130.0), atol=1e-3)


def test_chameleon_finds_the_altered_box_and_estimates_it_anew():
    known, _ = database()
    shift = np.zeros(APS)
    shift[3] = 14.0
    unlabelled = hall(6, 8, shift, silent=(9,))[1]
    truth, query = hall(2, 9, shift, silent=(9,))
    new = chameleon.refreshed(known, unlabelled)
    assert np.flatnonzero(new.altered).tolist() == [3, 9]
    assert new.placed > 100
    gained = (new.database.rssi_dbm - known.rssi_dbm)[:, 3]
    assert abs(np.nanmean(gained) - 14.0) < 2.0
    assert not np.isfinite(new.database.rssi_dbm[:, 9]).any()
    same = [a for a in range(APS) if a not in (3, 9)]
    np.testing.assert_array_equal(new.database.rssi_dbm[:, same], known.rssi_dbm[:, same])
    found = chameleon.chameleon(known, unlabelled, query)
    assert mean_m(found, truth) < mean_m(aged_knn.static(known, query), truth)


def test_chameleon_changes_nothing_by_few_scans():
    known, _ = database()
    new = chameleon.refreshed(known, hall(1, 8)[1])
    assert new.database is known
    assert not new.altered.any()


def test_cnnloc_has_the_published_layers():
    network = cnnloc.CnnLoc(520, 5)
    shapes = [tuple(p.shape) for p in network.layers.parameters() if p.ndim == 3]
    assert shapes == [(99, 1, 22), (66, 99, 22), (33, 66, 22)]
    code = torch.zeros(2, 1, cnnloc.CODE)
    lengths = []
    for layer in network.eval().layers:
        code = layer(code)
        lengths.append(tuple(code.shape[1:]))
    assert lengths == [(1, 64), (99, 43), (99, 43), (66, 22), (66, 22), (33, 1), (33, 1), (33,)]
    assert [o.shape for o in network(torch.zeros(3, 520))] == [(3, 2), (3, 5)]


def test_cnnloc_learns_places_and_floors():
    learned, rssi = hall(6, 11, floors=2)
    truth, query = hall(2, 12, floors=2)
    fitted = cnnloc.fit(rssi, learned, seed=0, epochs=12)
    xy_m, floor = fitted.locate(query)
    middle = np.linalg.norm(truth.xy_m - learned.xy_m.mean(axis=0), axis=1).mean()
    error = np.linalg.norm(xy_m - truth.xy_m, axis=1).mean()
    assert error < 0.6 * middle
    assert (floor == truth.floor).mean() > 0.9
    one, other = (cnnloc.fit(rssi, learned, 0, 1, 1).locate(query)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_wideep_asks_every_place_whether_it_knows_the_scan():
    learned, rssi = hall(8, 11)
    truth, query = hall(2, 12)
    base, visit = Database.of(rssi, learned), np.arange(len(rssi)) % 4
    fitted = wideep.fit(base, visit, seed=0)
    assert fitted.width in wideep.WIDTHS
    error = np.linalg.norm(fitted.locate(query) - truth.xy_m, axis=1).mean()
    knn = np.linalg.norm(aged_knn.static(base, query).xy_m - truth.xy_m, axis=1).mean()
    assert error < 1.5 * knn + 0.3
    np.testing.assert_array_equal(wideep.fit(base, visit, 0).locate(query), fitted.locate(query))


def test_wideeps_centre_is_that_of_the_likelihoods():
    squares = np.array([[0.0, 0.02], [0.02, 0.0], [1.0, 1.0]])
    xy_m = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 9.0]])
    share = np.exp(-0.02 / (2 * 0.1**2))
    found = wideep.centre(squares, xy_m, 0.1)
    np.testing.assert_allclose(found[:, 0], [4 * share / (1 + share), 4 / (1 + share)], rtol=1e-6)
    assert (np.abs(found[:, 1]) < 1e-9).all()
