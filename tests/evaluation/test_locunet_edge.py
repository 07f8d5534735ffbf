"""LocUNet's networks in int8 beside each other, and the picture of a place."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation import locunet_edge, locunet_models, locunet_plots
from evaluation.locunet_models import Asked, learned_model
from evaluation.locunet_report import report
from evaluation.locunet_study import CHOSEN_PER_MAP
from training.locunet import Machine, judged
from training.propagation.dataset import load_city
from training.radio_knn import RadioKnn, best_k
from training.radio_worlds import drawn

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from small_city import make_city

TINY = {"epochs": 1, "steps": 2, "batch": 4}


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.setattr("training.networks.locunet.SIDES", (16,))
    for name, width in (("residual", 4), ("edge", 2), ("LocUNet quarter width", 0.02)):
        preset, changes = locunet_models.ALL_MODELS[name]
        monkeypatch.setitem(
            locunet_models.ALL_MODELS, name, (preset, {**changes, **TINY, "width": width})
        )
    folder = make_city(tmp_path / "city", n_maps=14, users=16)
    return Asked(load_city(folder), 8, 1, Machine(), tmp_path / "kept")


def test_networks_are_asked_as_on_a_device(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(locunet_edge, "_RUNTIMES", {"onnxruntime": ("onnx", "onnx")})
    monkeypatch.setattr(locunet_edge, "FULL_WIDTH", 0.02)
    monkeypatch.setattr(locunet_edge, "_USERS", 16)
    record = locunet_edge.edge_study(asked)
    found = record["edge"]["onnxruntime"]
    assert set(found) == {locunet_edge.KNN, *locunet_edge.LEARNED, locunet_edge.FULL}
    assert all(one["ms"] > 0 for one in found.values())
    assert found[locunet_edge.FULL]["mean_m"] is None
    assert found["posterior"]["kb"] == 0 < found["edge"]["kb"] < found["residual"]["kb"]
    # The device's positioner over all users of a deployment errs as the model in torch does.
    model, _ = learned_model(asked, "posterior", "robust", 0)
    worlds = asked.worlds("test", "robust")
    errors = []
    for row in range(len(worlds)):
        everyone = locunet_plots._everyone(worlds, row, 0)
        errors += judged(model, worlds, everyone).error_m.tolist()
    assert found["posterior"]["mean_m"] == pytest.approx(np.mean(errors), abs=0.1)
    # kNN of one scan at a time is kNN of the tables.
    k = best_k(RadioKnn(1), asked.worlds("train", "robust"),
               drawn(asked.worlds("train", "robust"), CHOSEN_PER_MAP, 0))  # fmt: skip
    knn = []
    for row in range(len(worlds)):
        knn += RadioKnn(k).errors_m(worlds, locunet_plots._everyone(worlds, row, 0)).tolist()
    assert found["kNN"]["mean_m"] == pytest.approx(np.mean(knn), abs=0.1)
    (tmp_path / "runs").mkdir()
    made = {"command": "c", "commit": "x", "date": "d", **record}
    (tmp_path / "runs" / "edge.json").write_text(json.dumps(made, allow_nan=False))
    report(tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert f"| edge | {found['edge']['ms']:.2f} | {found['edge']['mean_m']:.2f} |" in text
    assert f"| {locunet_edge.FULL} | {found[locunet_edge.FULL]['ms']:.2f} |  |" in text


def test_the_picture_is_drawn(asked, tmp_path):
    locunet_plots.draw(asked, tmp_path)
    picture = np.asarray(Image.open(tmp_path / "place.png").convert("RGB"))
    assert picture.shape[1] > 1000
    # The diamonds of the transmitters and the cross of the user are there.
    for colour in ((0xCC, 0x00, 0x33), (0x00, 0x9E, 0x73)):
        assert (np.abs(picture.astype(int) - colour).max(axis=2) < 40).sum() > 20
