"""LocUNet's table VIII: ranging by time of arrival of the dominant path, on test maps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.ranging import bisection, correntropy, pocs
from evaluation.baselines.ranging_sdp import Found, robust_sdp1, robust_sdp2, sdp
from training.propagation.dataset import City

Array = NDArray[np.float64]
COUNTS = (5, 3)
NOISES_M = (0.0, 10.0, 20.0)
# A range cannot be shorter; noise may make it so.
_LEAST_M = 1.0


class Scene(NamedTuple):
    """Anchors (J, 2) and ranges (J,), the map's middle (2,) and the noise, all in metres."""

    anchors: Array
    ranges: Array
    middle: Array
    sigma_m: float


def _plain(found: Array) -> Found:
    return Found(found, False)


RANGERS: dict[str, Callable[[Scene], Found]] = {
    "POCS": lambda s: _plain(pocs(s.anchors, s.ranges, s.middle)),
    "SDP": lambda s: sdp(s.anchors, s.ranges, s.sigma_m),
    "robust SDP 1, b = 20": lambda s: robust_sdp1(s.anchors, s.ranges, 20.0),
    "robust SDP 1, b = 0.7": lambda s: robust_sdp1(s.anchors, s.ranges, 0.7),
    "robust SDP 2, b = 20": lambda s: robust_sdp2(s.anchors, s.ranges, 20.0),
    "robust SDP 2, b = 0.7": lambda s: robust_sdp2(s.anchors, s.ranges, 0.7),
    "bisection, b = 20": lambda s: _plain(bisection(s.anchors, s.ranges, 20.0)),
    "bisection, b = 0.7": lambda s: _plain(bisection(s.anchors, s.ranges, 0.7)),
    "correntropy": lambda s: _plain(correntropy(s.anchors, s.ranges, s.middle)),
}


def study(city: City, method: str, samples: int, per_map: int, seed: int = 0) -> dict[str, Any]:
    """The record of one method over ``samples`` users of the test maps, the same for every method.

    Users with a transmitter that no path reaches are left out before the draw. ``infeasible`` is
    the share of programs whose discs do not meet, or that gave no answer; an answer that there is
    none counts with the map's middle, so that giving up never pays.
    """
    users = _users(city, samples, seed)
    middle = np.full(2, city.size_px * city.pitch_m / 2)
    ranging: dict[str, dict[str, Any]] = {}
    for sigma in NOISES_M:
        rng = np.random.default_rng([seed, round(sigma)])
        noise = rng.normal(0.0, 1.0, (len(users), max(COUNTS))) * sigma
        ranging[f"{sigma:g}"] = {
            str(count): _asked(method, users, noise, count, middle, sigma) for count in COUNTS
        }
    return {
        "method": method, "scenario": "toa", "seed": seed, "ranging": ranging,
        "samples": len(users), "per_map": per_map, "test_maps": len(city.split("test")),
        "city": city.brief,
    }  # fmt: skip


def _asked(
    method: str,
    users: list[tuple[Array, Array, Array]],
    noise: Array,
    count: int,
    middle: Array,
    sigma: float,
) -> dict[str, Any]:
    error, softened, begin = [], 0, time.process_time()
    for (anchors, ranges, xy_m), off in zip(users, noise, strict=True):
        heard = np.maximum(ranges[:count] + off[:count], _LEAST_M)
        found = RANGERS[method](Scene(anchors[:count], heard, middle, sigma))
        softened += found.softened
        place = middle if found.xy_m is None else found.xy_m
        error.append(float(np.hypot(*(place - xy_m))))
    spent = (time.process_time() - begin) / len(users)
    return {
        "n": len(error), "mean_m": float(np.mean(error)), "median_m": float(np.median(error)),
        "p95_m": float(np.quantile(error, 0.95)), "infeasible": softened / len(error),
        "ms": round(1e3 * spent, 2),
    }  # fmt: skip


def _users(city: City, samples: int, seed: int) -> list[tuple[Array, Array, Array]]:
    """Anchors (5, 2), ranges (5,) and the truth (2,) of users of all test maps alike."""
    rng = np.random.default_rng(seed)
    numbers = city.split("test")
    each = -(-samples // len(numbers))
    found = []
    for number in numbers:
        one = city[number]
        row, column = city.pixels(one.users_xy).T
        toa_m = one.toa_m[:, row, column]
        pairs = [
            (deployment, user)
            for deployment in one.deployments
            for user in range(len(one.users_xy))
            if (toa_m[deployment, user] >= 0).all()
        ]
        for at in rng.permutation(len(pairs))[:each]:
            deployment, user = pairs[at]
            found.append((
                one.transmitters_xy[deployment].astype(np.float64),
                toa_m[deployment, user].astype(np.float64),
                one.users_xy[user].astype(np.float64),
            ))  # fmt: skip
    return [found[i] for i in rng.permutation(len(found))[:samples]]
