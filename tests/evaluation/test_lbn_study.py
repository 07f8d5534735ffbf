"""The LBN study: places, figures, paired tests against scipy and plain numpy, resumption."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.decomposition import PCA
from test_reproduce import invented

from evaluation import lbn_bundles, lbn_places, lbn_report, lbn_study
from evaluation.lbn_figures import GRID_M, figures
from evaluation.lbn_paper import PAPER, SPACING_M, most_exact
from evaluation.lbn_places import Material, Place
from evaluation.lbn_statistics import compare, paired, pooled
from evaluation.lbn_variants import BASE, LAYER_1, VARIANTS, plan
from evaluation.reproduce import reproduce
from training.lbn_fitting import network_of


def hall():
    """Sixteen points; training sessions, a development one and two later ones."""
    survey = invented()
    xy = np.unique(survey.xy_m, axis=0)
    point = np.linalg.norm(survey.xy_m[:, None] - xy[None], axis=2).argmin(axis=1)
    _, session = np.unique(survey.session.astype(str), return_inverse=True)
    tests = {"month 6": session == 3, "month 7": session == 4, "month 11": session == 5}
    rssi = survey.fingerprints(survey.bssids, None, None)
    return Material(survey, rssi, point, xy, session < 3, tests, ("month 6",))


@pytest.fixture
def small(monkeypatch):
    """The study on the hall, with networks that train in a moment."""
    place = Place("uji", "hall", False, 1, lambda _: hall())
    monkeypatch.setattr(lbn_places, "PLACES", {"uji": place})
    monkeypatch.setattr(lbn_report, "PLACES", {"uji": place})
    return place


def test_the_command_resumes_and_reports(small, tmp_path, monkeypatch):
    names = ",".join(f"uji-{n}" for n in (*reversed(LAYER_1), "knn"))
    words = ["lbn", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--seeds", "2"]
    words += ["--only", names + ",nothing", "--epochs", "1"]
    monkeypatch.setattr(
        "evaluation.lbn_variants.plan",
        lambda seeds: [j for j in plan(seeds) if j[0] == "uji" and j[1] in ("knn", *LAYER_1)],
    )
    result = CliRunner().invoke(reproduce, words)
    assert result.exit_code == 0, result.output
    trained = [f"uji-{n}-{s}" for n in reversed(LAYER_1) for s in (0, 1)]
    assert result.output.split()[: len(trained)] == trained, "in the order of --only"
    runs = sorted(f.stem for f in (tmp_path / "out" / "runs").iterdir())
    assert runs == sorted([f"uji-{n}-{s}" for n in LAYER_1 for s in (0, 1)] + ["uji-knn-0"])
    assert sorted(p.name for p in (tmp_path / "out").glob("*.png")) == [
        "drift.png", "ecdf.png", "errors.png", "months.png", "pca.png",
    ]  # fmt: skip
    text = (tmp_path / "out" / "tables.md").read_text()
    assert "| LBN less BN | 2 |" in text
    assert "month 6 (development)" in text
    assert "### Drift simulated on month 7" in text
    tables = json.loads((tmp_path / "out" / "tables.json").read_text())
    assert {(c["first"], c["second"]) for c in tables["comparisons"]} >= {("lbn", "bn")}
    kept = (tmp_path / "out" / "runs" / "uji-lbn-1.json").read_bytes()
    record = json.loads(kept)
    assert record["settings"]["norm"] == "lbn"
    assert record["steps"] == 2 * 48 // 64
    assert {"command", "commit", "date"} <= record.keys()
    again = CliRunner().invoke(reproduce, words)
    assert again.exit_code == 0
    assert "uji-lbn-1" not in again.output, "not trained again"
    (tmp_path / "out" / "runs" / "uji-lbn-1.json").unlink()
    third = CliRunner().invoke(reproduce, words)
    assert "uji-lbn-1\n" in third.output
    back = json.loads((tmp_path / "out" / "runs" / "uji-lbn-1.json").read_bytes())
    assert back["tests"] == record["tests"], "one seed, one result"
    wrong = CliRunner().invoke(reproduce, [*words[:-3], "nowhere"])
    assert wrong.exit_code == 2
    assert "none of" in wrong.output


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 8), st.integers(1, 40))
def test_figures_by_plain_loops(seed, points, scans):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 9, (points, 2))
    probability = rng.dirichlet(np.full(points, 0.3), scans)
    truth = rng.integers(0, points, scans)
    found = figures(probability, truth, xy)
    errors, off = [], []
    for p, t in zip(probability, truth, strict=True):
        answer = max(range(points), key=lambda i, p=p: p[i])
        errors.append(float(np.hypot(*(xy[answer] - xy[t]))))
        off.append(abs(answer - t))
    for margin, share in enumerate(found["margins"]):
        assert share == pytest.approx(np.mean([o <= margin for o in off]), abs=1e-4)
    assert found["mean_m"] == pytest.approx(np.mean(errors), abs=1e-4)
    assert found["variance_m2"] == pytest.approx(np.var(errors), abs=1e-4)
    assert found["ecdf"][8] == pytest.approx(np.mean(np.array(errors) <= GRID_M[8]), abs=1e-4)
    for point in range(points):
        own = [e for e, t in zip(errors, truth, strict=True) if t == point]
        assert found["by_point"]["n"][point] == len(own)
        assert found["by_point"]["mean_m"][point] == pytest.approx(
            np.mean(own) if own else 0.0, abs=1e-4
        )


def test_tests_taken_together_are_one_test():
    rng = np.random.default_rng(3)
    xy, record = rng.uniform(0, 9, (5, 2)), {"tests": {}}
    probability = rng.dirichlet(np.ones(5), 60)
    truth = rng.integers(0, 5, 60)
    for name, rows in {"month 7": slice(0, 20), "month 11": slice(20, 60)}.items():
        record["tests"][name] = figures(probability[rows], truth[rows], xy)
    record["tests"]["month 6"] = figures(probability[:1], truth[:1], xy)
    whole, together = figures(probability, truth, xy), pooled(record)
    for key in ("mean_m", "variance_m2", "std_m", "expected_m", "margins", "within", "ecdf"):
        np.testing.assert_allclose(together[key], whole[key], atol=3e-4, err_msg=key)


def test_paired_tests_by_scipy_and_by_resampling_in_loops():
    rng = np.random.default_rng(0)
    difference = rng.normal(-0.1, 0.2, (5, 40)) + rng.normal(0, 0.3, 40)
    weight = rng.integers(10, 30, 40).astype(float)
    found = paired(difference, weight)
    by_seed = np.average(difference, axis=1, weights=weight)
    assert found.difference_m == pytest.approx(by_seed.mean())
    assert found.p_seeds == pytest.approx(stats.ttest_1samp(by_seed, 0.0).pvalue)
    assert found.p_points == pytest.approx(stats.wilcoxon(difference.mean(axis=0)).pvalue)
    draws = []
    for _ in range(4000):
        s, p = rng.integers(0, 5, 5), rng.integers(0, 40, 40)
        draws.append(np.average(difference[np.ix_(s, p)].mean(axis=0), weights=weight[p]))
    low, high = np.quantile(draws, (0.025, 0.975))
    assert (found.low_m, found.high_m) == pytest.approx((low, high), abs=0.015)


def test_no_difference_is_no_finding_and_a_clear_one_is():
    rng = np.random.default_rng(1)
    weight = np.full(74, 60.0)
    told = sum(paired(rng.normal(0, 0.3, (5, 74)), weight).told_apart for _ in range(40))
    assert told <= 3, "three tests at 5 % each"
    clear = paired(rng.normal(-0.3, 0.1, (5, 74)), weight)
    assert clear.told_apart
    assert clear.high_m < 0
    same = paired(np.zeros((5, 74)), weight)
    assert (same.difference_m, same.p_seeds, same.p_points, same.told_apart) == (0, 1, 1, False)
    single = paired(rng.normal(-0.3, 0.1, (1, 74)), weight)
    assert np.isnan(single.p_seeds)
    assert not single.told_apart, "one seed proves nothing"


def test_only_seeds_that_both_have_are_compared():
    xy = np.arange(6.0).reshape(3, 2)
    test = figures(np.eye(3), np.array([0, 1, 1]), xy)
    records = [{"seed": s, "tests": {"month 7": test}} for s in range(3)]
    assert compare(records, records[1:]).seeds == 2
    assert compare(records[:1], records[1:]) is None


def test_components_against_scikit_learn():
    material = hall()
    preset = VARIANTS["lbn"].preset(1)
    torch_net = network_of(preset, len(material.xy_m)).eval()
    rows, _ = lbn_study.training_rows(material, preset)
    images = rows.recipe.images(material.rssi_dbm)
    fitting = lbn_study.Fitting(torch_net)
    found = lbn_study.components(fitting, images, material)
    latest = material.tests["month 11"]
    rng, values = np.random.default_rng(0), []
    for mask in (material.train, latest):
        chosen = rng.permutation(np.flatnonzero(mask))[:300]
        with torch.inference_mode():
            flat = torch_net.layers(torch.from_numpy(images[chosen])).flatten(1)
            values.append(torch.relu(torch_net.dense(flat)).numpy())
    pca = PCA(4, svd_solver="full").fit(np.concatenate(values).astype(np.float64))
    np.testing.assert_allclose(found["shares"], pca.explained_variance_ratio_, atol=1e-3)
    spread = np.sqrt(np.concatenate(values).astype(np.float64).var(axis=0).sum())
    other = pca.transform(values[0].astype(np.float64))[:, 0] / spread
    mine = np.array(found["train"])[:, 0]
    assert min(np.abs(mine - other).max(), np.abs(mine + other).max()) < 2e-3


def test_variants_differ_in_the_norm_alone():
    for name, variant in VARIANTS.items():
        preset = variant.preset(4)
        assert (preset.factor, preset.batch, preset.dropout) == (2, 64, BASE.dropout)
        assert preset.momentum == BASE.momentum
        if variant.group not in ("eps", "learning rate"):
            assert (preset.eps, preset.learning_rate) == (BASE.eps, BASE.learning_rate), name
    first = list(plan(5))[:21]
    assert set(first) == {("uji", "knn", 0)} | {("uji", n, s) for n in LAYER_1 for s in range(5)}
    assert len(set(plan(5))) == len(list(plan(5)))


def test_the_papers_bound():
    """SPEC 4.6: LBN and CNN at most 71.1 %, BN 66.2 %, LN 64.0 %; the bound is met by errors of
    one size alone."""
    bounds = {n: most_exact(v[4], v[5]) for n, v in PAPER.items()}
    assert bounds == pytest.approx({"CNN": 0.711, "LBN": 0.711, "BN": 0.662, "LN": 0.640}, abs=1e-3)
    errors = np.array([0.0, 0.0, 0.0, SPACING_M])
    assert most_exact(errors.mean(), errors.var()) == pytest.approx(0.75)
    assert all(v[3] / 100 > bounds[n] for n, v in PAPER.items()), "what the paper claims"


def test_without_the_data_places_are_skipped_and_named(tmp_path):
    words = ["lbn", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--seeds", "1"]
    result = CliRunner().invoke(reproduce, words)
    assert result.exit_code == 0, result.output
    assert "HCXY, samples of the same visit: skipped: " in result.output
    assert "lbn_74rp_256ap.json is missing" in result.output
    assert "no results, no tables" in result.output


def test_rows_at_the_points_in_the_order_of_their_index():
    survey = invented()
    points = np.array([[2.5, 1.5], [0.5, 3.5]])
    part, rssi, point, xy = lbn_places._at_points(survey, points, ["ap3", "never heard", "ap0"])
    assert len(part) == len(rssi) == 2 * 6, "two points, six sessions"
    np.testing.assert_array_equal(part.xy_m, points[point])
    np.testing.assert_array_equal(xy, points)
    assert np.isnan(rssi[:, 1]).all()
    whole = survey.fingerprints(("ap0",), None, None)[:, 0]
    at = (survey.xy_m == points[0]).all(axis=1)
    np.testing.assert_array_equal(rssi[point == 0, 2], whole[at])


def test_the_table_of_bundles():
    row = {
        "system": "lbn-best", "seed": 0, "mean_m": 1.504, "median_m": 1.2, "p75_m": 2.0,
        "p95_m": 4.0, "coverage_68": 0.7, "parameters": 1400000, "model_bytes": 1400999,
        "bundle_bytes": 2e6, "p50_us": 250.4, "access_points": 144, "places": 106,
        "commit": "abc", "date": "2026-01-01",
        "held_out_mean_m": 1.41,
    }  # fmt: skip
    refused = {"system": "neighbours", "seed": 1, "refused": "why", "commit": "abc", "date": "d"}
    lines = lbn_bundles.table([row, refused]).splitlines()
    heads, first, second = (line.split("|") for line in (lines[4], lines[6], lines[7]))
    assert len(heads) == len(first) == len(second) == 16
    assert "refused: why" in lines[6], "in the order of SYSTEMS"
    assert [c.strip() for c in second[3:6]] == ["1.41", "1.50", "1.20"]
    assert second[9].strip() == "1,400,000"


def test_a_floor_by_month(monkeypatch, tmp_path):
    """Training columns by how often they are heard; visits alone; the other phone apart."""
    names = ["m01-tst01", "m02-trn01", "m06-tst01", "m07-tst02", "m25-tst05", "m25-tst06"]
    survey = invented()
    _, number = np.unique(survey.session.astype(str), return_inverse=True)
    survey = replace(survey, session=np.array(names, dtype=object)[number])
    asked = []
    monkeypatch.setattr(lbn_places, "_COLUMNS", 3)
    monkeypatch.setattr(lbn_places.uji_library, "read", lambda *a: asked.append(a) or survey)
    made = lbn_places._uji_floor(tmp_path, 5)
    months = (1, 2, 3, 4, 5, 6, 7, 11, 12, 18, 25)
    assert asked == [(tmp_path / "uji_library", [5], months)]
    assert set(made.survey.session) == set(names) - {"m02-trn01"}
    assert set(made.survey.session[made.train]) == {"m01-tst01"}
    sessions = {test: set(made.survey.session[rows]) for test, rows in made.tests.items()}
    assert sessions["month 6"] == {"m06-tst01"}
    assert sessions["month 25"] == {"m25-tst05"}
    assert sessions["month 25, other phone"] == {"m25-tst06"}
    assert sessions["month 11"] == set()
    assert made.development == ("month 6",)
    whole = survey.fingerprints(survey.bssids, None, None)
    times = np.isfinite(whole[survey.session == "m01-tst01"]).sum(axis=0)
    kept = sorted(sorted(range(len(times)), key=lambda i: (-times[i], i))[:3])
    visits = np.char.find(survey.session.astype(str), "tst") > 0
    np.testing.assert_array_equal(made.rssi_dbm, whole[visits][:, kept])
    np.testing.assert_array_equal(made.survey.xy_m, made.xy_m[made.point])
    assert (np.lexsort((made.xy_m[:, 0], made.xy_m[:, 1])) == np.arange(len(made.xy_m))).all()
