"""An iToLoc bundle when access points are gone; the agreement of its modules in every runtime."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from export.build import export_run
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
