"""LocUNet's study: records of every method, ratios clustered by map, tables, the command."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from evaluation import locunet_models
from evaluation.baselines.radio_maps import BASELINES, heard
from evaluation.locunet_plots import draw_targets
from evaluation.locunet_ranging import RANGERS
from evaluation.locunet_ranging import study as ranging_study
from evaluation.locunet_study import METHODS, Asked, ratio, study
from evaluation.reproduce import reproduce
from training.heatmap_inputs import in_slots, locunet_images
from training.heatmap_model import HeatmapModel, network_of
from training.locunet import Machine
from training.propagation.dataset import load_city
from training.radio_worlds import drawn

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from small_city import make_city


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"), n_maps=14, users=16)


@pytest.fixture(scope="module")
def asked(folder):
    return Asked(load_city(folder), 10, 1, Machine())


@pytest.mark.parametrize("method", [*BASELINES, "posterior"])
def test_a_record_of_every_method(asked, method):
    record = study(asked, method, "robust", 0)
    assert set(record["tests"]) == {"nominal", "robust"}
    for counts in record["tests"].values():
        for one in counts.values():
            assert one["n"] == one["answered"] == 20
            assert np.mean(one["per_map_m"]) == pytest.approx(one["mean_m"], abs=0.01)
            assert sum(part["n"] for part in one["heard"].values()) == 20
            assert (one["coverage_68"] is None) == (method in BASELINES)
    json.dumps(record, allow_nan=False)


def test_conditional_knn_has_a_k_for_each_number_of_transmitters(asked):
    worlds, others = asked.worlds("train", "robust"), asked.worlds("test", "robust")
    chosen, test = drawn(worlds, 5, 0), drawn(others, 10, 0)
    found = BASELINES["kNN conditional"](worlds, chosen, others, test)
    assert set(found.chosen["k"]) == {str(n) for n in np.unique(heard(others, test))}
    assert np.isfinite(found.error_m).all()


def test_the_ratio_is_clustered_by_map():
    rng = np.random.default_rng(0)
    theirs = rng.uniform(5, 20, (2, 40))
    assert ratio(0.8 * theirs, theirs) == pytest.approx((0.8, 0.8, 0.8))
    ours = 0.8 * theirs * rng.lognormal(0, 0.3, (1, 40))
    found, low, high = ratio(ours, theirs)
    assert low < found < high
    few = ratio(ours[:, :10], theirs[:, :10])
    assert few[2] - few[1] > high - low


def test_ranging_counts_what_is_infeasible(asked):
    record = ranging_study(asked.city, "bisection, b = 0.7", 8, 10)
    assert set(record["ranging"]) == {"0", "10", "20"}
    for counts in record["ranging"].values():
        assert {one["n"] for one in counts.values()} == {8}
    errors = [record["ranging"][n]["5"]["mean_m"] for n in ("0", "20")]
    assert errors[0] < errors[1]
    assert len(RANGERS) == 9


def test_the_command_keeps_records_and_writes_tables(folder, tmp_path):
    arguments = ["locunet", "--data", str(folder), "--out", str(tmp_path), "--seeds", "1",
                 "--users", "5", "--threads", "1", "--scenario", "nominal"]  # fmt: skip
    only = ["--only", "kNN,posterior mean,posterior"]
    result = CliRunner().invoke(reproduce, [*arguments, *only], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert runs == [
        "nominal-knn-0.json", "nominal-posterior-0.json", "nominal-posterior-mean-0.json",
    ]  # fmt: skip
    text = (tmp_path / "tables.md").read_text()
    assert "16 x 16 pixels of 16 m, 14 maps, 2 of them test" in text
    assert "| posterior | 1 |" in text
    assert "table III, nominal: LocUNet, 5 and 3 Tx | 4.8 | 10.7" in text
    again = CliRunner().invoke(reproduce, [*arguments, *only])
    assert "nominal" not in again.output.splitlines()[0]
    wrong = CliRunner().invoke(reproduce, [*arguments, "--only", "GPS"])
    assert wrong.exit_code != 0
    assert "expected some of kNN" in wrong.output
    assert set(BASELINES) < set(METHODS)


def test_another_noise_floor_leaves_fewer_transmitters(folder, tmp_path):
    """Of the paper's users half receive all five; the table says how many do here."""
    arguments = ["locunet", "--data", str(folder), "--out", str(tmp_path), "--seeds", "1",
                 "--users", "8", "--threads", "1", "--scenario", "robust", "--here",
                 "--only", "kNN,posterior"]  # fmt: skip
    made = CliRunner().invoke(reproduce, [*arguments, "--noise-floor", "-85"])
    assert made.exit_code == 0, made.output
    record = json.loads((tmp_path / "runs" / "robust-posterior-0.json").read_text())
    assert record["city"]["noise_floor_db"] == -85
    city = load_city(folder)
    worlds = Asked(city.hearing_from(-85), 8, 1, Machine()).worlds("test", "robust")
    count = heard(worlds, drawn(worlds, 8, 0))
    found = {n: one["n"] for n, one in record["tests"]["robust"]["5"]["heard"].items()}
    assert found == {str(n): int((count == n).sum()) for n in np.unique(count)}
    assert len(found) > 1, "not everybody receives all"
    text = (tmp_path / "tables.md").read_text()
    assert "noise floor -85 dB" in text
    assert "| their share |" in text
    other = CliRunner().invoke(reproduce, arguments)
    assert other.exit_code != 0
    assert "made with noise_floor_db -85.0, expected -127.0; take another --out" in other.output
    wrong = CliRunner().invoke(reproduce, [*arguments, "--noise-floor", "-200"])
    assert wrong.exit_code != 0
    assert "noise floor is -200 dB, expected -147 to -47.84" in wrong.output
    # Nobody receives anything: said, not divided by zero.
    deaf = CliRunner().invoke(
        reproduce, [*arguments[:3], "--out", str(tmp_path / "deaf"), *arguments[5:],
                    "--noise-floor", "-48"]
    )  # fmt: skip
    assert deaf.exit_code != 0
    assert "no user hears any transmitter" in deaf.output


