"""The city kernels against paths of a ray tracer, Sionna RT (tests/golden/make_sionna.py)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdk.native_city import PathModel
from training.propagation.scene import Scene

GOLDEN = Path(__file__).parents[1] / "golden" / "sionna_paths.json"
PITCH_M = 4.0


@pytest.fixture(scope="module")
def traced():
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def yard(traced):
    rings = [
        np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) for x0, y0, x1, y1 in traced["houses_m"]
    ]
    return Scene(tuple(rings), 11, PITCH_M)


def cell(row):
    x, y = row["receiver_m"]
    return int(y / PITCH_M), int(x / PITCH_M)


def test_line_of_sight_and_its_length(traced, yard):
    _, length, los = yard.paths(traced["transmitter_m"], PathModel())
    seen = {cell(row): row["direct"] for row in traced["paths"]}
    assert 10 < sum(map(bool, seen.values())) < len(seen)
    assert {at for at, direct in seen.items() if direct} == set(zip(*np.nonzero(los), strict=True))
    for at, direct in seen.items():
        if direct:
            assert direct == pytest.approx([length[at]], abs=1e-3)


def test_every_single_reflection(traced, yard):
    gain = yard.reflected(traced["transmitter_m"], np.zeros(len(yard.walls_m)), 0.0)
    expected = np.zeros_like(gain)
    for row in traced["paths"]:
        expected[cell(row)] = sum(metres**-2.0 for metres in row["reflected"])
    assert (expected > 0).sum() > 10
    np.testing.assert_allclose(gain, expected, rtol=1e-3, atol=1e-9)


def test_the_shortest_path_round_one_corner(traced, yard):
    model = PathModel(nlos_exponent=2.0, least_bend_db=0, most_bend_db=0, most_corners=1)
    _, length, los = yard.paths(traced["transmitter_m"], model)
    round_more = yard.paths(traced["transmitter_m"], replace(model, most_corners=6))[1]
    compared = 0
    for row in traced["paths"]:
        at = cell(row)
        if los[at]:
            continue
        if np.isfinite(length[at]):
            compared += 1
            assert min(row["diffracted"]) == pytest.approx(float(length[at]), abs=0.15)
        else:
            # What the tracer finds bends away from its corner: longer than a taut path round more.
            assert min(row["diffracted"], default=np.inf) > round_more[at]
    assert compared > 10
