"""Classes of roughness: the range about a pixel, codes, and the kernel that knows no classes."""

import json

import numpy as np
import pytest
import small_heatmap as square
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats

from sdk import BundleError, native
from sdk.fingerprint import Fingerprint
from sdk.heatmap_rules import Gray, HeatmapRules, Likelihood
from sdk.places import Places
from sdk.positioners.heatmap import Heatmap
from sdk.roughness import roughness, split_maps, split_tables

GRAY = Gray(-147.0, -47.0, -127.0)
ROUGH = {"mean_db": [-140.0, -50.0], "sigma_db": [9.0, 5.0], "outliers": 0.1, "power": 1.0,
         "tail": 0.3, "tail_factor": 3.0}  # fmt: skip


@given(arrays(np.uint8, (2, 5, 7)), arrays(np.bool_, (5, 7)))
def test_roughness_is_the_range_of_the_outdoor_neighbours(maps, outdoors):
    found = roughness(maps, outdoors)
    for one, rough in zip(maps.astype(float), found, strict=True):
        seen = np.where(outdoors, one, np.nan)

        def span(values):
            return np.nanmax(values) - np.nanmin(values) if np.isfinite(values[4]) else 0.0

        expected = ndimage.generic_filter(seen, span, 3, mode="constant", cval=np.nan)
        np.testing.assert_array_equal(rough, expected)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_kernels_sum_is_that_over_codes(classes, seed):
    rng = np.random.default_rng(seed)
    others = tuple(Likelihood(GRAY, (-140.0, -50.0), (one + 2.0, 3.0), 0.1, 1.0)
                   for one in range(classes - 1))  # fmt: skip
    above = tuple(sorted(rng.choice(200, classes - 1, replace=False).tolist()))
    likelihood = Likelihood(GRAY, (-147.0, -47.0), (1.0, 2.0), 0.1, 0.7, 0.2, 3.0, above, others)
    maps, rough = rng.integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
    codes = likelihood.codes(maps, rough).reshape(3, -1)
    tables = likelihood.tables(np.array([-90.0, np.nan, -60.0]))
    assert tables.shape == (3, 256 * classes)
    expected = sum(table[code] for table, code in zip(tables, codes, strict=True))
    flat = split_maps(codes, classes).reshape(-1, 20)
    found = native.level_sums(flat, split_tables(tables, classes))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_each_pixel_has_the_likelihood_of_its_roughness():
    base = square.rules()["likelihood"]
    outdoors, allowed = square.outdoors() != 0, square.allowed()
    rough = roughness(square.maps(), outdoors)
    edge = int(np.median(rough))
    rules = HeatmapRules.from_json(
        square.rules(likelihood={**base, "rougher": [{"above": edge, **ROUGH}]})
    )
    heatmap = Heatmap(
        rules, Places(*square.places().T, np.zeros(allowed.sum()), square.PITCH_M), square.maps(),
        outdoors, square.XY_M,
    )  # fmt: skip
    for row in square.rows():
        log = np.zeros(allowed.sum())
        for j, power_dbm in enumerate(square.POWER_DBM):
            # Level 0 is read as level 1.
            shown = rules.gray.level_db[np.maximum(square.maps()[j][allowed], 1)]
            smooth = rough[j][allowed] <= edge
            for part, here in ((base, smooth), (ROUGH, ~smooth)):
                log[here] += base["power"] * _log(part, shown[here], row[j] - power_dbm)
        expected = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
        scan = Fingerprint(row, np.zeros(square.N, bool), square.N, square.N, square.N)
        found = heatmap.decode(heatmap.prepare(scan)).probability
        np.testing.assert_allclose(found, expected, atol=1e-6)


def _log(part, shown, loss):
    knots = np.linspace(square.LOW_DB, square.HIGH_DB, len(part["mean_db"]))
    mean, sigma = (np.interp(shown, knots, part[name]) for name in ("mean_db", "sigma_db"))
    tail, factor = part.get("tail", 0.0), part.get("tail_factor", 1.0)
    span = square.HIGH_DB - square.LOW_DB
    found = part["outliers"] * (square.FLOOR_DB - square.LOW_DB if np.isnan(loss) else 1) / span
    for share, width in ((1 - tail, sigma), (tail, factor * sigma)):
        normal = stats.norm(mean, width)
        likely = normal.cdf(square.FLOOR_DB) if np.isnan(loss) else normal.pdf(loss)
        found = found + (1 - part["outliers"]) * share * likely
    return np.log(found)


def test_what_is_written_is_read_back():
    part = {**square.rules()["likelihood"], "rougher": [{"above": 4, **ROUGH}]}
    rules = HeatmapRules.from_json(square.rules(likelihood=part))
    again = json.loads(json.dumps(rules.likelihood.to_json(), allow_nan=False))
    assert HeatmapRules.from_json(square.rules(likelihood=again)) == rules
    assert rules.likelihood.class_of.tolist() == [0] * 5 + [1] * 251
    mean, sigma = rules.likelihood.code_moments
    assert (mean[:256] == rules.likelihood.moments[0]).all()
    assert (mean[256], mean[511]) == pytest.approx((-140.0, -50.0))
    assert (sigma[256], sigma[511]) == pytest.approx((9.0, 5.0))


@pytest.mark.parametrize(
    ("rougher", "text"),
    [
        ([{"above": 9, **ROUGH}, {"above": 9, **ROUGH}], "rougher must be in the order of above"),
        ([{"above": 9, **ROUGH}, {"above": 3, **ROUGH}], "rougher must be in the order of above"),
        ([{"above": 9, **ROUGH, "rougher": [{"above": 3, **ROUGH}]}], "none with its own"),
        ([{"above": 256, **ROUGH}], "above must be an int from 0 to 255"),
        ([{**ROUGH}], "above is missing"),
        ([{"above": 1, **ROUGH, "outliers": 2.0}], "outliers"),
    ],
)
def test_classes_that_make_no_sense_are_refused(rougher, text):
    part = {**square.rules()["likelihood"], "rougher": rougher}
    with pytest.raises(BundleError, match=text):
        HeatmapRules.from_json(square.rules(likelihood=part))
