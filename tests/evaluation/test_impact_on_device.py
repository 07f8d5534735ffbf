"""Impact Scores of exported bundles are those of the trained network, for every head."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.explainers import Subject, cam, occlusion
from export.build import export_run
from sdk import Localizer
from training import exloc
from training.fingerprints import Vectors
from training.survey_file import read_survey
from training.survey_scans import scans_of

DEMO = Path(__file__).parents[2] / "examples" / "data" / "uji_library_floor3"
KINDS = {
    "gap": {"head": "gap", "form": "2d", "padding": "zero"},
    "gap_embedding": {"head": "gap_embedding"},
    "per_ap": {"head": "per_ap"},
    "additive": {"head": "per_ap", "kernel": 1},
}


@pytest.fixture(scope="module")
def part():
    survey = read_survey(DEMO)
    return survey.take(np.arange(len(survey)) % 12 == 0)


@pytest.fixture(scope="module", params=KINDS)
def shipped(request, part, tmp_path_factory):
    """The run, and its fp32 bundle."""
    folder = tmp_path_factory.mktemp(request.param)
    small = {"width": 6, "depth": 2, "cap": 12}
    run = exloc.train(
        part, "small", seed=0, epochs=1, changes=small | KINDS[request.param], threads=1
    )
    run.save(folder / "run")
    export_run(folder / "run", folder / "site.rssfix", ["onnx"], "fp32")
    return run, folder / "site.rssfix"


@pytest.fixture(scope="module")
def case(shipped, part):
    run, _ = shipped
    few = part.take(part.rows("test"))
    few = few.take(np.arange(len(few)) % 40 == 0)
    rssi = Vectors(run.merge_virtual_aps, run.limits["max_age_ms"]).of(few, run.bssids)
    subject = Subject.of(run, rssi)
    return few, subject, run.input_recipe.normalised(rssi), np.isfinite(rssi)


def array(scores, bssids):
    return np.array([scores.get(b, 0.0) for b in bssids])


@pytest.mark.parametrize("target", [None, 0, 5])
def test_the_bundle_gives_the_networks_scores(shipped, case, target):
    run, bundle = shipped
    few, subject, rows, heard = case
    classes = subject.probability(rows).argmax(axis=1)
    if target is not None:
        classes = np.full(len(few), target)
    want = {"cam": cam(subject, rows, heard, classes),
            "occlusion": occlusion(subject, rows, heard, classes)}  # fmt: skip
    with Localizer.open(bundle) as localizer:
        for i, scan in enumerate(scans_of(few)):
            for method, expected in want.items():
                why = localizer.explain(scan, method, target)
                assert why.target.index == classes[i]
                assert why.not_heard == {run.bssids[k] for k in np.flatnonzero(~heard[i])}
                got = array(why.scores, run.bssids)
                np.testing.assert_allclose(got, expected[i], atol=2e-4 * max(1, np.ptp(expected)))


def test_scores_add_up_on_the_device(shipped, case):
    """log p(a) - log p(b) of the bundle's posterior, from nothing but scores, biases and T."""
    run, bundle = shipped
    few, subject, _, _ = case
    bias = subject.network.fc.bias.detach().numpy().astype(float)
    total = np.sum if run.network["head"] == "per_ap" else np.mean
    with Localizer.open(bundle) as localizer:
        for scan in scans_of(few):
            p = localizer.posterior(scan).probability
            a, b = int(p.argmax()), 3
            logit = {
                c: total(list(localizer.explain(scan, "cam", c).scores.values())) + bias[c]
                for c in (a, b)
            }
            found = np.log(p[a]) - np.log(p[b])
            assert (logit[a] - logit[b]) / run.temperature == pytest.approx(found, abs=2e-3)
