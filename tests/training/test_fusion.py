"""A network times neighbours: in training, in the bundle, on the device."""

import io
import json
import zipfile

import numpy as np
import pytest

from evaluation.evaluate import evaluate_bundle, split_of
from export.build import export_run
from export.bundle import bundle_bytes, npy_bytes
from export.exloc import checkpoint_probability
from sdk import Localizer
from sdk.errors import BundleError
from sdk.manifest import parse_manifest
from sdk.positioners.fused import floor_members, product
from sdk.readings import Readings
from training import exloc
from training.cells import make_cells
from training.decode import decode
from training.fusion import COOLINGS, LEAST, POWERS, Asked, Fusion, database_of, fit_fusion
from training.knn import PLAIN, Rule, probability
from training.run import Run

TINY = {"width": 8, "depth": 2, "batch": 16, "epochs": 6, "fused": True}


@pytest.fixture(scope="module")
def run(survey):
    return exloc.train(survey, "small", seed=3, changes=TINY)


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fused")
    run.save(folder / "run")
    export_run(folder / "run", folder / "site.rssfix")
    return folder / "site.rssfix"


def test_scans_stand_at_the_nearest_place_of_their_floor(survey):
    cells = make_cells(survey.xy_m, survey.floor)
    base = database_of(survey.fingerprints(survey.bssids), survey, cells)
    place = cells.xy_m[base.place_of_row]
    assert np.linalg.norm(place - survey.xy_m, axis=1).max() < 0.8
    np.testing.assert_array_equal(cells.floor[base.place_of_row], survey.floor)


def by_hand(network, votes, floor, power, least):
    """The product as it is told: of the floors, then of the places within each."""
    out = np.zeros(len(floor))
    for level in np.unique(floor):
        here = floor == level
        share = votes[here] / votes[here].sum() if votes[here].any() else np.zeros(here.sum())
        within = network[here] / network[here].sum() * (share + least) ** power
        mass = network[here].sum() * (votes[here].sum() + least) ** power
        out[here] = mass * within / within.sum()
    return out / out.sum()


def drawn(rows, floor, seed):
    """Posteriors of a network, and votes that leave most places and the last floor empty."""
    rng = np.random.default_rng(seed)
    network = rng.dirichlet(np.ones(len(floor)), rows)
    votes = rng.dirichlet(np.full(len(floor), 0.1), rows) * (rng.random(len(floor)) < 0.3)
    votes[:, floor == floor.max()] = 0.0
    votes[:, 0] += 1e-3
    return network, votes / votes.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_floors_are_multiplied_as_floors(power):
    floor = np.repeat([-1, 0, 3, 7], [1, 30, 20, 10])
    network, votes = drawn(50, floor, 1)
    found = product(network, votes, floor_members(floor), power, LEAST)
    found /= found.sum(axis=1, keepdims=True)
    wanted = [by_hand(n, v, floor, power, LEAST) for n, v in zip(network, votes, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    one = product(network[0], votes[0], floor_members(floor), power, LEAST)
    np.testing.assert_allclose(one / one.sum(), wanted[0], rtol=1e-9)
    mass = (network @ floor_members(floor)) * (votes @ floor_members(floor) + LEAST) ** power
    mass /= mass.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found @ floor_members(floor), mass, rtol=1e-9)


def test_on_one_floor_the_product_is_the_plain_one():
    floor = np.zeros(40, dtype=int)
    network, votes = drawn(20, np.arange(40), 2)
    found = product(network, votes, floor_members(floor), 0.5, LEAST)
    plain = network * (votes + LEAST) ** 0.5
    plain /= plain.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found / found.sum(axis=1, keepdims=True), plain, rtol=1e-12)


def test_a_sure_network_is_multiplied_without_overflow():
    floor = np.repeat([0, 1], 5)
    network, votes = np.zeros(10), np.zeros(10)
    network[0], votes[9] = 1.0, 1.0
    for power in (0.0, 1.0, 100.0):
        found = product(network, votes, floor_members(floor), power, LEAST)
        assert np.isfinite(found).all()
    assert product(network, votes, floor_members(floor), 1.0, LEAST).argmax() == 0


