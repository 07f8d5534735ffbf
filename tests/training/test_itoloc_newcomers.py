"""Access points that came since the survey, in the places of silent ones: exact at the start,
learned under a labelled guard, the same on the device."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from drifting_hall import APS, CHANGES, RULES, rows_of, survey_of

from export.build import export_run
from sdk import Localizer, Scan
from sdk.images import InputRecipe
from training import itoloc
from training import itoloc_lesson as lesson
from training.itoloc_answer import probability
from training.itoloc_cotraining import Cotraining
from training.itoloc_fitting import scores
from training.itoloc_guard import guard_of, levels_of, mask_of
from training.itoloc_images import Images
from training.itoloc_lesson import guarded
from training.itoloc_newcomers import (
    LEAST_GAIN,
    folded,
    newcomers,
    places_for,
    seated,
    unsurveyed,
)
from training.itoloc_update import update
from training.run import Run
from training.survey_file import write_survey
from training.update_cli import update as command

pytestmark = pytest.mark.usefixtures("one_thread")

DEAD = tuple(range(3, 10))
NAME = "02:00:00:00:00:{:02x}"
# Bolder than the hall's: a gain moves slowly.
BOLD = replace(RULES, sigma=0.5, learning_rate=0.05, rounds=12)
OLD, NEW = [NAME.format(i) for i in DEAD], [NAME.format(0x80 + i) for i in DEAD]


@pytest.fixture(scope="module")
def run():
    """Month 0 over levels, beside neighbours, with access points lost and unknown in training."""
    changes = CHANGES | {
        "input": "vector", "level": False, "fused": True, "ap_unknown": 0.5, "width": 12,
        "estimate": "mean",
    }  # fmt: skip
    return itoloc.train(survey_of(rows_of(0, 24, 0)), "small", 0, changes=changes, threads=1)


def replaced(scans, seed, split=None):
    """A month in which seven boxes of the same places have got other addresses."""
    names = dict(zip(OLD, NEW, strict=True))
    rows = rows_of(0, scans, seed)
    for row in rows:
        row["bssid"] = [names.get(one, one) for one in row["bssid"]]
        row["split"] = row["split"] if split is None else split
    return survey_of(rows)


@pytest.fixture(scope="module")
def updated(run):
    return update(run, replaced(24, 1), replaced(4, 3), rules=BOLD, threads=1)


def seated_run(run):
    masked = replace(run, unknown=tuple(OLD))
    return seated(masked, places_for(masked, newcomers(masked, replaced(24, 1), masked.unknown)))


def test_they_take_the_places_of_silent_ones(run):
    made = seated_run(run)
    assert set(made.bssids) == set(run.bssids) - set(OLD) | set(NEW)
    assert made.unknown == ()
    for before, after in zip(run.bssids, made.bssids, strict=True):
        assert (before == after) == (before not in OLD), "who stays keeps the place"
    new = np.isin(made.bssids, NEW)
    assert (unsurveyed(made) == new).all()
    np.testing.assert_array_equal(made.arrays["database"][:, ~new], run.arrays["database"][:, ~new])
    # Fewer places than newcomers: those heard most; fewer newcomers: the others stay masked.
    few = replace(run, unknown=tuple(OLD[:2]))
    names = newcomers(few, replaced(24, 1), few.unknown)
    assert len(names) == 2
    dead = replace(run, unknown=tuple(OLD))
    assert seated(dead, places_for(dead, names)).unknown == tuple(
        name for name in OLD if name in sorted(OLD, key=run.bssids.index)[2:]
    )


def test_a_place_that_is_taken_again_has_no_gain_of_before(run):
    made = seated_run(run)
    made = replace(made, input=folded(made.input_recipe, np.full(APS, 0.02)).to_json())
    std = np.array(made.input_recipe.std_db)
    surveyed = std[~np.isin(made.bssids, NEW)][0]
    later = seated(replace(made, unknown=(NEW[0],)), {NEW[0]: "02:00:00:00:01:00"})
    place = made.bssids.index(NEW[0])
    assert later.bssids[place] == "02:00:00:00:01:00"
    std[place] = surveyed
    assert later.input_recipe.std_db == tuple(std.tolist())


def test_until_something_is_learned_nothing_changes(run):
    """With a gain of 0 the network says to the bit what it says with the silent ones masked."""
    made, later = seated_run(run), replaced(4, 2)
    network = itoloc.load_network(run)
    hidden = mask_of(run, tuple(OLD))
    masked = scores(network, run.input_recipe, levels_of(later, run), hidden)
    new = np.isin(made.bssids, NEW)
    rows = torch.from_numpy(levels_of(later, made))
    game = Cotraining(
        network, Images(made.input_recipe), made.arrays["database"], made.arrays["place_of_row"],
        np.eye(16, dtype=np.float32), rows.numpy(), np.zeros(APS, dtype=bool), RULES, 0,
        lambda *_: 1.0, 10, unsurveyed(made), new,
    )  # fmt: skip
    assert game.gain.tolist() == (~new).astype(float).tolist()
    with torch.inference_mode():
        found = network.scores(game._seen(rows, game.unknown))
    assert torch.equal(found, torch.from_numpy(masked))
    # The neighbours, whose scans could not hear them, are the same too.
    np.testing.assert_allclose(
        probability(made, network, levels_of(later, made), new),
        probability(run, network, levels_of(later, run), hidden), atol=1e-12,
    )  # fmt: skip


def test_with_a_labelled_guard_they_help(run, updated):
    made, report = updated
    told = report["newcomers"]
    assert set(told["offered"]) == set(NEW)
    assert told["kept"]
    # Who has next to no gain has not entered, and the place is the silent one's still.
    assert told["names"]
    assert min(told["gain"]) >= LEAST_GAIN
    assert set(NEW) & set(made.bssids) == set(told["names"])
    assert len(set(made.bssids) & set(OLD)) == len(OLD) - len(told["names"])
    assert set(made.unknown) == set(made.bssids) & set(OLD)
    other = guard_of(made, replaced(8, 5))
    now, _ = guarded(made, itoloc.load_network(made), other)
    masked = replace(run, unknown=tuple(OLD))
    before, _ = guarded(masked, itoloc.load_network(run), guard_of(masked, replaced(8, 5)))
    alone, _ = update(run, replaced(24, 1), rules=BOLD, threads=1)
    without, _ = guarded(alone, itoloc.load_network(alone), guard_of(alone, replaced(8, 5)))
    print(f"masked {before:.2f} m, co-trained {without:.2f} m, with newcomers {now:.2f} m")
    assert now < 0.9 * before
    assert now < without
    json.dumps(report, allow_nan=False)


def test_without_a_guard_of_the_new_time_they_stay_out(run):
    made, report = update(run, replaced(24, 1), rules=replace(RULES, rounds=1), threads=1)
    assert "newcomers" not in report
    assert made.bssids == run.bssids
    assert set(made.unknown) == set(OLD)


@pytest.mark.parametrize("worse_m", [-1e-3, 1e-3])
def test_what_does_not_help_the_guard_stays_out(run, monkeypatch, worse_m):
    """Newcomers that the guard finds a little better, and a little worse, than the best without."""
    found = {}

    def taught(*args, new=None, **kwargs):
        one = lesson.taught(*args, new=new, **kwargs)
        if new is None:
            found["without"] = one.mean_m
            return one
        gain = torch.where(torch.from_numpy(new), 0.5, 1.0)
        monkeypatch.setattr(one.game, "gain", gain)
        masked = guarded(args[0], itoloc.load_network(run), args[2])[0]
        return replace(one, mean_m=min(found["without"], masked) + worse_m)

    monkeypatch.setattr("training.itoloc_update.taught", taught)
    rules = replace(BOLD, rounds=2)
    made, report = update(run, replaced(24, 1), replaced(4, 3), rules=rules, threads=1)
    assert set(report["newcomers"]["names"]) == set(NEW)
    assert report["newcomers"]["kept"] == (worse_m < 0)
    gone = set(NEW) if worse_m < 0 else set()
    assert set(made.bssids) & set(NEW) == gone
    assert set(made.unknown) == (set() if worse_m < 0 else set(OLD))


def test_the_device_hears_them(updated, tmp_path):
    """Checkpoint and bundle agree, the gain stands in the recipe, and each newcomer counts."""
    made, _ = updated
    made.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    assert isinstance(back.input_recipe, InputRecipe)
    assert isinstance(back.input_recipe.std_db, tuple)
    export_run(tmp_path / "run", tmp_path / "hall.rssfix", ("onnx",), "int8")
    survey = replaced(1, 7)
    hidden = mask_of(back, back.unknown)
    expected = probability(back, itoloc.load_network(back), levels_of(survey, back), hidden)
    with Localizer.open(tmp_path / "hall.rssfix") as localizer:
        for row, wanted in enumerate(expected):
            part = survey.take(np.arange(len(survey)) == row)
            heard = dict(zip(
                (part.bssids[code] for code in part.bssid_code), part.rssi_dbm.tolist(), strict=True
            ))  # fmt: skip
            scan = Scan.from_dict({k: float(v) for k, v in heard.items()}, timestamp_ms=0)
            np.testing.assert_allclose(localizer.posterior(scan).probability, wanted, atol=0.02)
            known = set(back.bssids) - set(back.unknown)
            assert localizer.locate(scan).matched_aps == len(known & set(heard))


def test_a_second_update_knows_them(updated):
    made, _ = updated
    again, report = update(made, replaced(24, 11), rules=replace(RULES, rounds=2), threads=1)
    assert set(NEW) & set(again.bssids) == set(NEW) & set(made.bssids)
    # The run's own rows could not hear them: read as "not heard" they would look far away.
    assert report["masked"]["mean_m"] < 2.5
    first = made.input_recipe.std_db
    assert again.input_recipe.std_db == first


def test_a_gain_becomes_a_part_of_the_scale():
    recipe = InputRecipe("vector", -100.0, -80.0, -80.0, 10.0)
    gain = np.array([1.0, 0.5, 0.0])
    made = folded(recipe, gain)
    assert made.std_db == (10.0, 20.0, 10.0 / LEAST_GAIN)
    levels = np.float32([[-60.0, -60.0, -80.0]])
    np.testing.assert_allclose(made.normalised(levels), [[2.0, 1.0, 0.0]])
    np.testing.assert_allclose(
        Images(made)(torch.from_numpy(levels)).numpy(), made.images(levels), atol=1e-6
    )
    twice = folded(made, np.array([1.0, 1.0, 1.0]))
    assert twice == made


def test_an_image_takes_none(hall_run):
    masked = replace(hall_run, unknown=tuple(OLD))
    assert newcomers(masked, replaced(24, 1), masked.unknown) == ()


def test_the_command_tells(run, tmp_path):
    run.save(tmp_path / "run")
    write_survey(replaced(12, 1, split=""), tmp_path / "later")
    write_survey(replaced(4, 3), tmp_path / "guard")
    shown = CliRunner().invoke(command, [
        str(tmp_path / "run"), str(tmp_path / "later"), "-o", str(tmp_path / "run2"), "--guard",
        str(tmp_path / "guard"), "--json",
    ])  # fmt: skip
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.output)["newcomers"]
    assert set(told["offered"]) == set(NEW)
    made = Run.load(tmp_path / "run2")
    assert set(made.bssids) & set(NEW) == (set(told["names"]) if told["kept"] else set())
