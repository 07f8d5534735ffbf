import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sdk import Status
from sdk.fix import AccuracyTable, Fix, Limits
from sdk.posterior import Places, Posterior


def grid(columns=4, rows=3, floors=2, origin=(0.0, 0.0)):
    x, y, z = np.meshgrid(np.arange(columns), np.arange(rows), np.arange(floors))
    return Places(x.ravel() + origin[0] + 0.5, y.ravel() + origin[1] + 0.5, z.ravel(), 1.0)


scores = hnp.arrays(np.float32, 24, elements=st.floats(-1000, 1000, width=32))


@given(scores, st.floats(0.01, 100), st.sampled_from([0.0, 4e6]))
def test_summaries_agree_with_plain_numpy(values, temperature, origin):
    places = grid(origin=(origin, -origin))
    posterior = Posterior.from_scores(places, values, temperature)
    p = posterior.probability
    assert p.sum() == pytest.approx(1)
    masses = np.bincount(places.floor, p)
    x, y, floor = posterior.mean()
    assert masses[floor] >= masses.max() * (1 - 1e-9)
    on = places.floor == floor
    share = p[on] / p[on].sum()
    centre = share @ np.stack([places.x_m[on], places.y_m[on]], axis=1)
    np.testing.assert_allclose([x, y], centre, rtol=0, atol=1e-6)
    away = np.hypot(places.x_m[on] - x, places.y_m[on] - y)
    assert posterior.spread_m() == pytest.approx(np.sqrt(share @ away**2), abs=1e-5)
    radius = posterior.credible_radius_m(0.68)
    assert share[away <= radius + 1e-9].sum() >= 0.68 - 1e-9
    assert share[away < radius - 1e-9].sum() < 0.68 + 1e-9
    assert posterior.mode() == (
        places.x_m[p.argmax()],
        places.y_m[p.argmax()],
        places.floor[p.argmax()],
    )


@given(scores, st.integers(0, 30))
def test_candidates_are_the_best_in_order(values, k):
    posterior = Posterior.from_scores(grid(), values)
    found = posterior.candidates(k)
    best = np.sort(posterior.probability)[::-1][:k]
    assert [place.probability for place in found] == best.tolist()
    assert len({place.index for place in found}) == min(k, 24)
    for place in found:
        assert place == posterior.place(place.index)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    values = np.zeros(24, np.float32)
    values[3] = bad
    with pytest.raises(ValueError, match="not finite"):
        Posterior.from_scores(grid(), values)
    with pytest.raises(ValueError, match="not finite"):
        Posterior.from_scores(grid(), np.full(24, -np.inf, np.float32))
    with pytest.raises(ValueError, match=r"scores \(23,\), expected \(24,\)"):
        Posterior.from_scores(grid(), values[1:])


def test_grid_rows_are_y_and_hold_the_floor():
    places = grid(origin=(10.0, 20.0))
    posterior = Posterior.from_scores(places, np.arange(24, dtype=np.float32) / 5)
    image, origin_m, pitch_m = posterior.to_grid(1)
    assert (image.shape, image.dtype, origin_m, pitch_m) == ((3, 4), np.float32, (10.5, 20.5), 1.0)
    on = places.floor == 1
    for x, y, p in zip(places.x_m[on], places.y_m[on], posterior.probability[on], strict=True):
        assert image[round(y - 20.5), round(x - 10.5)] == pytest.approx(p)
    coarse = posterior.to_grid(1, 2.0)
    assert coarse.probability.sum() == pytest.approx(posterior.probability[on].sum())


def test_grid_errors():
    points = Posterior(Places([0, 1e6], [0, 0], [0, 0]), [1, 1])
    with pytest.raises(ValueError, match="need a pitch_m"):
        points.to_grid(0)
    with pytest.raises(ValueError, match="cells on this floor"):
        points.to_grid(0, 1e-9)
    with pytest.raises(ValueError, match="no places on floor 7"):
        points.to_grid(7, 1.0)


@pytest.mark.parametrize(
    "given_", [[1, 2], [-1] + [1] * 23, [0] * 24, [np.nan] * 24, [np.inf] * 24]
)
def test_bad_probabilities_are_refused(given_):
    with pytest.raises(ValueError, match="probabilit"):
        Posterior(grid(), given_)


def test_posteriors_do_not_change():
    posterior = Posterior.uniform(grid())
    with pytest.raises(ValueError, match="read-only"):
        posterior.probability[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        posterior.x_m[0] = 1
    for share in (0, 1.1, np.nan):
        with pytest.raises(ValueError, match="share must lie"):
            posterior.credible_radius_m(share)
    with pytest.raises(ValueError, match=r"0\.\.23, got 24"):
        posterior.place(24)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [], []), "at least one place"),
        (([0, 1], [0], [0]), r"must be \(G,\)"),
        (([np.nan], [0], [0]), "finite coordinates"),
        (([0], [1e10], [0]), "finite coordinates"),
        (([0], [0], [0], 0), "pitch_m must be > 0"),
    ],
)
def test_bad_places_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Places(*arguments)


