"""The iToLoc study on an invented floor: campaigns, masks, figures, updates, resumption, tables."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation import itoloc_baselines, itoloc_parts, itoloc_study, itoloc_systems
from evaluation.baselines import cnnloc, wideep
from evaluation.itoloc_features import features
from evaluation.itoloc_figures import values
from evaluation.itoloc_places import OTHER_PHONE, PHONE, Months
from evaluation.itoloc_report import official as tables_official
from evaluation.itoloc_report import report, targets
from evaluation.reproduce import reproduce
from sdk.venue import Floor
from training import itoloc
from training.decode import decode, softmax
from training.fitting import arithmetic
from training.itoloc_answer import database_of_run
from training.itoloc_cotraining import Rules
from training.itoloc_fitting import scores
from training.itoloc_presets import PRESETS
from training.knn import Rule, apply
from training.presets import preset_of
from training.survey import Header, from_rows

APS, SIDE = 16, 5
DEAD = range(7)
TINY = {"width": 4, "cap": 16, "epochs": 3, "min_share": 0.0}


def _campaigns(month):
    names = ["trn01", "tst01", "tst02", "tst03", "tst04", "tst05"]
    return names + (["tst06"] if month == 3 else [])


def invented(floor=3):
    """Three months; in the third seven boxes are silent, and a second phone walks once. The trn
    campaign is walked three weeks before the others."""
    boxes = np.random.default_rng(7 + floor).uniform(0, 2 * SIDE, (APS, 2))
    rng = np.random.default_rng(floor)
    rows = []
    for month in (1, 2, 3):
        for number, campaign in enumerate(_campaigns(month)):
            day = 30 * month + (0 if campaign == "trn01" else 21 + number)
            for spot in range(SIDE * SIDE):
                x, y = 2.0 * (spot % SIDE), 2.0 * (spot // SIDE)
                level = -40 - 25 * np.log10(np.hypot(*(boxes - (x, y)).T) + 1.0)
                level = level + rng.normal(0, 2, APS)
                heard = [a for a in range(APS) if month < 3 or a not in DEAD]
                rows.append({
                    "timestamp_ms": 86_400_000 * day + 1000 * spot, "x_m": x, "y_m": y,
                    "floor": floor, "session": f"m{month:02d}-{campaign}", "split": "train",
                    "device": OTHER_PHONE if campaign == "tst06" else PHONE,
                    "bssid": [f"ap{a:02d}" for a in heard],
                    "rssi_dbm": [float(level[a]) for a in heard],
                })  # fmt: skip
    survey = from_rows(Header("hall", "CC0-1.0", "m", (Floor(floor),)), rows)
    session = survey.session.astype(str)
    month = np.array([int(s[1:3]) for s in session])
    return Months(floor, survey, month, np.array([s[4:] for s in session]))


@pytest.fixture(scope="module")
def months():
    return invented()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with arithmetic(1):
        yield


@pytest.fixture(scope="module")
def run(months):
    return itoloc.train(months.first(), "best", seed=0, changes=TINY, threads=1)


def test_campaigns_months_and_phones(months):
    assert [t[0] for t in months.tests] == ["2", "3", "3 other phone"]
    assert set(months.campaign[months.tested(3)]) == {f"tst0{i}" for i in range(1, 6)}
    near = months.others(3, "tst02")
    assert set(months.campaign[near]) == {"tst01", "tst03", "tst04", "tst05"}, "trn01 is far off"
    assert set(months.month[near]) == {3}
    first = months.first()
    assert len(first) == 6 * 25
    assert set(first.split) == {"train"}
    region = months.regions(np.array([[0.0, 0.0], [3.9, 4.0], [8.0, 8.0]]))
    assert region.tolist() == [[0, 0], [0, 1], [2, 2]]


def test_figures_beside_numpy(months):
    truth = months.survey.take(months.tested(2))
    step = np.random.default_rng(0).normal(0, 2, (len(truth), 2))
    said = itoloc_study.Said(truth.xy_m + step, np.full(len(truth), 2.0))
    got = itoloc_study.figures(months, said, truth)
    nothing = itoloc_study.Said(said.xy_m, np.full(len(truth), np.nan))
    assert "coverage_68" not in itoloc_study.figures(months, nothing, truth)
    error = np.hypot(*step.T)
    wanted = {
        "mean_m": error.mean(), "median_m": np.median(error), "p75_m": np.quantile(error, 0.75),
        "p95_m": np.quantile(error, 0.95), "coverage_68": (error <= 2).mean(),
        "region": ((truth.xy_m + step + 1e-8) // 4 == truth.xy_m // 4).all(axis=1).mean(),
    }  # fmt: skip
    assert {k: got[k] for k in wanted} == pytest.approx(wanted, abs=1e-4)
    assert got["n"] == 125


def test_every_campaign_is_masked_by_the_others(months):
    """A way of answering that says what it was told: as many metres as access points masked."""
    asked = []

    def answers(query, unknown):
        asked.append((len(query), np.flatnonzero(unknown).tolist()))
        where = np.tile([float(unknown.sum()), 0.0], (len(query), 1))
        return {"": itoloc_study.Said(where, np.full(len(query), np.nan))}

    names = tuple(f"ap{a:02d}" for a in range(APS))
    ways = itoloc_study.over_months(months, names, answers)
    assert set(ways) == {"static", "masked"}
    assert asked[0] == (125, []), "static: a month at once"
    # A campaign's four neighbours have 100 scans, enough to tell.
    assert [k for k in asked[7:] if k[0] == 25][:5] == [(25, list(DEAD))] * 5
    assert ways["masked"]["3"]["unknown"] == 7
    truth = months.survey.take(months.tested(3))
    wanted = np.hypot(truth.x_m - 7, truth.y_m).mean()
    assert ways["masked"]["3"]["mean_m"] == pytest.approx(wanted, abs=1e-4)


def test_baselines_and_the_run_give_every_month(months, run):
    records = {
        "knn": itoloc_baselines.neighbours(months), "retrained": itoloc_baselines.retrained(months),
        "acmu": itoloc_baselines.acmu_like(months),
        "chameleon": itoloc_baselines.chameleon_like(months),
        "best": itoloc_systems.judged(months, run),
    }  # fmt: skip
    for name, record in records.items():
        for way, one in record["ways"].items():
            assert set(one) == {"2", "3", "3 other phone"}, (name, way)
            assert all(0 < f["mean_m"] < 6 for f in one.values()), (name, way)
    for name in ("knn", "best"):
        ways = records[name]["ways"]
        assert ways["masked"]["3"]["mean_m"] < 0.9 * ways["static"]["3"]["mean_m"], name
    assert set(records["best"]["ways"]) == {"static", "masked", "static network", "masked network"}
    json.dumps(records, allow_nan=False)


def test_ablations_are_of_the_network_alone_and_few_months_are_enough(months):
    few = months.only((3,))
    model, record = itoloc_systems.ablated(few, "best", TINY | {"adversary": "alternating"}, 0)
    assert set(record["ways"]) == {"static", "masked"}
    assert set(record["ways"]["masked"]) == {"3", "3 other phone"}
    assert len(record["domains"]) > 1, "weeks of month 1"
    again, other = itoloc_systems.ablated(few, "best", TINY | {"modules": 1}, 0)
    assert len(again.fitting.network.predictors) == 1
    assert other["parameters"] < record["parameters"]
    assert other["ways"] != record["ways"]
    rssi = few.survey.fingerprints(model.bssids)[few.tested(3)]
    said = softmax(model.fitting.logits(rssi), 1.0)
    found = decode(said, model.cells.xy_m, model.cells.floor, "mean")
    truth = few.survey.take(few.tested(3))
    error = np.linalg.norm(found.xy_m - truth.xy_m, axis=1).mean()
    assert record["ways"]["static"]["3"]["mean_m"] == pytest.approx(error, abs=1e-3)


def test_cnnloc_knows_no_mask(months, monkeypatch):
    monkeypatch.setattr(
        itoloc_baselines, "fit_cnnloc", lambda *what: cnnloc.fit(*what, epochs=1, code_epochs=1)
    )
    ways = itoloc_baselines.cnnloc(months.only((2,)), 0)["ways"]
    assert list(ways) == ["static"]
    assert ways["static"]["2"]["n"] == 125


def test_wideep_knows_no_mask_either(months, monkeypatch):
    monkeypatch.setattr(wideep, "STEPS", 60)
    ways = itoloc_baselines.wideep_like(months.only((2,)), 0)["ways"]
    assert list(ways) == ["static"]
    assert ways["static"]["2"]["mean_m"] < 3.0


def test_a_guarded_update_may_take_in_newcomers(months, run, monkeypatch):
    seen, real = [], itoloc_systems.update

    def spied(run, unlabelled, guard, *more, **words):
        seen.append((set(guard.session), bool(guard.labelled.all())))
        return real(run, unlabelled, guard, *more, **words)

    monkeypatch.setattr(itoloc_systems, "update", spied)
    got = itoloc_systems.updated(months, run, 3, 0, Rules(sigma=0.2), rounds=1, guarded=True)
    assert seen == [({"m03-trn01"}, True)] * 2, "neither the scans that teach nor those that judge"
    assert all("kept" in u["newcomers"] for u in got["updates"])
    assert got["ways"]["updated"]["3"]["n"] == 125


def test_an_update_is_judged_on_the_half_it_did_not_see(months, run, monkeypatch):
    seen = []
    real = itoloc_systems.update

    def spied(run, unlabelled, *more, **words):
        seen.append(set(unlabelled.session))
        return real(run, unlabelled, *more, **words)

    monkeypatch.setattr(itoloc_systems, "update", spied)
    rules = Rules(sigma=0.2)
    got = itoloc_systems.updated(months, run, 3, 0, rules, rounds=2)
    assert seen == [{"m03-tst01", "m03-tst02", "m03-tst05"}, {"m03-tst03", "m03-tst04"}]
    assert {way: one["3"]["n"] for way, one in got["ways"].items()} == {
        "static": 125, "masked": 125, "updated": 125,
    }  # fmt: skip
    assert [u["scans"] for u in got["updates"]] == [75, 50]


def test_features_are_told_by_place(months):
    preset = preset_of(PRESETS, "best", TINY | {"fused": False, "epochs": 6})
    first = months.first()
    model = itoloc.fit_rows(first, first.rows("train"), None, preset, 0, "")
    domains = ((1, PHONE), (3, PHONE), (3, OTHER_PHONE))
    got = features(months, model, domains, perplexity=5.0)
    count = 125 + 125 + 25
    assert len(got["plane"]) == len(got["region"]) == len(got["domain"]) == count
    assert got["region_accuracy"] > 0.5, "nine regions"
    assert 0 < got["domain_accuracy"] <= 1


def test_the_command_resumes_and_reports(tmp_path, monkeypatch):
    real_train = itoloc.train
    monkeypatch.setattr(itoloc_parts, "months_of", lambda _, floor: invented(floor))
    monkeypatch.setattr(
        itoloc_parts.itoloc, "train",
        lambda *what, **how: real_train(*what, **how, changes=TINY),
    )  # fmt: skip
    out = tmp_path / "out"
    words = ["itoloc", "--data", str(tmp_path), "--out", str(out), "--seeds", "1"]
    only = "uji3-knn,uji5-knn,uji3-best,uji5-best"
    result = CliRunner().invoke(reproduce, [*words, "--only", only])
    assert result.exit_code == 0, result.output
    runs = sorted(p.stem for p in (out / "runs").iterdir())
    assert runs == ["uji3-best-0", "uji3-knn", "uji5-best-0", "uji5-knn"]
    text = (out / "tables.md").read_text()
    assert text.count("| kNN, masked |") == 2, "no month 25 here"
    assert str(tmp_path) not in text
    assert (out / "months.png").stat().st_size > 1000
    before = {p: p.stat().st_mtime_ns for p in (out / "runs").iterdir()}
    again = CliRunner().invoke(reproduce, [*words, "--only", only])
    assert "uji3-knn: done before" in again.output
    assert {p: p.stat().st_mtime_ns for p in (out / "runs").iterdir()} == before
    lost = CliRunner().invoke(reproduce, [*words, "--only", "nowhere"])
    assert "uji3-knn" in lost.output
    assert report(tmp_path / "empty") == "no results, no tables"


def test_targets_are_means_over_floors():
    def record(floor, seed, mean, system="best", way="masked"):
        figures = {"mean_m": mean, "region": 0.6, "n": 1}
        return {"kind": "main", "floor": floor, "system": system, "seed": seed,
                "ways": {way: dict.fromkeys(("2", "25", "25 other phone"), figures)}}  # fmt: skip

    records = [record(3, 0, 1.8), record(5, 0, 2.4), record(3, 1, 1.0)]
    assert values(records, "best", "masked", "25") == [pytest.approx(2.1)], "seed 1 lacks a floor"
    text = targets([*records, record(3, 0, 1.9, "knn"), record(5, 0, 1.9, "knn")])
    assert "| month 25, mask alone: mean error | ≤ 2.0 m | 2.10 | **no** |" in text
    assert "| +0.20 (month 2) | **no** |" in text


def test_the_official_split_is_judged_with_floors():
    """Beside a count of our own: two floors that differ in every level."""
    parts = [invented(floor).survey for floor in (3, 5)]
    rows = []
    for floor, part in zip((3, 5), parts, strict=True):
        levels = part.fingerprints([f"ap{a:02d}" for a in range(APS)])
        for i in range(0, 300, 2):
            heard = np.flatnonzero(np.isfinite(levels[i]))
            rows.append({
                "timestamp_ms": i, "x_m": part.x_m[i], "y_m": part.y_m[i], "floor": floor,
                "device": "p", "session": part.session[i], "split": "test" if i >= 240 else "train",
                "bssid": [f"ap{floor}{a:02d}" for a in heard],
                "rssi_dbm": levels[i][heard].tolist(),
            })  # fmt: skip
    survey = from_rows(Header("two", "CC0-1.0", "m", (Floor(3), Floor(5))), rows)
    record = itoloc_systems.official(survey, "best", "best", TINY, 0)
    got = record["official"]
    names = ["best", "best, network alone", "knn", "best, neighbours alone"]
    assert {k: v["n"] for k, v in got.items()} == dict.fromkeys(names, 60)
    assert got["knn"]["floor_hit"] == got["best"]["floor_hit"] == 1.0
    assert got["knn"]["mean_m"] < 2.0
    assert [k for k in names if "coverage_68" in got[k]] == ["best"]
    # The run again: its parts beside decode and kNN themselves.
    run = itoloc.train(survey, "best", seed=0, threads=1, changes=TINY)
    truth, places = survey.take(survey.rows("test")), itoloc_systems.places_of_run(run)
    query = truth.fingerprints(run.bssids)
    logits = scores(itoloc.load_network(run), run.input_recipe, query)
    for name, said in (
        ("best, network alone", decode(softmax(logits, 1.0), *places, "mean")),
        ("best, neighbours alone",
         apply(database_of_run(run), Rule(**run.neighbours["rule"]), query)),
    ):  # fmt: skip
        error = np.linalg.norm(said.xy_m - truth.xy_m, axis=1)
        assert got[name]["mean_m"] == pytest.approx(error.mean())
        assert got[name]["floor_hit"] == pytest.approx((said.floor == truth.floor).mean())
    json.dumps(record, allow_nan=False)
    more = got | {"best": got["best"] | {"mean_m": got["best"]["mean_m"] + 1.0}}
    text = tables_official(
        [{"kind": "official", "official": one, "cpu_s": 4.0} for one in (got, more)]
    )
    assert f"| best | 2 | {got['best']['mean_m'] + 0.5:.2f} ± 0.71 |" in text
    assert f"| knn | 1 | {got['knn']['mean_m']:.2f} |" in text, "the same for every seed"
