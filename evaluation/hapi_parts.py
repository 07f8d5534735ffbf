"""The parts of ``rssfix reproduce hapi``: each is a record of its own, made once and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evaluation import hapi_effects, hapi_real, hapi_testbeds
from training.simulator import REPLICAS

# Tall, as the issue asks; share of the access points that are left.
TALL = ("bldg98", "bldg122")
KEPT = (0.5, 0.25)
# Files on which a part's figures rest, for "-dirty" in its record.
_RESTS_ON = (
    "native", *(f"sdk/{name}.py" for name in (
        "native", "places", "posterior", "rank_rules", "smoothing", "track", "positioners/ranks",
        "positioners/floor_maps", "positioners/floor_grids",
    )), "evaluation/baselines", "evaluation/hapi_*.py", "training/readers",
    "training/simulator", "training/networks/floor.py", "training/virtual_users.py",
    "training/ap_centroid.py", "training/ap_floors.py", "training/ap_layout.py",
    *(f"training/hapi{name}.py" for name in (
        "", "_floor", "_floor_data", "_presets", "_quality", "_ranks", "_record", "_rules", "_site",
    )),
)  # fmt: skip
_OF_UPDATE = (
    "training/hapi_update.py", "training/path_loss_fit.py", "training/radio_estimates.py",
    "training/unlabelled.py", "training/ap_health.py",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """``make`` gives the record, from the data folder; ``rests_on``: the files that matter."""

    name: str
    make: Callable[[Path], dict[str, object]]
    rests_on: tuple[str, ...] = _RESTS_ON


def parts(seeds: int) -> list[Part]:
    """All parts in the order in which they are made; the first seed before the others."""
    every = (*_RESTS_ON, *_OF_UPDATE)
    out = [Part(f"real-{name}", _real(name), every) for name in hapi_real.SETS]
    for seed in range(seeds):
        for name in REPLICAS:
            # Effects need the update, and are measured with the first seed.
            files = _RESTS_ON if seed else every
            out.append(Part(f"testbed-{name}-{seed}", _testbed(name, seed), files))
        for name in TALL:
            out += [Part(f"thin-{name}-{k:g}-{seed}", _thin(name, seed, k)) for k in KEPT]
    return out


def _real(name: str) -> Callable[[Path], dict[str, object]]:
    return lambda data: {"kind": "real", **hapi_real.study(name, data)}


def _testbed(name: str, seed: int) -> Callable[[Path], dict[str, object]]:
    def make(_: Path) -> dict[str, object]:
        survey = hapi_testbeds.replica_survey(name, seed)
        ready = hapi_testbeds.systems(name, seed, survey, tuple(hapi_testbeds.SYSTEMS))
        record: dict[str, object] = {
            "kind": "testbed", "building": name, "seed": seed,
            **hapi_testbeds.study(name, seed, survey, ready),
        }  # fmt: skip
        # One change at a time is dear: with the first seed alone.
        if seed == 0:
            record["effects"] = hapi_effects.study(name, seed, survey, ready)
        return record

    return make


def _thin(name: str, seed: int, keep: float) -> Callable[[Path], dict[str, object]]:
    about = {"kind": "thin", "building": name, "seed": seed}
    return lambda _: {**about, **hapi_testbeds.thinning(name, seed, keep)}