# Centimetres: between knots a denormal apart numpy's interpolation overflows.
metres = st.integers(0, 10_000).map(lambda n: n / 100)
knots = st.lists(metres, min_size=1, max_size=8, unique=True).map(sorted)


@given(knots, st.data())
def test_accuracy_is_piecewise_linear_and_clamped(spread, data):
    radius = data.draw(st.lists(st.floats(0.1, 50), min_size=len(spread), max_size=len(spread)))
    at = data.draw(st.floats(0, 200))
    table = AccuracyTable(tuple(spread), tuple(radius))
    assert table(at) == pytest.approx(np.interp(at, spread, radius))


def test_bad_accuracy_tables_are_refused():
    with pytest.raises(ValueError, match="ascend"):
        AccuracyTable((1.0, 1.0), (1.0, 2.0))
    with pytest.raises(ValueError, match="same length > 0"):
        AccuracyTable((), ())


def test_fix_in_plain_json_types():
    import json

    fix = Fix(5, Status.TOO_FEW_APS, matched_aps=1, model_id="x")
    assert not fix
    assert json.loads(json.dumps(fix.to_dict())) == fix.to_dict()
    assert fix.to_dict()["status"] == "TOO_FEW_APS"
    place = Posterior.uniform(grid()).place(3)
    full = Fix(5, Status.OK, 0.0, 0.0, 0, 1.0, candidates=(place,))
    assert full
    assert json.loads(json.dumps(full.to_dict()))["candidates"] == [place.to_dict()]
    assert full.with_status(Status.LOW_CONFIDENCE).status == "LOW_CONFIDENCE"
    assert Limits().max_age_ms == 10_000


def scattered():
    """Three floors whose places do not stand together."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 30, (2, 300))
    return Places(x, y, rng.permutation(np.repeat([0, 1, 4], 100)))


@pytest.mark.parametrize("places", [grid(floors=3), scattered()], ids=["grid", "scattered"])
def test_a_mixture_of_floors(places):
    rng = np.random.default_rng(0)
    first, *_, last = places.floors
    weights = {
        f: rng.random(int((places.floor == f).sum())).astype(np.float32) for f in (first, last)
    }
    parts = [(first, 0.3, weights[first]), (last, 0.7, weights[last])]
    posterior = Posterior.from_floors(places, parts, error_m=2.5)
    wanted = np.zeros(len(places))
    wanted[places.floor == first] = 0.3 * weights[first] / weights[first].sum()
    wanted[places.floor == last] = 0.7 * weights[last] / weights[last].sum()
    np.testing.assert_allclose(posterior.probability, wanted, rtol=1e-6)
    assert posterior.mean()[2] == last
    assert posterior.spread_m() == 2.5
    same = Posterior(places, wanted)
    assert same.spread_m() != 2.5
    assert posterior.mean() == pytest.approx(same.mean())
    assert posterior.credible_radius_m() == pytest.approx(same.credible_radius_m())
    assert Posterior(places, wanted, 0.25).spread_m() == 0.25


def test_the_most_probable_of_many_places():
    rng = np.random.default_rng(3)
    places = Places(*rng.uniform(0, 9, (2, 5000)), np.zeros(5000))
    p = np.round(rng.random(5000), 3)
    posterior = Posterior(places, p)
    for k in (1, 3, 7, 20):
        found = posterior.candidates(k)
        best = np.sort(posterior.probability)[::-1][:k]
        assert [place.probability for place in found] == best.tolist()
        assert len({place.index for place in found}) == k


def test_the_most_probable_of_a_mixture_of_large_floors():
    rng = np.random.default_rng(4)
    places = Places(*rng.uniform(0, 9, (2, 9000)), np.repeat([0, 1, 2], 3000))
    weights = np.round(rng.random((2, 3000)), 3).astype(np.float32)
    mixed = Posterior.from_floors(places, [(2, 0.6, weights[0]), (0, 0.4, weights[1])])
    plain = Posterior(places, mixed.probability)
    for k in (1, 3, 7):
        best = np.sort(mixed.probability)[::-1][:k].tolist()
        assert [place.probability for place in mixed.candidates(k)] == best
    assert mixed.mean() == plain.mean()
    assert mixed.mode() == plain.mode()
    few = Places(np.arange(6000), np.zeros(6000), [0, 0, *[1] * 5998])
    corner = Posterior.from_floors(few, [(0, 1.0, np.float32([1, 3]))])
    assert [place.index for place in corner.candidates(2)] == [1, 0]
    assert len(corner.candidates(5)) == 5


def test_places_that_stand_together_are_a_slice():
    together, apart = grid(), scattered()
    for floor in apart.floors:
        np.testing.assert_array_equal(apart.rows(floor), np.flatnonzero(apart.floor == floor))
    listed = Places([0, 1, 2, 3], [0, 0, 0, 0], [2, 2, 5, 5])
    assert (listed.part(2), listed.part(5)) == (slice(0, 2), slice(2, 4))
    assert listed.rows(5).tolist() == [2, 3]
    with pytest.raises(ValueError, match="no places on floor 9"):
        together.part(9)
