"""LocUNet's training: the likelihood, batches as the device makes them, kNN, runs, resuming."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy import stats
from sklearn.neighbors import NearestNeighbors
from small_city import make_city

from sdk import native
from sdk.fingerprint import Fingerprint
from sdk.heatmap_images import CorrectionImages, LocunetImages, slots
from sdk.heatmap_rules import Gray, HeatmapRules, Likelihood
from sdk.places import Places
from sdk.positioners.heatmap import Heatmap
from sdk.posterior import MEDIAN_SOFT_M, Posterior
from sdk.roughness import roughness
from training import locunet
from training.cli_train import train as command
from training.heatmap_inputs import correction_inputs, in_slots, locunet_images
from training.heatmap_model import HeatmapModel, median_pixel, network_of
from training.locunet_fitting import Keeper
from training.propagation.dataset import CityError, load_city
from training.radio_knn import RadioKnn, best_k
from training.radio_likelihood import (
    expected_pixel,
    fit_likelihood,
    log_likelihoods,
    posterior,
    prior,
)
from training.radio_site import at_site, site_of
from training.radio_worlds import Samples, drawn, worlds_of
from training.run import Run

TINY = {"width": 4, "epochs": 3, "steps": 4, "batch": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"), n_maps=14, users=16)


@pytest.fixture(scope="module")
def city(folder):
    return load_city(folder)


@pytest.fixture(scope="module")
def worlds(city):
    return worlds_of(city, "train", "robust")


@pytest.fixture(scope="module")
def run(city):
    return locunet.train(city, "posterior", threads=1)


def test_worlds_are_the_citys_maps_and_measurements(city, worlds):
    number = worlds.numbers[3]
    one = city[number]
    row, column = city.pixels(one.users_xy[5])
    assert worlds.user[3, 5].tolist() == [column, row]
    assert worlds.outdoors[3, row, column]
    robust, estimated = one.path_loss_db[city.scenario("robust")], one.path_loss_db[0]
    measured = worlds.measured_db[3, 2, 5].item()
    assert measured == pytest.approx(float(robust[2, row, column]), abs=1e-3)
    low, high = city.path_loss_range_db
    level = (float(estimated[2, row, column]) - low) / (high - low) * 255
    assert worlds.levels[3, 2, row, column].item() == round(level)
    with pytest.raises(CityError, match="no scenario 'rain', expected one of estimated, nominal"):
        worlds_of(city, "train", "rain")


def test_drawn_users_hear_one_of_the_first_three(worlds):
    samples = drawn(worlds, 20, 0)
    heard = worlds.measured_db[samples.map[:, None], samples.transmitter, samples.user[:, None]]
    assert heard[:, :3].isfinite().any(dim=1).all()
    assert samples.map.bincount().tolist() == [20] * len(worlds)
    assert len({tuple(row) for row in samples.transmitter.tolist()}) > 10
    assert torch.equal(drawn(worlds, 20, 0).user, samples.user)


def test_the_likelihood_is_recovered(worlds):
    rng = np.random.default_rng(0)
    gray = Gray(-147.0, -47.0, -120.0)
    shape = worlds.measured_db.shape
    index = torch.arange(shape[0])[:, None, None]
    transmitter = torch.arange(shape[1])[None, :, None]
    column, row = worlds.user[..., 0][:, None], worlds.user[..., 1][:, None]
    shown = gray.level_db[worlds.levels[index, transmitter, row, column].numpy()]
    sigma = 2.0 + 0.05 * (shown + 147.0)
    found = shown - 5.0 + sigma * rng.normal(size=shown.shape)
    rare = rng.random(shown.shape) < 0.05
    found[rare] = rng.uniform(-147, -47, rare.sum())
    found[found < gray.noise_floor_db] = np.nan
    made = replace(worlds, gray=gray, measured_db=torch.from_numpy(found.astype(np.float32)))
    likelihood = fit_likelihood(made)
    mean, deviation = likelihood.moments
    seen = np.bincount(worlds.levels[index, transmitter, row, column].flatten(), minlength=256)
    often = (seen > 15) & (gray.level_db > -110)
    assert often.sum() > 10
    np.testing.assert_allclose(mean[often], gray.level_db[often] - 5.0, atol=1.5)
    expected = 2.0 + 0.05 * (gray.level_db[often] + 147.0)
    np.testing.assert_allclose(deviation[often], expected, rtol=0.35)
    assert 0.01 < likelihood.outliers < 0.12


def test_rough_places_have_a_likelihood_of_their_own(worlds):
    rng = np.random.default_rng(0)
    index = torch.arange(len(worlds))[:, None, None]
    transmitter = torch.arange(worlds.levels.shape[1])[None, :, None]
    column, row = worlds.user[..., 0][:, None], worlds.user[..., 1][:, None]
    at = index, transmitter, row, column
    shown, rough = worlds.levels[at].numpy(), worlds.rough[at].numpy()
    assert np.array_equal(worlds.rough[0], roughness(worlds.levels[0].numpy(),
                                                     worlds.outdoors[0].numpy()))  # fmt: skip
    wide = rough > np.median(rough)
    found = worlds.gray.level_db[shown] + np.where(wide, 8.0, 1.0) * rng.normal(size=shown.shape)
    made = replace(worlds, measured_db=torch.from_numpy(found.astype(np.float32)),
                   gray=replace(worlds.gray, noise_floor_db=-147.0))  # fmt: skip
    likelihood = fit_likelihood(made, classes=2)
    assert likelihood.above == (int(np.median(rough)),)
    middle = np.bincount(shown[~wide].ravel(), minlength=256).argmax()
    assert likelihood.moments[1][middle] == pytest.approx(1.0, rel=0.25)
    (other,) = likelihood.rougher
    middle = np.bincount(shown[wide].ravel(), minlength=256).argmax()
    assert other.moments[1][middle] == pytest.approx(8.0, rel=0.25)
    assert fit_likelihood(made, classes=1).rougher == ()
    # Too few pairs for eight.
    assert 1 <= len(fit_likelihood(made, classes=8).rougher) < 7


def test_log_likelihoods_pixel_by_pixel(worlds):
    knots = (-147.0, -90.0, -47.84)
    likelihood = Likelihood(worlds.gray, (-140.0, -88.0, -50.0), (4.0, 3.0, 2.0), 0.1, 0.8)
    samples = drawn(worlds, 2, 1).few(3)
    found = log_likelihoods(worlds, samples, likelihood)
    values = worlds.measured_db[samples.map[:, None], samples.transmitter, samples.user[:, None]]
    levels = np.linspace(-147.0, -47.84, 3)
    assert len(knots) == len(levels)
    for b, j in ((0, 0), (7, 2), (11, 1)):
        shown = worlds.gray.level_db[worlds.levels[samples.map[b], samples.transmitter[b, j]]]
        normal = stats.norm(
            np.interp(shown, levels, likelihood.mean_db),
            np.interp(shown, levels, likelihood.sigma_db),
        )
        p = values[b, j].item()
        span = -47.84 + 147.0
        likely = 0.9 * (normal.cdf(-127) if np.isnan(p) else normal.pdf(p))
        likely += 0.1 * ((20.0 / span) if np.isnan(p) else 1 / span)
        np.testing.assert_allclose(found[b, j], 0.8 * np.log(likely + 1e-12), rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("kind", ["posterior", "correction"])
@pytest.mark.parametrize("count", [5, 3])
def test_a_batch_is_answered_as_on_the_device(city, run, kind, count):
    worlds = worlds_of(city, "test", "robust")
    site = site_of(city, worlds.numbers[0], "robust", deployment=1)
    torch.manual_seed(3)
    network = None
    if kind != "posterior":
        network = network_of(kind, 16, 4, "leaky_relu")
        for p in network.body.up[-1].parameters():
            torch.nn.init.normal_(p, 0.0, 0.2)
    trained = run.provenance["trained_for"]
    spec = None if network is None else {"kind": kind, "trained_for": trained}
    changed = replace(run, heatmap={**run.heatmap, "network": spec})
    placed = at_site(changed, replace(site, **_fewer(site, count)))
    model = HeatmapModel(kind, locunet.load_model(run).likelihood, tuple(run.provenance["box_px"]),
                         "median", network)  # fmt: skip
    device = _device(placed, network)
    user = torch.arange(worlds.user.shape[1])
    transmitter = worlds.deployments[0, 1][None].expand(len(user), -1)[:, :count]
    samples = Samples(torch.zeros_like(user), user, transmitter)
    found = model.answers(worlds, samples)
    for row, level in enumerate(_fewer(site, count)["users_dbm"]):
        heard = int(np.isfinite(level).sum())
        scan = Fingerprint(level, np.zeros(count, bool), heard, heard, heard)
        posterior = device.decode(device.invoke(device.prepare(scan)))
        np.testing.assert_allclose(posterior.median()[:2], found.xy_m[row], atol=0.05)
        assert posterior.spread_m() == pytest.approx(found.spread_m[row].item(), abs=0.05)


def _fewer(site, count):
    return {
        "bssids": site.bssids[:count], "power_dbm": site.power_dbm[:count],
        "maps": site.maps[:count], "xy_m": site.xy_m[:count],
        "users_dbm": site.users_dbm[:, :count],
    }  # fmt: skip


def _device(run, network):
    def scores(images):
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy().ravel()

    xy = run.arrays["places_xy_m"]
    return Heatmap(HeatmapRules.from_json(run.heatmap),
                   Places(xy[:, 0], xy[:, 1], run.arrays["places_floor"], run.pitch_m),
                   run.arrays["radio_maps"], run.arrays["outdoors"] != 0,
                   run.arrays["transmitter_xy_m"], scores)  # fmt: skip


def test_images_are_those_of_the_device(city, worlds):
    samples = in_slots(worlds, drawn(worlds, 2, 4).few(3))
    likelihood = fit_likelihood(worlds, classes=2)
    allowed = prior(worlds, worlds.box)
    batch = locunet_images(worlds, samples)
    corrected, log = correction_inputs(worlds, samples, likelihood, allowed)
    order = np.arange(3)
    for b in range(0, len(samples), 5):
        m, t = samples.map[b], samples.transmitter[b]
        loss = worlds.measured_db[m, t, samples.user[b]].numpy()
        assert slots(loss, np.ones(3, bool)).tolist() == [0, 1, 2]
        maps, here = worlds.levels[m, t].numpy(), allowed[m].numpy()
        device = LocunetImages(
            maps, worlds.transmitter[m, t].numpy(), worlds.outdoors[m].numpy(), worlds.gray
        )
        np.testing.assert_allclose(batch[b], device(order, loss)[0], atol=1e-6)
        codes, tables = likelihood.codes(maps, worlds.rough[m, t].numpy()), likelihood.tables(loss)
        cells = np.flatnonzero(here)
        sums = native.level_sums(codes.reshape(3, -1).take(cells, axis=1), tables)
        np.testing.assert_allclose(log[b].numpy()[here], sums, rtol=1e-6)
        assert log[b].isneginf().equal(~allowed[m])
        found = CorrectionImages(maps, codes, cells)(order, tables, sums)
        np.testing.assert_allclose(corrected[b], found[0], atol=1e-5)


def test_the_median_is_that_of_the_device():
    rng = np.random.default_rng(6)
    probability = rng.exponential(size=(4, 9, 9)) ** 6
    probability /= probability.sum(axis=(1, 2), keepdims=True)
    row, column = np.divmod(np.arange(81), 9)
    places = Places(2.5 * column, 2.5 * row, np.zeros(81), 2.5)
    maps = torch.from_numpy(probability)
    found = median_pixel(maps, expected_pixel(maps), MEDIAN_SOFT_M / 2.5)
    for one, pixel in zip(probability, found.tolist(), strict=True):
        x_m, y_m, _ = Posterior(places, one.ravel()).median()
        np.testing.assert_allclose([x_m / 2.5, y_m / 2.5], pixel, rtol=1e-12)


def test_plain_knn_is_that_of_scikit_learn(worlds):
    samples = drawn(worlds, 3, 2)
    found = RadioKnn(7).errors_m(worlds, samples)
    for b in range(0, len(samples), 4):
        maps = worlds.levels[samples.map[b], samples.transmitter[b]].reshape(5, -1).T / 255
        values = worlds.measured_db[samples.map[b], samples.transmitter[b], samples.user[b]]
        query = worlds.gray.share(values.numpy())
        distance, index = NearestNeighbors(n_neighbors=7).fit(maps).kneighbors(query[None])
        # Pixels as far as the seventh may stand in for it.
        if np.isclose(distance[0, -1], np.sort(np.linalg.norm(maps - query, axis=1))[7]):
            continue
        xy = np.stack([index[0] % worlds.side, index[0] // worlds.side], axis=1).mean(axis=0)
        truth = worlds.user[samples.map[b], samples.user[b]].numpy()
        assert found[b] == pytest.approx(np.linalg.norm(xy - truth) * worlds.pitch_m, abs=1e-3)


def test_knn_in_the_box_stays_in_the_box_and_is_better(worlds):
    samples = drawn(worlds, 10, 2)
    box = worlds.box
    k = best_k(RadioKnn(1), worlds, samples)
    inside = best_k(RadioKnn(1, box=box), worlds, samples)
    everywhere = RadioKnn(k).errors_m(worlds, samples).mean()
    assert RadioKnn(inside, box=box).errors_m(worlds, samples).mean() < everywhere
    _, used = RadioKnn(64, share=0.5).errors_of(worlds, samples, (64,))
    assert 1 <= used.mean() < 64
    for kind in (RadioKnn(4, "l1"), RadioKnn(4, heard=True)):
        assert np.isfinite(kind.errors_m(worlds, samples)).all()


def test_the_posterior_beats_the_paper_knn(run):
    shown = run.metrics
    assert shown["mean_m"] < 0.95 * shown["wknn"]["mean_m"]
    assert shown["three"]["mean_m"] < 0.95 * shown["three_wknn"]["mean_m"]
    assert 0.5 < shown["coverage_68"] < 0.85


def test_a_run_is_read_back(run, tmp_path):
    run.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    assert back.heatmap == run.heatmap
    assert locunet.load_model(back).likelihood == locunet.load_model(run).likelihood
    np.testing.assert_array_equal(back.arrays["radio_maps"], run.arrays["radio_maps"])


def test_a_site_of_other_maps_is_refused(city, run, tmp_path):
    with pytest.raises(CityError, match="map 99: expected 0 to 13"):
        site_of(city, 99, "robust")
    with pytest.raises(CityError, match="deployment 9: expected 0 to 3"):
        site_of(city, 0, "robust", deployment=9)
    with pytest.raises(CityError, match="2 names for 5 transmitters"):
        site_of(city, 0, "robust", bssids=["a", "b"])
    larger = load_city(make_city(tmp_path / "larger", n_maps=2, size_px=32, pitch_m=8.0))
    with pytest.raises(
        CityError, match=r"shape is \[32, 32\], the model was trained for \[16, 16\]"
    ):
        at_site(run, site_of(larger, 0, "robust"))
    deaf = replace(site_of(city, 0, "robust"), maps=np.zeros((5, 16, 16), np.uint8))
    with pytest.raises(CityError, match="no pixel outdoors is in reach"):
        at_site(run, deaf)


def test_settings_and_machines_that_are_not_there(city):
    with pytest.raises(ValueError, match="preset 'huge', expected one of posterior, residual"):
        locunet.train(city, "huge")
    with pytest.raises(ValueError, match="precision '8'"):
        locunet.train(city, precision="8")


def test_an_interrupted_training_goes_on(city, tmp_path, monkeypatch):
    kept = tmp_path / "run.partial"
    save = Keeper.save

    def stopped(self, epoch, best):
        save(self, epoch, best)
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "save", stopped)
        with pytest.raises(KeyboardInterrupt):
            locunet.train(city, "residual", changes=TINY, threads=1, kept=kept)
    state = torch.load(kept, weights_only=True)
    assert state["epoch"] == len(state["history"]) == 2
    run = locunet.train(city, "residual", changes=TINY, threads=1, kept=kept)
    assert run.provenance["validation_error_m"][:2] == state["history"]
    assert len(run.provenance["validation_error_m"]) == 3


def test_the_command_writes_a_run_and_says_what_it_is_worth(folder, tmp_path):
    out = tmp_path / "run"
    arguments = ["locunet", str(folder), "-o", str(out), "--threads", "1", "--json"]
    result = CliRunner().invoke(command, [*arguments, "--scenario", "nominal"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["scenario"] == "nominal"
    assert {"mean_m", "three", "wknn", "three_wknn"} <= shown.keys()
    assert Run.load(out).metrics["mean_m"] == shown["mean_m"]
    result = CliRunner().invoke(command, [*arguments, "--map", "77"])
    assert result.exit_code == 1
    assert "map 77: expected 0 to 13" in result.output


def test_mixed_precision_trains_alike(city):
    plain, mixed = (
        locunet.train(city, "residual", changes=TINY, threads=1, precision=precision)
        for precision in ("32-true", "bf16-mixed")
    )
    assert mixed.metrics["mean_m"] == pytest.approx(plain.metrics["mean_m"], rel=0.02)
    assert all(value.dtype == torch.float32 for value in mixed.state.values())


def test_two_processes_train_one_network(folder, tmp_path):
    out = tmp_path / "run"
    code = "import sys; from sdk.cli import main; sys.exit(main())"
    script = tmp_path / "rssfix.py"
    script.write_text(code)
    arguments = ["train", "locunet", str(folder), "-o", str(out), "--preset", "residual",
                 "--devices", "2", "--epochs", "1", "--threads", "1", "--device", "cpu",
                 "--json"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=300,
        check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Starting with 2 processes" in done.stderr
    run = Run.load(out)
    assert run.provenance["machine"]["devices"] == 2
    assert locunet.load_model(run).network is not None
    assert not out.with_name("run.partial").exists()


def test_the_residuals_loss_is_the_log_probability_of_the_true_pixel(worlds):
    likelihood = fit_likelihood(worlds, classes=2)
    allowed = prior(worlds, worlds.box)
    samples = drawn(worlds, 3, 0)
    model = HeatmapModel("correction", likelihood, worlds.box, "median")
    probability = posterior(worlds, samples, likelihood, allowed)
    column, row = worlds.user[samples.map, samples.user].T
    at_truth = probability[torch.arange(len(samples)), row, column]
    found = float(model.loss(worlds, samples, allowed, "nll", 2.0))
    assert found == pytest.approx(-float(at_truth.log().mean()), rel=1e-4)
