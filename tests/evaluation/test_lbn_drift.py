"""Simulated drift and statistics of the scans themselves, by plain loops."""

import numpy as np
import pytest
import torch

from evaluation import lbn_drift
from evaluation.lbn_drift import KINDS, OWN, RUNNING, Kind, drifted, groups, own_logits
from evaluation.lbn_drift_report import drift_parts, view
from evaluation.lbn_figures import figures
from evaluation.lbn_places import Material
from sdk.images import InputRecipe
from training.networks.lbn import LbnNet

POINTS, COLUMNS = 4, 30


def recipe(side):
    return InputRecipe("square", -100.0, -100.0, -100.0, 100.0, side)


def rows(count=24, seed=0):
    """(count, 30) dBm, a third not heard; row i at point i mod 4."""
    rng = np.random.default_rng(seed)
    made = rng.integers(-95, -40, (count, COLUMNS)).astype(np.float32)
    made[rng.random(made.shape) < 1 / 3] = np.nan
    return made


def material():
    rssi = rows()
    test = np.arange(len(rssi)) >= 8
    xy = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    tests = {"month 7": test, "month 11": ~test}
    return Material(None, rssi, np.arange(len(rssi)) % POINTS, xy, ~test, tests)


def network(**settings):
    torch.manual_seed(0)
    net = LbnNet(
        **({"n_places": POINTS, "side": 6, "block": 4, "eps": 1e-5, "momentum": 0.0} | settings)
    )
    with torch.no_grad():
        net(torch.from_numpy(recipe(6).images(rows(seed=5))))
    return net.eval()


@pytest.mark.parametrize(("side", "columns"), [(16, 256), (16, 187), (6, 30)])
def test_patches_are_those_of_the_image(side, columns):
    image = np.zeros((side, side), dtype=int)
    for top in range(0, side, 4):
        for left in range(0, side, 4):
            image[top : top + 4, left : left + 4] = image.max() + 1
    found = groups(Kind("", "patch"), recipe(side), columns)
    np.testing.assert_array_equal(found, image.ravel()[:columns] - 1)
    assert set(groups(Kind("", "all"), recipe(side), columns)) == {0}
    assert len(set(groups(Kind("", "each"), recipe(side), columns))) == columns


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.title)
def test_one_gain_and_one_offset_per_group(kind):
    rssi, floor = rows(), -100.0
    made = drifted(rssi, kind, recipe(6), 0)
    group = groups(kind, recipe(6), COLUMNS)
    assert np.isnan(made[np.isnan(rssi)]).all(), "drift makes nothing heard"
    assert (made[np.isfinite(made)] > floor).all()
    for g in set(group):
        both = np.isfinite(made[:, group == g])
        before = rssi[:, group == g][both] - floor
        after = made[:, group == g][both] - floor
        if kind.gain != 1.0:
            ratio = after / before
            assert ratio == pytest.approx(ratio[0], rel=1e-4)
            assert 1 / kind.gain <= ratio[0] <= kind.gain
        else:
            assert after - before == pytest.approx((after - before)[0], abs=1e-4)
    np.testing.assert_array_equal(drifted(rssi[:3], kind, recipe(6), 0), made[:3])
    assert not np.array_equal(drifted(rssi, kind, recipe(6), 1), made, equal_nan=True)


def test_what_falls_to_the_floor_is_not_heard():
    low = np.full((1, COLUMNS), -99.5, dtype=np.float32)
    made = drifted(low, KINDS[3], recipe(6), 0)
    offset = np.random.default_rng([3, 0]).normal(0.0, 6.0, COLUMNS)
    np.testing.assert_array_equal(np.isnan(made[0]), offset <= -0.5)


def test_the_spread_of_the_draws():
    flat = np.full((1, 4000), -60.0, dtype=np.float32)
    offset = drifted(flat, KINDS[3], recipe(64), 0)[0] + 60.0
    assert offset.mean() == pytest.approx(0.0, abs=0.4)
    assert offset.std() == pytest.approx(6.0, abs=0.3)


