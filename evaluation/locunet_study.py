"""One method of LocUNet's study: learned on a city's training maps in one scenario, asked on its
test maps in all of them, with 5 and with 3 transmitters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.radio_maps import BASELINES, heard
from evaluation.locunet_models import ALL_MODELS, MODELS, MORE_MODELS, Asked, learned_model
from training.calibration import fit_accuracy, radius_at
from training.fitting import arithmetic
from training.locunet import judged
from training.metrics import figures
from training.radio_worlds import Samples, Worlds, drawn

COUNTS = (5, 3)
CHOSEN_PER_MAP = 5
METHODS = (*BASELINES, *MODELS)
ALL_METHODS = (*METHODS, *MORE_MODELS)


def study(
    asked: Asked, method: str, scenario: str, seed: int, elsewhere: bool = True
) -> dict[str, Any]:
    """The record of one method, learned in ``scenario``; asked in the others, out of distribution,
    with the first seed alone, and not at all where ``elsewhere`` is False."""
    begin, work = time.perf_counter(), time.process_time()
    learn = _learn_model if method in ALL_MODELS else _learn_baseline
    with arithmetic(asked.threads):
        answer, learned = learn(asked, method, scenario, seed)
        learned.setdefault("train_s", round(time.perf_counter() - begin, 1))
        learned.setdefault("train_cpu_s", round(time.process_time() - work, 1))
        tests: dict[str, Any] = {}
        for name in asked.city.scenarios[1:] if elsewhere and seed == 0 else (scenario,):
            worlds = asked.worlds("test", name)
            samples = drawn(worlds, asked.per_map, seed)
            tests[name] = {
                str(count): _record(worlds, samples.few(count), *answer(worlds, samples, count))
                for count in COUNTS
            }
    return {
        "method": method, "scenario": scenario, "seed": seed, "learned": learned, "tests": tests,
        "city": asked.city.brief,
        "test_maps": len(asked.city.split("test")), "per_map": asked.per_map,
    }  # fmt: skip


def _learn_model(asked: Asked, method: str, scenario: str, seed: int) -> tuple[Any, dict[str, Any]]:
    model, learned = learned_model(asked, method, scenario, seed)
    others = asked.worlds("validation", scenario)
    samples = drawn(others, asked.per_map, seed)
    held = [judged(model, others, samples.few(count)) for count in COUNTS]
    knots = fit_accuracy(
        np.concatenate([one.spread_m for one in held]),
        np.concatenate([one.error_m for one in held]),
    )

    def answer(
        worlds: Worlds, samples: Samples, count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found = judged(model, worlds, samples.few(count))
        return found.error_m, radius_at(knots, found.spread_m)

    return answer, {**learned, "power": model.likelihood.power}


def _learn_baseline(
    asked: Asked, method: str, scenario: str, seed: int
) -> tuple[Any, dict[str, Any]]:
    worlds = asked.worlds("train", scenario)
    chosen = drawn(worlds, CHOSEN_PER_MAP, seed)
    learned: dict[str, Any] = {}

    def answer(
        others: Worlds, samples: Samples, count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found = BASELINES[method](worlds, chosen.few(count), others, samples.few(count))
        learned[str(count)] = found.chosen
        return found.error_m, np.full(len(found.error_m), np.nan)

    return answer, learned


def _record(
    worlds: Worlds, samples: Samples, error: NDArray[np.float64], radius: NDArray[np.float64]
) -> dict[str, Any]:
    """Figures, the mean error of every map (what intervals are clustered by), and by the number of
    transmitters received."""
    found = figures(error, np.ones(len(error), dtype=np.bool_), radius)
    if np.isnan(radius).all():
        found |= {"coverage_68": None, "median_accuracy_m": None}
    which, number = samples.map.cpu().numpy(), heard(worlds, samples)
    return {
        **found,
        "per_map_m": [round(float(error[which == m].mean()), 3) for m in range(len(worlds))],
        "heard": {
            str(n): {"n": int((number == n).sum()), "mean_m": float(error[number == n].mean())}
            for n in np.unique(number).tolist()
        },
    }


def ratio(
    ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]], draws: int = 2000
) -> tuple[float, float, float]:
    """Ratio of mean errors and its 95 % interval, maps drawn with replacement.

    Args:
        ours, theirs: (seeds, maps) mean errors on the same maps.
    """
    a, b = np.mean(ours, axis=0), np.mean(theirs, axis=0)
    maps = np.random.default_rng(0).integers(0, len(a), (draws, len(a)))
    spread = a[maps].mean(axis=1) / np.maximum(b[maps].mean(axis=1), 1e-6)
    low, high = np.quantile(spread, [0.025, 0.975])
    return float(a.mean() / b.mean()), float(low), float(high)
