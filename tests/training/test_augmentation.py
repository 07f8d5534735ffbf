"""Training rows are shaken in dB, whatever form their values have."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.augmentation import shaken
from training.exloc import zscore
from training.presets import PRESETS

FLOOR_DBM, EXPONENT = -105.0, 2.0
STILL = replace(PRESETS["small"], noise_db=0.0, offset_db=0.0, ap_dropout=0.0)


@pytest.fixture
def rssi():
    rng = np.random.default_rng(0)
    made = rng.uniform(-70, -50, (2000, 12)).astype(np.float32)
    made[rng.random(made.shape) < 0.5] = np.nan
    return made


def form_of(kind, rssi):
    if kind == "linear":
        return zscore(rssi, -100.0, "per_ap", "vector")
    return zscore(rssi, FLOOR_DBM, "place", "vector", "powed", EXPONENT)


def dbm_of(inputs, recipe):
    """Back from network inputs, by the inverse of the textbook formula; silent = the floor."""
    values = inputs.numpy().astype(float) * np.asarray(recipe.std_db) + np.asarray(recipe.mean_dbm)
    if recipe.value_form == "linear":
        return values
    return np.maximum(values, 0.0) ** (1 / EXPONENT) * -FLOOR_DBM + FLOOR_DBM


@pytest.mark.parametrize("kind", ["linear", "powed"])
def test_rows_left_still_are_those_of_the_device(kind, rssi):
    recipe, rows = form_of(kind, rssi), torch.tensor([5, 0, 3])
    made = shaken(rssi, recipe, STILL, "cpu").batch(rows)
    np.testing.assert_array_equal(made.numpy(), recipe.normalised(rssi[[5, 0, 3]]))


@pytest.mark.parametrize("kind", ["linear", "powed"])
def test_noise_and_offset_are_in_db(kind, rssi):
    recipe, rows, heard = form_of(kind, rssi), torch.arange(len(rssi)), np.isfinite(rssi)
    torch.manual_seed(1)
    noisy = shaken(rssi, recipe, replace(STILL, noise_db=3.0), "cpu").batch(rows)
    added = (dbm_of(noisy, recipe) - rssi)[heard]
    assert added.std() == pytest.approx(3.0, rel=0.03)
    assert added.mean() == pytest.approx(0.0, abs=0.1)
    silent = recipe.normalised(np.full((1, 12), np.nan, np.float32))
    np.testing.assert_array_equal(
        noisy.numpy()[~heard], np.broadcast_to(silent, heard.shape)[~heard]
    )
    moved = shaken(rssi, recipe, replace(STILL, offset_db=5.0), "cpu").batch(rows)
    step = np.where(heard, dbm_of(moved, recipe) - rssi, np.nan)[heard.sum(1) > 1]
    assert np.nanstd(step, axis=1).max() < 0.01, "one offset for all of a scan"
    assert np.nanmean(step, axis=1).std() == pytest.approx(5.0, rel=0.05)


@pytest.mark.parametrize("kind", ["linear", "powed"])
def test_lost_access_points_are_silent(kind, rssi):
    recipe, rows, heard = form_of(kind, rssi), torch.arange(len(rssi)), np.isfinite(rssi)
    torch.manual_seed(2)
    made = shaken(rssi, recipe, replace(STILL, ap_dropout=0.4), "cpu").batch(rows).numpy()
    silent = np.broadcast_to(recipe.normalised(np.full((1, 12), np.nan, np.float32)), made.shape)
    lost = (made == silent) & heard
    assert lost.sum() / heard.sum() == pytest.approx(0.4, abs=0.02)
    np.testing.assert_array_equal(made[~lost], recipe.normalised(rssi)[~lost])
    torch.manual_seed(2)
    again = shaken(rssi, recipe, replace(STILL, ap_dropout=0.4), "cpu").batch(rows)
    np.testing.assert_array_equal(again.numpy(), made)
