"""Classes of roughness: the range about a pixel, codes, and the likelihood of each."""

import json
from dataclasses import replace

import numpy as np
import pytest
import small_heatmap as square
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats

from sdk import BundleError
from sdk.fingerprint import Fingerprint
from sdk.heatmap_rules import Gray, HeatmapRules, Likelihood
from sdk.places import Places
from sdk.positioners.heatmap import Heatmap
from sdk.roughness import roughness

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
def test_tables_are_those_of_every_class(classes, seed):
    rng = np.random.default_rng(seed)
    parts = [
        {"mean_db": (-147.0, -60.0, -47.0), "sigma_db": tuple(rng.uniform(0.5, 9, 3)),
         "outliers": rng.uniform(0, 0.2), "tail": rng.uniform(0, 0.5), "tail_factor": 3.0}
        for _ in range(classes)
    ]  # fmt: skip
    first, *others = (Likelihood(GRAY, power=0.7, **part) for part in parts)
    above = tuple(sorted(rng.choice(200, classes - 1, replace=False).tolist()))
    likelihood = replace(first, above=above, rougher=tuple(others))
    measured = np.array([-90, np.nan, -60, -126], np.float32)
    tables = likelihood.tables(measured)
    assert tables.shape == (4, 256 * classes)
    expected = np.array(
        [np.concatenate([_log(part, GRAY, GRAY.level_db, p) for part in parts]) for p in measured]
    )
    np.testing.assert_allclose(tables, 0.7 * expected, rtol=1e-4, atol=1e-4)


def test_codes_tell_class_and_level():
    rougher = tuple(Likelihood(GRAY, (-140.0, -50.0), (3.0, 3.0), 0.1, 1.0) for _ in range(2))
    likelihood = Likelihood(GRAY, (-147.0, -47.0), (1.0, 2.0), 0.1, 0.7, 0.2, 3.0, (4, 9), rougher)
    maps, rough = np.array([[[0, 255, 7, 0]], [[4, 5, 9, 10]]], np.uint8)
    assert likelihood.codes(maps, rough).tolist() == [[0, 256 + 255, 256 + 7, 512]]


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
            shown = rules.gray.level_db[square.maps()[j][allowed]]
            smooth = rough[j][allowed] <= edge
            for part, here in ((base, smooth), (ROUGH, ~smooth)):
                log[here] += base["power"] * _log(part, rules.gray, shown[here], row[j] - power_dbm)
        expected = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
        scan = Fingerprint(row, np.zeros(square.N, bool), square.N, square.N, square.N)
        found = heatmap.decode(heatmap.prepare(scan)).probability
        np.testing.assert_allclose(found, expected, atol=1e-6)


def _log(part, gray, shown, loss):
    knots = np.linspace(gray.low_db, gray.high_db, len(part["mean_db"]))
    mean, sigma = (np.interp(shown, knots, part[name]) for name in ("mean_db", "sigma_db"))
    tail, factor = part.get("tail", 0.0), part.get("tail_factor", 1.0)
    span = gray.high_db - gray.low_db
    found = 1e-12 + part["outliers"] / span * (
        gray.noise_floor_db - gray.low_db if np.isnan(loss) else 1
    )
    for share, width in ((1 - tail, sigma), (tail, factor * sigma)):
        normal = stats.norm(mean, width)
        likely = normal.cdf(gray.noise_floor_db) if np.isnan(loss) else normal.pdf(loss)
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