@pytest.mark.parametrize(("norm", "block"), [("bn", None), ("lbn", 4), ("lbn", 3)])
def test_own_statistics_are_those_of_the_images_at_hand(norm, block):
    net = network(norm=norm, block=block)
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    images = recipe(6).images(rows(seed=1))
    found = own_logits(net, images)
    for name, value in net.state_dict().items():
        assert torch.equal(value, kept[name]), name
    with torch.inference_mode():
        values = torch.relu(net.layers[0].conv(torch.from_numpy(images))).numpy()
        size = block or 6
        normed = np.empty_like(values)
        for top in range(0, 6, size):
            for left in range(0, 6, size):
                at = (slice(None), slice(None), slice(top, top + size), slice(left, left + size))
                mean = values[at].mean(axis=(0, 2, 3), keepdims=True)
                var = values[at].var(axis=(0, 2, 3), keepdims=True)
                normed[at] = (values[at] - mean) / np.sqrt(var + 1e-5)
        rest = net.layers[2](net.layers[1](torch.from_numpy(normed)))
        wanted = net.head(torch.relu(net.dense(rest.flatten(1)))).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    assert np.abs(found - net.scores(torch.from_numpy(images)).detach().numpy()).max() > 1e-3


def test_a_gain_of_all_images_is_undone_by_own_statistics_and_by_nothing_else():
    """Without the convolution's bias, so that a gain of the image is one of its maps."""
    net = network(eps=1e-12)
    with torch.no_grad():
        net.layers[0].conv.bias.zero_()
    images = recipe(6).images(rows(seed=1))
    np.testing.assert_allclose(own_logits(net, 0.5 * images), own_logits(net, images), atol=1e-4)
    with torch.inference_mode():
        running = [net.scores(torch.from_numpy(x)).numpy() for x in (images, 0.5 * images)]
    assert np.abs(running[0] - running[1]).max() > 1e-2


def test_every_scene_with_both_statistics():
    place, net = material(), network()
    found = lbn_drift.of_network(place, recipe(6), net)
    assert set(found) == {"month 7", "month 11", *(k.title for k in KINDS)}
    assert all(set(found[k.title]) == {RUNNING, OWN} for k in KINDS)
    assert set(found["month 11"]) == {OWN}, "with moving averages: the record's tests"
    # By loops: the i-th scan of a point sees draw i mod 3, and own statistics are of one draw.
    index, seen, draws = np.flatnonzero(place.tests["month 7"]), {}, {0: [], 1: [], 2: []}
    for i in index:
        nth = seen.setdefault(place.point[i], 0)
        draws[nth % 3].append(i)
        seen[place.point[i]] += 1
    probability = np.zeros((len(place.point), POINTS))
    for draw, part in draws.items():
        levels = drifted(place.rssi_dbm[part], KINDS[1], recipe(6), draw)
        logits = torch.from_numpy(own_logits(net, recipe(6).images(levels)))
        probability[part] = torch.softmax(logits, 1).numpy()
    wanted = figures(probability[index], place.point[index], place.xy_m)
    assert found["patches, 6 dB"][OWN]["mean_m"] == pytest.approx(wanted["mean_m"], abs=1e-4)
    whole = own_logits(net, recipe(6).images(place.rssi_dbm[index])).argmax(axis=1)
    exact = np.mean(whole == place.point[index])
    assert found["month 7"][OWN]["margins"][0] == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("settings", [{"norm": "none"}, {"norm": "ln"}, {"scope": "sample"}])
def test_without_moving_averages_there_is_one_answer(settings):
    found = lbn_drift.of_network(material(), recipe(6), network(**settings))
    assert all(set(modes) == {RUNNING} for modes in found.values())
    assert set(found) == {k.title for k in KINDS}


def test_the_tables():
    place, made = material(), {}
    for name, norm in (("none", "none"), ("bn", "bn"), ("lbn", "lbn")):
        net = network(norm=norm)
        with torch.inference_mode():
            logits = net.scores(torch.from_numpy(recipe(6).images(place.rssi_dbm)))
        probability = torch.softmax(logits, 1).numpy()
        tests = {
            test: figures(probability[r], place.point[r], place.xy_m)
            for test, r in place.tests.items()
        }
        record = {"seed": 0, "tests": tests, "drift": lbn_drift.of_network(place, recipe(6), net)}
        made[name] = [record]
    text = "\n".join(drift_parts(made))
    assert "| LBN (own) less BN (own) | 1 | patches, 6 dB |" in text
    assert "| LBN (own) less LBN (running) | 1 | month 11 |" in text
    assert "| no norm, own statistics |" not in text
    line = next(x for x in text.splitlines() if x.startswith("| LBN, own statistics | 1 |"))
    own = made["lbn"][0]["drift"]["patches, 6 dB"][OWN]["mean_m"]
    assert line.split("|")[5].strip() == f"{own:.2f}"
    assert view(made["none"][0], OWN) is None
    assert drift_parts({"ln": [{"seed": 0, "tests": {}}]}) == []
