"""An iToLoc bundle when access points are gone; the agreement of its modules in every runtime."""

import json
import zipfile

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

import export.itoloc as export_itoloc
from export.agreement import MOST_SHIFT, MOST_TURNED, beside
from export.build import export_run
from export.errors import ExportError
from export.verify import scan_of
from sdk import Localizer, Status
from training import itoloc
from training.fingerprints import Vectors
from training.run import Run


@pytest.fixture(scope="module")
def run_folder(part, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "itoloc"
    changes = {"width": 4, "cap": 12, "epochs": 3}
    itoloc.train(part, "small", changes=changes, threads=1).save(folder)
    return folder


@pytest.fixture(scope="module", params=["fp32", "int8"])
def bundle(request, run_folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / f"{request.param}.rssfix"
    export_run(run_folder, path, ["onnx", "tflite"], request.param)
    return request.param, path


def agreement_of(run, rows):
    """1 - the mean Kullback-Leibler divergence of the modules from their mean, over log 3."""
    with torch.inference_mode():
        images = torch.from_numpy(run.input_recipe.images(rows))
        logits = torch.stack(itoloc.load_network(run)(images), dim=1).numpy().astype(np.float64)
    log_p = log_softmax(logits, axis=2)
    centre = np.exp(log_p).mean(axis=1, keepdims=True)
    apart = (np.exp(log_p) * (log_p - np.log(centre))).sum(axis=2).mean(axis=1)
    return 1 - apart / np.log(3)


def test_every_runtime_gives_the_agreement_of_pytorch(bundle, run_folder):
    precision, path = bundle
    run = Run.load(run_folder)
    rows = run.arrays["validation_rssi_dbm"][:60]
    wanted = agreement_of(run, rows)
    least = run.limits["least_agreement"]
    for runtime in ("onnx", "tflite"):
        with Localizer.open(path, runtime=runtime) as localizer:
            fixes = [localizer.locate(scan_of(run.bssids, row)) for row in rows]
        answered = np.array([bool(fix) for fix in fixes])
        found = np.array([fix.agreement for fix in fixes if fix])
        apart = np.abs(found - wanted[answered])
        print(
            f"{precision} {runtime}: agreement off by {apart.mean():.4f}, at most {apart.max():.4f}"
        )
        assert apart.max() < (1e-4 if precision == "fp32" else 0.05)
        assert apart.mean() < 0.01
        for fix in fixes:
            if fix and fix.agreement < least:
                assert fix.status is Status.LOW_CONFIDENCE
                assert fix.reason.startswith("the model's networks disagree")


def test_the_agreement_is_verified_against_the_checkpoint(bundle, run_folder):
    """What stands in the provenance, beside the device's answers and PyTorch in numpy's words."""
    precision, path = bundle
    run = Run.load(run_folder)
    with zipfile.ZipFile(path) as archive:
        verified = json.loads(archive.read("manifest.json"))["provenance"]["export"]["verified"]
    rows = run.arrays["validation_rssi_dbm"]
    rows = rows[np.isfinite(rows).sum(axis=1) >= run.limits["min_matched_aps"]]
    wanted = agreement_of(run, rows)
    for runtime, verdict in zip(("onnx", "tflite"), verified, strict=True):
        with Localizer.open(path, runtime=runtime) as localizer:
            found = np.array([localizer.locate(scan_of(run.bssids, r)).agreement for r in rows])
        apart = np.abs(found - wanted)
        assert verdict["agreement_shift"] == pytest.approx(apart.mean(), abs=2e-5)
        assert verdict["largest_agreement_difference"] == pytest.approx(apart.max(), abs=1e-4)
        assert verdict["agreement_shift"] < (1e-4 if precision == "fp32" else MOST_SHIFT)
        assert verdict["agreement_turned"] <= MOST_TURNED


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_agreement_cut_by_its_range_is_refused(run_folder, precision, tmp_path, monkeypatch):
    """As where a calibration saw too small a range: positions are right, and only they."""
    real = export_itoloc.agreement
    monkeypatch.setattr(export_itoloc, "agreement", lambda logits: real(logits).clamp(max=0.8))
    with pytest.raises(ExportError) as refusal:
        export_run(run_folder, tmp_path / "site.rssfix", ["onnx"], precision)
    text = str(refusal.value)
    assert "no bundle was written" in text
    assert "the agreement of the modules moves by 0." in text
    assert "(limit 0.01)" in text
    assert "fixes move by" not in text
    assert not (tmp_path / "site.rssfix").exists()


def test_verdicts_on_agreement():
    theirs = np.array([0.95, 0.9, 0.8, 0.505, 0.3])
    same = beside(theirs, theirs, 0.5)
    assert (same.shift, same.difference, same.turned) == (0.0, 0.0, 0.0)
    assert same.problems("fp32") == same.problems("int8") == []
    # The fourth is so near to the limit that either side will do.
    near = beside(np.array([0.95, 0.9, 0.8, 0.495, 0.3]), theirs, 0.5)
    assert near.turned == 0.0
    assert near.difference == pytest.approx(0.01)
    assert near.problems("int8") == []
    assert ["limit 1e-03" in text for text in near.problems("fp32")] == [True]
    turned = beside(np.array([0.95, 0.9, 0.8, 0.505, 0.51]), theirs, 0.5)
    assert turned.turned == 0.2
    assert [text.partition(" (")[0] for text in turned.problems("int8")] == [
        "the agreement of the modules moves by 0.0420 in the mean",
        "20.0% of the scans cross the least agreement",
    ]
    silent = beside(np.full(5, np.nan), theirs, 0.5)
    assert silent.problems("int8"), "a bundle that does not tell its agreement"


@pytest.mark.parametrize("masked", [False, True], ids=["unheard", "set_unknown"])
def test_with_half_of_its_access_points_gone_it_says_so(bundle, run_folder, part, masked):
    """Fixes keep coming; the radius holds what it says at every loss, on scans of another month."""
    precision, path = bundle
    run, test = Run.load(run_folder), part.take(part.rows("test"))
    rssi = Vectors().of(test, run.bssids)
    n_aps = len(run.bssids)
    figures = {}
    with Localizer.open(path, runtime="onnx") as localizer:
        for share in (0.0, 0.25, 0.5):
            held, radii, counts, answered, reasons, agreed = [], [], [], [], [], []
            for seed in range(3):
                gone = np.zeros(n_aps, dtype=bool)
                lot = np.random.default_rng(seed).permutation(n_aps)
                gone[lot[: round(share * n_aps)]] = True
                localizer.set_unknown([run.bssids[i] for i in np.flatnonzero(gone & masked)])
                for row, at in zip(np.where(gone, np.nan, rssi), test.xy_m, strict=True):
                    fix = localizer.locate(scan_of(run.bssids, row))
                    heard = int(np.isfinite(row).sum())
                    assert fix.matched_aps == heard
                    answered.append(bool(fix))
                    assert bool(fix) == (heard >= 3)
                    if not fix:
                        assert fix.reason.startswith(f"{heard} known access points heard, 3 are")
                        continue
                    held.append(np.hypot(fix.x_m - at[0], fix.y_m - at[1]) <= fix.accuracy_m)
                    radii.append(fix.accuracy_m)
                    counts.append(fix.matched_aps)
                    agreed.append(fix.agreement)
                    reasons.append(fix.status is Status.LOW_CONFIDENCE)
            figures[share] = (
                np.mean(answered), np.mean(held), np.mean(radii), np.mean(counts), np.mean(agreed),
                np.mean(reasons),
            )  # fmt: skip
            localizer.set_unknown(())
    names = "answered, held, mean radius, APs, agreement, low confidence"
    for share, one in figures.items():
        print(f"{precision} {share:.0%} gone ({names}):", " ".join(f"{v:.3f}" for v in one))
    whole, quarter, half = figures.values()
    assert whole[0] == 1.0
    assert half[0] > 0.9
    assert whole[3] > quarter[3] > half[3]
    assert half[2] > quarter[2] > whole[2] * 0.98, "the radius grows with the loss"
    # A network of three epochs; what a real one holds stands in docs/itoloc.md.
    assert min(quarter[1], half[1]) > 0.55
