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


@dataclass(frozen=True)
class Part:
    """``kind``: testbed, thin or real; ``make`` gives the record, from the data folder."""

    name: str
    kind: str
    make: Callable[[Path], dict[str, object]]


def parts(seeds: int) -> list[Part]:
    """All parts in the order in which they are made; the first seed before the others."""
    out = [Part(f"real-{name}", "real", _real(name)) for name in hapi_real.SETS]
    for seed in range(seeds):
        out += [Part(f"testbed-{n}-{seed}", "testbed", _testbed(n, seed)) for n in REPLICAS]
        out += [
            Part(f"thin-{n}-{keep:g}-{seed}", "thin", _thin(n, seed, keep))
            for n in TALL
            for keep in KEPT
        ]
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
