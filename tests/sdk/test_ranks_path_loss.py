"""The path-loss method of a `ranks` bundle against plain numpy and scipy."""

import numpy as np
import pytest
import small_bundles as small
import small_ranks as hapi
from scipy.stats import norm

from sdk import BundleError, Localizer

METHOD = {
    "method": "path_loss",
    "reference_dbm": -35.0,
    "exponent": 3.0,
    "sigma_db": 8.0,
    "offset_sigma_db": 4.0,
    "silence_dbm": -90.0,
    "silence_weight": 0.05,
    "strongest": 4,
    "weight_scale_db": 30.0,
}
ROWS = hapi.rows()


def density(row, floor, method, cap_dbm=hapi.CAP_DBM, masked=()):
    """Of the walkable cells of a floor (cells,), sum = 1."""
    xy, of = hapi.places()
    xy = xy[of == floor]
    sigma = method["sigma_db"]
    extra = hapi.FAF_DB * np.abs(hapi.AP_FLOOR - floor)
    away = np.hypot(*(xy[:, None] - hapi.AP_XY_M[None]).transpose(2, 0, 1))
    # What every AP should be heard with if it hung on this floor.
    clear = method["reference_dbm"] - 10 * method["exponent"] * np.log10(np.maximum(away, 1))
    heard = np.flatnonzero(~np.isnan(row))
    level = np.minimum(row[heard] + extra[heard], cap_dbm)
    if method["strongest"] is not None and method["strongest"] < len(heard):
        kept = level >= np.sort(level)[-method["strongest"]]
        heard, level = heard[kept], level[kept]
    weight = 10 ** ((level - level.max()) / method["weight_scale_db"])
    residual = level - clear[:, heard]
    log = -(weight * residual**2).sum(axis=1)
    if method["offset_sigma_db"]:
        shrink = weight.sum() + (sigma / method["offset_sigma_db"]) ** 2
        log += (weight * residual).sum(axis=1) ** 2 / shrink
    log /= 2 * sigma**2
    silent = [i for i in np.flatnonzero(np.isnan(row)) if i not in masked]
    margin = (method["silence_dbm"] - (clear - extra)[:, silent]) / sigma
    log += method["silence_weight"] * norm.logcdf(margin).sum(axis=1)
    p = np.exp(log - log.max())
    return p / p.sum()


def opened(**changes):
    """A bundle with this method, without a network and a quality."""
    position = {**METHOD, **changes.pop("position", {})}
    record, members = hapi.parts(network=False, quality=None, position=position, **changes)
    record["golden"]["tolerance"] = 1.0
    return Localizer.open(small.pack(record, members))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"strongest": None, "silence_weight": 0.0},
        {"offset_sigma_db": 0.0, "silence_weight": 0.7},
        {"strongest": 2, "weight_scale_db": 6.0},
        {"sigma_db": 3.0, "silence_dbm": -60.0, "silence_weight": 1.0},
    ],
)
def test_the_posterior_is_that_of_plain_numpy(change):
    rows = [np.where(row < -70, np.nan, row).astype(np.float32) for row in ROWS]
    with opened(position=change) as localizer:
        for row in rows:
            posterior = localizer.posterior(hapi.scan_of(row))
            floor = int(hapi.AP_FLOOR[np.nanargmax(row)])
            wanted = density(row, floor, {**METHOD, **change})
            on = posterior.floor == floor
            np.testing.assert_allclose(posterior.probability[on], wanted, atol=1e-4)
            assert posterior.probability[~on].sum() == 0


def test_the_spread_is_that_of_the_probability_without_a_quality():
    with opened() as localizer:
        posterior = localizer.posterior(hapi.scan_of(ROWS[3]))
    x_m, y_m, floor = posterior.mean()
    away = np.hypot(posterior.x_m - x_m, posterior.y_m - y_m)
    share = posterior.probability * (posterior.floor == floor)
    assert posterior.error_m is None
    assert posterior.spread_m() == pytest.approx(np.sqrt(share @ away**2), abs=1e-6)


def test_levels_are_capped():
    row = np.full(hapi.N_APS, np.nan, np.float32)
    row[:2] = [-45.0, -33.0]
    with opened(cap_dbm=-40.0) as localizer:
        found = localizer.posterior(hapi.scan_of(row)).probability
    on = hapi.places()[1] == -1
    np.testing.assert_allclose(found[on], density(row, -1, METHOD, cap_dbm=-40.0), atol=1e-4)


def test_a_masked_ap_is_not_silent():
    row = np.where(ROWS[2] < -70, np.nan, ROWS[2]).astype(np.float32)
    silent = np.flatnonzero(np.isnan(row))
    masked = [int(silent[0]), int(np.nanargmin(row))]
    with opened(position={"silence_weight": 1.0, "silence_dbm": -65.0}) as localizer:
        localizer.set_unknown({hapi.BSSIDS[i] for i in masked})
        found = localizer.posterior(hapi.scan_of(row)).probability
    row[masked[1]] = np.nan
    method = {**METHOD, "silence_weight": 1.0, "silence_dbm": -65.0}
    floor = int(hapi.AP_FLOOR[np.nanargmax(row)])
    wanted = density(row, floor, method, masked=masked)
    np.testing.assert_allclose(found[hapi.places()[1] == floor], wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sigma_db", 0, "sigma_db must be a number > 0.001"),
        ("exponent", 0, "exponent must be a number > 0"),
        ("silence_weight", 1.5, "silence_weight must be a number"),
        ("strongest", 2.5, "strongest must be an int from 1"),
        ("weight_scale_db", None, "weight_scale_db must be a number"),
        ("reference_dbm", ..., "reference_dbm is missing"),
    ],
)
def test_every_wrong_field_is_named(name, value, message):
    position = {**METHOD, name: value}
    if value is ...:
        del position[name]
    with pytest.raises(BundleError, match=rf"manifest\.output\.position\.{message}"):
        Localizer.open(hapi.bundle(network=False, position=position))
