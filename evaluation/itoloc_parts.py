"""The parts of ``rssfix reproduce itoloc``: each is a record of its own, made once and kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation import itoloc_baselines, itoloc_systems
from evaluation.itoloc_places import FLOORS, LAST, MONTHS, SHOWN, Months, months_of
from training import itoloc
from training.readers import ujiindoorloc
from training.run import Run, RunError

# The main system; the order in which months are updated, and the first whole one after the change.
MAIN = "best"
UPDATED_MONTHS = (25, 12, 18, 6, 2, 4, 8, 11, 16, 20)
CHANGED = 12
# ``best`` on 13 floors: half the width, for time, and few access points: why ``site`` came to be.
OFFICIAL = {"cap": 192, "width": 8, "epochs": 8}
# Each differs from "base", the network of ``best`` alone, in what it says.
ABLATIONS: dict[str, dict[str, Any]] = {
    "base": {},
    "adversary": {"adversary": "alternating"},
    "no-spatial": {"gamma": 0.0},
    "no-drop-out": {"ap_unknown": 0.0},
    "no-loss": {"ap_unknown": 0.0, "ap_lost": 0.0},
    # The same access points, as levels and as ratios; more of them would be dear as ratios.
    "few": {"cap": 32},
    "image": {"input": "image", "level": True, "cap": 32, "width": 8},
    "plain": {"modules": 1, "gamma": 0.0},
    # With scans of LATER months in the domain loss, of campaigns that judge nothing.
    "adversary-later": {"adversary": "alternating"},
}
LATER = (12, 18, LAST)


@dataclass
class Shelf:
    """What parts share: surveys read once, and trained runs in ``models``."""

    data: Path
    models: Path
    read: dict[int, Months] = field(default_factory=dict)

    def months(self, floor: int) -> Months:
        if floor not in self.read:
            self.read.clear()
            self.read[floor] = months_of(self.data, floor)
        return self.read[floor]

    def few(self, floor: int, few: bool = True) -> Months:
        """Judged in the months SHOWN alone, where ``few``."""
        return self.months(floor).only(SHOWN) if few else self.months(floor)

    def run(self, floor: int, seed: int) -> Path:
        return self.models / f"uji{floor}-{MAIN}-{seed}"


@dataclass(frozen=True)
class Part:
    """``make`` gives the record."""

    name: str
    make: Callable[[Shelf], dict[str, Any]]


def parts(seeds: int) -> list[Part]:
    """All parts, the most wanted first."""
    out = [_baseline(floor, name) for floor in FLOORS for name in ("knn", "retrained")]
    out += [_main(floor, 0) for floor in FLOORS]
    out += [_update(floor, 0, UPDATED_MONTHS[0]) for floor in FLOORS]
    out += [_main(floor, seed) for seed in range(1, seeds) for floor in FLOORS]
    first = ("base", "no-drop-out", "no-loss", "adversary", "plain")
    out += [_ablation(floor, name, 0) for name in first for floor in FLOORS]
    out += [_update(floor, 0, UPDATED_MONTHS[0], control=True) for floor in FLOORS]
    out += [_baseline(floor, name) for floor in FLOORS for name in ("acmu", "chameleon")]
    out += [_ablation(floor, name, 0) for name in ("few", "image") for floor in FLOORS]
    out += [_network(floor, name, 0) for name in _NETWORKS for floor in FLOORS]
    out += [_ablation(floor, "no-spatial", 0) for floor in FLOORS]
    out += [_update(floor, 0, month) for month in UPDATED_MONTHS[1:] for floor in FLOORS]
    for seed in range(1, seeds):
        out += [_update(floor, seed, UPDATED_MONTHS[0]) for floor in FLOORS]
        out += [_update(floor, seed, UPDATED_MONTHS[0], control=True) for floor in FLOORS]
    for seed in range(seeds):
        done = {part.name for part in out}
        more = [_ablation(floor, name, seed) for name in ABLATIONS for floor in FLOORS]
        out += [part for part in more if part.name not in done]
        out += [_network(floor, name, seed) for name in _NETWORKS for floor in FLOORS if seed]
    out += [_update(floor, 0, CHANGED, control=True) for floor in FLOORS]
    rest = [month for month in MONTHS if month not in UPDATED_MONTHS]
    out += [_update(floor, 0, month) for month in rest for floor in FLOORS]
    out += [_guarded(floor, 0, month) for month in LATER for floor in FLOORS]
    for seed in range(seeds):
        out.append(_official(f"ujiindoorloc-site-{seed}", "site", "site", {}, seed))
    against = {"adversary": "alternating"}
    out.append(_official("ujiindoorloc-adversary-0", "site, adversary", "site", against, 0))
    few = "best, 192 access points"
    return [*out, _official("ujiindoorloc-0", few, MAIN, OFFICIAL, 0)]


_BASELINES = {
    "knn": itoloc_baselines.neighbours, "retrained": itoloc_baselines.retrained,
    "acmu": itoloc_baselines.acmu_like, "chameleon": itoloc_baselines.chameleon_like,
}  # fmt: skip

_DEAR = ("acmu", "chameleon")


def _baseline(floor: int, name: str) -> Part:
    return Part(
        f"uji{floor}-{name}",
        lambda shelf: {
            "kind": "baseline", "floor": floor, "system": name, "seed": 0,
            **_BASELINES[name](shelf.few(floor, name in _DEAR)),
        },
    )  # fmt: skip


def _main(floor: int, seed: int) -> Part:
    def make(shelf: Shelf) -> dict[str, Any]:
        # All months once; the rest of the seeds say how far luck goes.
        folder, months = shelf.run(floor, seed), shelf.few(floor, seed > 0)
        began = time.process_time()
        if not folder.is_dir():
            itoloc.train(months.first(), MAIN, seed=seed, threads=1).save(folder)
        took = round(time.process_time() - began, 1)
        record = itoloc_systems.judged(months, Run.load(folder))
        return {"kind": "main", "floor": floor, "system": MAIN, "seed": seed, "cpu_s": took,
                **record}  # fmt: skip

    return Part(f"uji{floor}-{MAIN}-{seed}", make)


_NETWORKS = {"cnnloc": itoloc_baselines.cnnloc, "wideep": itoloc_baselines.wideep_like}


def _network(floor: int, name: str, seed: int) -> Part:
    return Part(
        f"uji{floor}-{name}-{seed}",
        lambda shelf: {
            "kind": "baseline", "floor": floor, "system": name, "seed": seed,
            **_NETWORKS[name](shelf.few(floor), seed),
        },
    )  # fmt: skip


def _ablation(floor: int, name: str, seed: int) -> Part:
    def make(shelf: Shelf) -> dict[str, Any]:
        months = shelf.few(floor)
        later = LATER if name == "adversary-later" else ()
        model, record = itoloc_systems.ablated(months, MAIN, ABLATIONS[name], seed, later)
        if floor == FLOORS[0] and seed == 0 and name in ("base", "adversary"):
            from evaluation.itoloc_features import features

            record["features"] = features(months, model)
        return {"kind": "ablation", "floor": floor, "system": name, "seed": seed, **record}

    return Part(f"uji{floor}-ablation-{name}-{seed}", make)


def _update(floor: int, seed: int, month: int, control: bool = False) -> Part:
    name = "control" if control else "update"

    def make(shelf: Shelf) -> dict[str, Any]:
        folder = shelf.run(floor, seed)
        if not folder.is_dir():
            raise RunError(f"{folder} is missing: the part uji{floor}-{MAIN}-{seed} makes it")
        rules = itoloc_systems.CONTROL if control else None
        record = itoloc_systems.updated(shelf.months(floor), Run.load(folder), month, seed, rules)
        return {"kind": "update", "floor": floor, "system": name, "seed": seed,
                "month": month, **record}  # fmt: skip

    return Part(f"uji{floor}-{name}-m{month:02d}-{seed}", make)


def _guarded(floor: int, seed: int, month: int) -> Part:
    """An update under labelled scans of the new time, by which newcomers may enter."""

    def make(shelf: Shelf) -> dict[str, Any]:
        months, run = shelf.months(floor), Run.load(shelf.run(floor, seed))
        record = itoloc_systems.updated(months, run, month, seed, guarded=True)
        return {"kind": "update", "floor": floor, "system": "guarded", "seed": seed,
                "month": month, **record}  # fmt: skip

    return Part(f"uji{floor}-guarded-m{month:02d}-{seed}", make)


def _official(name: str, title: str, preset: str, changes: dict[str, Any], seed: int) -> Part:
    def make(shelf: Shelf) -> dict[str, Any]:
        survey = ujiindoorloc.read(shelf.data / "ujiindoorloc")
        folder = shelf.models / name
        record = itoloc_systems.official(survey, title, preset, changes, seed, folder)
        return {"kind": "official", "floor": -1, "system": "ujiindoorloc", "seed": seed,
                **record}  # fmt: skip

    return Part(name, make)
