"""LocUNet's bundles: without a network, with a correction in int8, with the paper's network."""

import sys
from pathlib import Path

import numpy as np
import pytest

from export.build import export_run
from export.errors import ExportError
from export.locunet import heatmap_of_run
from sdk import Localizer
from sdk.bundle import Bundle
from training import locunet
from training.propagation.dataset import load_city
from training.run import Run

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from small_city import make_city

TINY = {"width": 4, "epochs": 2, "steps": 6, "batch": 8}


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return load_city(make_city(tmp_path_factory.mktemp("city"), n_maps=14, users=16))


def scans_of(run):
    from export.verify import scan_of

    return [scan_of(run.bssids, row) for row in run.arrays["validation_rssi_dbm"]]


def test_a_posterior_bundle_has_no_model_and_answers_as_the_run(city, tmp_path):
    run = locunet.train(city, "posterior", threads=1)
    run.save(tmp_path / "run")
    report = export_run(tmp_path / "run", tmp_path / "site.rssfix")
    assert report.note == "native likelihood, no model file"
    assert report.verdicts[0].shift_m == 0.0
    with Localizer.open(tmp_path / "site.rssfix") as localizer:
        assert localizer.info.system == "locunet"
        assert localizer.info.runtime == "native"
        error = []
        for scan, xy_m in zip(scans_of(run), run.arrays["validation_xy_m"], strict=True):
            fix = localizer.locate(scan)
            error.append(np.hypot(fix.x_m - xy_m[0], fix.y_m - xy_m[1]))
            assert fix.accuracy_m > 0
            assert set(localizer.explain(scan).scores) <= set(run.bssids)
        # The city is 256 m wide: chance is about 60 m.
        assert np.median(error) < 40


@pytest.mark.parametrize(("formats", "precision"), [(("onnx",), "int8"), (("tflite",), "int8")])
def test_a_correction_in_int8_is_verified_in_metres(city, tmp_path, formats, precision):
    run = locunet.train(city, "residual", changes=TINY, threads=1)
    run.save(tmp_path / "run")
    report = export_run(tmp_path / "run", tmp_path / "site.rssfix", formats, precision)
    (verdict,) = report.verdicts
    assert verdict.shift_m < verdict.most_shift_m
    bundle = Bundle.open(tmp_path / "site.rssfix")
    assert list(bundle.models) == [f"model.{formats[0]}"]
    assert bundle.arrays["radio_maps.npy"].dtype == np.uint8
    row = run.arrays["validation_rssi_dbm"][3]
    device = heatmap_of_run(Run.load(tmp_path / "run"))
    heard = int(np.isfinite(row).sum())
    from sdk.fingerprint import Fingerprint

    scan = Fingerprint(row, np.zeros(len(row), bool), heard, heard, heard)
    expected = device.decode(device.invoke(device.prepare(scan)))
    with Localizer.open(tmp_path / "site.rssfix") as localizer:
        found = localizer.posterior(scans_of(run)[3])
    assert 0.5 * np.abs(found.probability - expected.probability).sum() < 0.02


def test_the_papers_network_keeps_its_centre_of_mass(tmp_path):
    city = load_city(make_city(tmp_path / "city", n_maps=6, size_px=64, pitch_m=4.0, users=8))
    tiny = {"width": 0.05, "epochs": 1, "steps": 3, "batch": 4}
    run = locunet.train(city, "paper", changes=tiny, threads=1)
    run.save(tmp_path / "run")
    report = export_run(tmp_path / "run", tmp_path / "site.rssfix", ("onnx",), "int8")
    assert report.verdicts[0].shift_m < report.verdicts[0].most_shift_m
    from training.locunet import load_model
    from training.radio_worlds import Samples, worlds_of

    worlds = worlds_of(city, [city.split("test")[0]], "robust")
    import torch

    user = torch.arange(worlds.user.shape[1])
    transmitter = worlds.deployments[0, 0][None].expand(len(user), -1)
    found = load_model(run).answers(worlds, Samples(torch.zeros_like(user), user, transmitter))
    with Localizer.open(tmp_path / "site.rssfix") as localizer:
        fixes = [localizer.locate(scan) for scan in scans_of(run)]
    heard = worlds.measured_db[0, worlds.deployments[0, 0]].isfinite().any(dim=0)
    expected = found.xy_m[heard].numpy()
    away = np.hypot(*(np.array([[f.x_m, f.y_m] for f in fixes]) - expected).T)
    assert away.mean() < report.verdicts[0].most_shift_m


def test_a_run_without_its_maps_is_refused(city, tmp_path):
    run = locunet.train(city, "posterior", threads=1)
    del run.arrays["radio_maps"]
    run.save(tmp_path / "run")
    with pytest.raises(ExportError, match="no array 'radio_maps'"):
        export_run(tmp_path / "run", tmp_path / "site.rssfix")
