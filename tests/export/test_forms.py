"""The circulant identity (SPEC 1.7): one function, two forms, in export and in training."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from export import forms
from export.build import export_run
from export.errors import ExportError
from export.exloc import checkpoint_probability
from export.forms import in_form, spread, to_2d
from export.verify import scan_of
from sdk import Localizer
from training import exloc
from training.exloc import load_network
from training.networks.exloc import HEADS, ExLocNet, circulant
from training.run import Run

N, CELLS = 9, 7


def network(**changes):
    torch.manual_seed(0)
    settings = {"n_aps": N, "n_cells": CELLS, "width": 6, "depth": 2, "form": "1d"}
    return ExLocNet(**(settings | changes)).double()


def rows(seed=1):
    return torch.randn(5, N, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def maps(vectors):
    return circulant(vectors).unsqueeze(1)


@pytest.mark.parametrize("kernel", [1, 3, 5, (3, 1), N])
@pytest.mark.parametrize("head", HEADS)
def test_the_2d_form_is_the_same_function(head, kernel):
    line = network(head=head, kernel=kernel).eval()
    square = to_2d(line)
    assert square.form == "2d"
    want, features = line.scores_and_features(rows())
    got, found = square.scores_and_features(maps(rows()))
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(found, features)
    torch.testing.assert_close(square.impact(found), line.impact(features))


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_there_and_back_is_the_same_network(kernel):
    line = network(kernel=kernel, head="gap_embedding")
    for name, value in to_2d(line).to_1d().state_dict().items():
        torch.testing.assert_close(value, line.state_dict()[name])


def test_a_tap_is_spread_over_its_diagonal():
    taps = torch.tensor([3.0, 4.0, 9.0, 8.0, 5.0])
    want = [[3.0, 4.0, 5.0], [2.0, 3.0, 4.0], [3.0, 2.0, 3.0]]
    torch.testing.assert_close(spread(taps), torch.tensor(want))


def test_a_2d_network_is_not_spread_again():
    with pytest.raises(ValueError, match="expected '1d'"):
        to_2d(network(form="2d"))


def shares(kernel):
    """k - |t| for every tap t: how many weights of the square kernel make it up."""
    return kernel - torch.arange(1 - kernel, kernel).abs()


def gradients(net, inputs):
    net.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(inputs), torch.arange(5))
    loss.backward()
    return {name: p.grad.clone() for name, p in net.named_parameters()}


@pytest.mark.parametrize("head", HEADS)
def test_every_weight_has_the_gradient_of_its_tap(head):
    """f(w) = g(S w) with S the sum of diagonals: the 2-D gradient is S^T times the 1-D one."""
    square = network(form="2d", head=head)
    line = square.to_1d()
    wide, narrow = gradients(square, maps(rows())), gradients(line, rows())
    for name, found in wide.items():
        want = narrow[name]
        if found.ndim == 4:
            want = spread(want * shares(3))
        torch.testing.assert_close(found, want)


def test_training_in_2d_is_training_in_1d_with_a_step_per_tap():
    """Adam moves the k - |t| weights of tap t alike, so the tap moves k - |t| times as far."""
    square = network(form="2d", head="gap_embedding")
    line = square.to_1d()
    steps = {square: torch.optim.Adam(square.parameters(), 1e-3),
             line: torch.optim.Adam(line.parameters(), 1e-3)}  # fmt: skip
    for seed in range(10):
        gradients(square, maps(rows(seed)))
        steps[square].step()
        before = {name: p.detach().clone() for name, p in line.named_parameters()}
        gradients(line, rows(seed))
        steps[line].step()
        with torch.no_grad():
            for name, p in line.named_parameters():
                if name.endswith("conv.weight"):
                    p.copy_(before[name] + shares(3) * (p - before[name]))
    for name, value in square.to_1d().state_dict().items():
        torch.testing.assert_close(value, line.state_dict()[name], rtol=1e-5, atol=1e-7)


def test_both_forms_train_to_the_same_error(part):
    """Different starts and steps per tap, the same functions: no form is the better one.

    The 1-D form steps as far as the 2-D one in the mean: 9 weights move for its 5 taps.
    """
    found = {}
    for form, rate in (("1d", 6e-3 * 9 / 5), ("2d", 6e-3)):
        settings = {"form": form, "cap": 8, "width": 8, "depth": 2, "learning_rate": rate}
        runs = [exloc.train(part, "small", s, 6, changes=settings, threads=1) for s in range(3)]
        found[form] = [min(run.provenance["validation_error_m"]) for run in runs]
    one, two = np.mean(found["1d"]), np.mean(found["2d"])
    noise = np.hypot(np.std(found["1d"]), np.std(found["2d"])) / np.sqrt(3)
    assert abs(one - two) < max(3 * noise, 0.1 * one), found


@pytest.fixture(scope="module")
def as_2d(run_1d, tmp_path_factory):
    """A run that stores its circular network on N x N maps, as one from elsewhere may."""
    run = Run.load(run_1d)
    folder = tmp_path_factory.mktemp("runs") / "square"
    in_form(run, "2d", run.arrays["validation_rssi_dbm"][:4]).run.save(folder)
    return folder


@pytest.fixture(scope="module")
def exported(run_1d, as_2d, tmp_path_factory):
    """{(stored, asked for): report}"""
    folder = tmp_path_factory.mktemp("bundles")
    asked = {("1d", "auto"): run_1d, ("1d", "2d"): run_1d, ("2d", "auto"): as_2d}
    return {
        key: export_run(run, folder / "".join(key), ["onnx"], "fp32", form=key[1])
        for key, run in asked.items()
    }


def manifest_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


@pytest.mark.parametrize(
    ("stored", "form", "note", "kind"),
    [
        ("1d", "auto", "1d", "vector"),
        ("1d", "2d", "2d", "cyclic_map"),
        ("2d", "auto", "1d", "vector"),
    ],
)
def test_export_writes_the_form_asked_for(exported, stored, form, note, kind):
    report = exported[stored, form]
    assert report.note == f"{note} network, fp32"
    manifest = manifest_of(report.path)
    assert manifest["input"]["image"] == kind
    rewritten = manifest["provenance"]["export"]["rewritten"]
    if stored == note:
        assert rewritten is report.rewritten is None
    else:
        assert (rewritten["stored"], rewritten["exported"]) == (stored, note)
        for name in ("logit", "feature", "impact"):
            assert rewritten[f"largest_{name}_difference"] < 1e-5


def test_both_forms_give_the_same_answers_on_the_device(exported, run_1d):
    run = Run.load(run_1d)
    scans = [scan_of(run.bssids, row) for row in run.arrays["validation_rssi_dbm"][:10]]
    places, scores = [], []
    for report in exported.values():
        with Localizer.open(report.path) as localizer:
            places.append([localizer.posterior(scan).probability for scan in scans])
            told = [localizer.explain(scan, method="cam").scores for scan in scans]
            scores.append([list(by_ap.values()) for by_ap in told])
    for found, told in zip(places[1:], scores[1:], strict=True):
        np.testing.assert_allclose(found, places[0], atol=1e-5)
        np.testing.assert_allclose(told, scores[0], rtol=1e-4, atol=1e-4)


def test_the_rewritten_run_says_what_the_stored_one_says(run_1d):
    run = Run.load(run_1d)
    golden = run.arrays["validation_rssi_dbm"][:6]
    made = in_form(run, "2d", golden).run
    np.testing.assert_allclose(
        checkpoint_probability(made, golden), checkpoint_probability(run, golden), atol=1e-5
    )
    assert load_network(made).form == "2d"
    assert run.network["form"] == "1d"


def test_zero_padding_has_no_1d_form(run_2d, tmp_path):
    with pytest.raises(ExportError, match=r"form '1d': the network pads with zeros"):
        export_run(run_2d, tmp_path / "x.rssfix", ["onnx"], "fp32", form="1d")
    assert in_form(Run.load(run_2d), "auto", np.empty((0, 0), np.float32)) is None


def test_a_database_has_no_form(run_neighbours, tmp_path):
    with pytest.raises(ExportError, match="no convolutions to rewrite"):
        export_run(run_neighbours, tmp_path / "x.rssfix", form="2d")


def test_an_unknown_form_is_named(run_1d):
    with pytest.raises(ExportError, match="form '3d'"):
        in_form(Run.load(run_1d), "3d", np.empty((0, 0), np.float32))


def test_a_rewrite_that_is_another_function_is_refused(run_1d, tmp_path, monkeypatch):
    path = tmp_path / "site.rssfix"

    def wrong(taps):
        return spread(taps) * 1.01

    monkeypatch.setattr(forms, "spread", wrong)
    with pytest.raises(ExportError, match=r"the 2d form differs from the 1d network by .* logits"):
        export_run(run_1d, path, ["onnx"], "fp32", form="2d")
    assert not path.exists()


def test_nan_is_no_agreement(run_1d):
    run = Run.load(run_1d)
    broken = replace(run, state={k: v * float("nan") for k, v in run.state.items()})
    with pytest.raises(ExportError, match="differs from the 1d network by nan"):
        in_form(broken, "2d", run.arrays["validation_rssi_dbm"][:4])