def test_a_kept_model_is_asked_again_not_learned_again(folder, tmp_path, monkeypatch):
    tiny = {"epochs": 1, "steps": 2, "batch": 4, "width": 0.02}
    for name in ("heatmap regression 2 px CoM", "heatmap regression 2 px arg max"):
        preset, changes = locunet_models.ALL_MODELS[name]
        monkeypatch.setitem(locunet_models.ALL_MODELS, name, (preset, {**changes, **tiny}))
    monkeypatch.setattr("training.networks.locunet.SIDES", (16,))
    asked = Asked(load_city(folder), 10, 1, Machine(), tmp_path)
    mean = study(asked, "heatmap regression 2 px CoM", "robust", 0, elsewhere=False)
    monkeypatch.setattr(locunet_models, "fitted", None)
    mode = study(asked, "heatmap regression 2 px arg max", "robust", 0, elsewhere=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert mean["learned"] == mode["learned"]
    assert list(mean["tests"]) == list(mode["tests"]) == ["robust"]
    model, _ = locunet_models.learned_model(asked, "heatmap regression 2 px arg max", "robust", 0)
    worlds = asked.worlds("test", "robust")
    samples = drawn(worlds, 10, 0)
    heatmap = model.heatmap(worlds, in_slots(worlds, samples)).detach().numpy()
    sign = np.where(heatmap.sum(axis=(1, 2)) < 0, -1, 1)
    belief = (heatmap * sign[:, None, None]).reshape(len(samples), -1)
    row, column = np.divmod(belief.argmax(axis=1), 16)
    found = model.answers(worlds, samples).xy_m.numpy()
    np.testing.assert_allclose(found, (np.column_stack([column, row]) + 0.5) * 16.0)


def test_inputs_that_are_left_out_are_not_seen(asked, monkeypatch):
    monkeypatch.setattr("training.networks.locunet.SIDES", (16,))
    worlds = asked.worlds("test", "robust")
    images = locunet_images(worlds, in_slots(worlds, drawn(worlds, 4, 0)))
    for name, unseen in (("no buildings", [15]), ("no transmitters", range(10, 15)),
                         ("radio maps", range(10, 16))):  # fmt: skip
        network = network_of("locunet", 16, 0.1, "leaky_relu", name)
        whole = network_of("locunet", 16, 0.1, "leaky_relu")
        count, most = (sum(p.numel() for p in one.parameters()) for one in (network, whole))
        assert count < most
        changed = images.clone()
        changed[:, list(unseen)] = 0.5
        assert torch.equal(network(images), network(changed))
        assert not torch.equal(whole(images), whole(changed))
        assert type(network)(**network.config).config == network.config
    with pytest.raises(ValueError, match="inputs is 'sound', expected one of all, no buildings"):
        locunet_models.preset_of(locunet_models.PRESETS, "paper", {"inputs": "sound"})


def test_the_targets_are_drawn(tmp_path):
    def record(name, mean):
        tests = {"robust": {"5": {"mean_m": mean}, "3": {"mean_m": mean + 9}}}
        return {"method": name, "scenario": "robust", "seed": 0, "tests": tests,
                "city": {"pitch_m": 4.0}}  # fmt: skip

    some = [record("LocUNet 5000 steps", 20.0)]
    assert not draw_targets(some, tmp_path)
    com = [record(f"heatmap regression {px} px CoM", 20.0) for px in (1, 2)]
    assert draw_targets(com, tmp_path)
    for px in (1, 2):
        some += [
            record(f"heatmap regression {px} px {how}", 20.0 + px) for how in ("CoM", "arg max")
        ]
    assert draw_targets(some, tmp_path)
    assert (tmp_path / "targets.png").stat().st_size > 1000


def test_heatmap_regression_is_the_squared_difference_to_a_gaussian(asked):
    worlds = asked.worlds("train", "robust")
    samples = drawn(worlds, 2, 0)
    flat = torch.full((len(samples), 16, 16), 0.25)
    model = HeatmapModel("locunet", None, worlds.box, "mode", lambda _: flat)
    found = float(model.loss(worlds, samples, None, "gaussian", 3.0))
    expected = []
    for one, user in zip(samples.map.tolist(), samples.user.tolist(), strict=True):
        column, row = worlds.user[one, user].tolist()
        y, x = np.mgrid[:16, :16]
        target = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 3.0**2))
        expected.append(((0.25 - target) ** 2).sum())
    assert found == pytest.approx(np.mean(expected), rel=1e-5)