def test_the_best_pair_is_found(survey):
    """Two experts that err apart: the pair chosen is the least of the whole grid, and better."""
    part, other = survey.take(survey.session == "s0"), survey.take(survey.session == "s1")
    cells = make_cells(part.xy_m, part.floor)
    base = database_of(part.fingerprints(survey.bssids), part, cells)
    levels, weight = other.fingerprints(survey.bssids), np.ones(len(other))
    square = np.minimum(cells.squared_distance(other.xy_m, other.floor), 1e3)
    logits = -square + np.random.default_rng(0).normal(0, 4, square.shape)
    rule = Rule(*PLAIN)
    half = np.arange(len(other)) % 2 == 0
    asked = [
        Asked(logits[some], levels[some], cells, other.take(some), weight[some], base)
        for some in (half, ~half)
    ]
    fusion, temperature = fit_fusion(rule, asked, 1.0, "mean")
    votes, errors = probability(base, rule, levels), {}
    for cooling in COOLINGS:
        for power in POWERS:
            weights = np.exp(logits / cooling - (logits / cooling).max(axis=1, keepdims=True))
            both = product(weights, votes, floor_members(cells.floor), power, LEAST)
            both /= both.sum(axis=1, keepdims=True)
            found = decode(both, cells.xy_m, cells.floor)
            error = np.linalg.norm(found.xy_m - other.xy_m, axis=1)
            errors[cooling, power] = (error + 15.0 * (found.floor != other.floor)).mean()
    assert (temperature, fusion.power) == min(errors, key=errors.get)
    assert errors[temperature, fusion.power] < min(errors[c, 0.0] for c in COOLINGS)


def test_runs_carry_the_database(run, survey, tmp_path):
    assert len(run.arrays["database"]) == survey.rows("train").sum()
    run.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    assert Fusion.from_json(back.neighbours) == Fusion.from_json(run.neighbours)


def test_the_device_gives_the_checkpoint_s_fixes(run, bundle, survey):
    test = split_of(survey, "test")
    rows = test.fingerprints(run.bssids)
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    wanted = decode(checkpoint_probability(run, rows), *places)
    with Localizer.open(bundle) as localizer:
        found = evaluate_bundle(localizer, test)
        assert localizer.info.explains_by_cam
    assert np.linalg.norm(found.xy_m - wanted.xy_m, axis=1).mean() < 0.05
    np.testing.assert_array_equal(found.floor, wanted.floor)


def test_masked_access_points_are_not_compared(run, bundle, survey):
    test = split_of(survey, "test")
    with Localizer.open(bundle) as localizer:
        before = evaluate_bundle(localizer, test).xy_m
        localizer.set_unknown(run.bssids[:1], keep=False)
        after = evaluate_bundle(localizer, test)
    assert (before != after.xy_m).any()
    assert np.isfinite(after.xy_m).all()


def opened(bundle):
    """The manifest and the members of a bundle file."""
    with zipfile.ZipFile(bundle) as source:
        members = {name: source.read(name) for name in source.namelist()}
    return json.loads(members.pop("manifest.json")), members


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"power": -1}, "power"),
        ({"least": 0}, "least"),
        ({"k": 0}, "k must be"),
        ({"metric": "cosine"}, "metric"),
        ({"database": "database.npy"}, "database must be an object"),
    ],
)
def test_broken_manifests(change, text, bundle):
    record, _ = opened(bundle)
    assert parse_manifest(json.dumps(record).encode()).output.fusion is not None
    record["output"]["fusion"] |= change
    with pytest.raises(BundleError, match=text):
        parse_manifest(json.dumps(record).encode())


def test_a_database_of_another_size_is_refused(bundle):
    record, members = opened(bundle)
    rows = np.load(io.BytesIO(members["place_of_row.npy"]))
    members["place_of_row.npy"] = npy_bytes(rows[1:])
    with pytest.raises(BundleError, match="must have the shape"):
        Localizer.open(bundle_bytes(record, members))


def test_the_database_holds_the_very_readings(run, bundle):
    record, members = opened(bundle)
    stored = record["output"]["fusion"]["database"]
    parts = [np.load(io.BytesIO(members[stored[part]])) for part in ("start", "ap", "dbm")]
    readings = Readings(*parts)
    found = readings.fingerprints(len(run.bssids))
    np.testing.assert_array_equal(found, run.arrays["database"])
    assert stored["kind"] == readings.kind
