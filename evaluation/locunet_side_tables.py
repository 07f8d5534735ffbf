"""Tables beside the main ones of ``rssfix reproduce locunet``, and the cells of them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.locunet_models import MORE_MODELS
from evaluation.locunet_noise import NOISES, SCENARIO
from evaluation.locunet_paper import (
    TABLE_III,
    TABLE_IV,
    TABLE_IX,
    TABLE_V,
    TABLE_VI,
    TABLE_VII,
    TABLE_VIII,
)
from evaluation.locunet_study import COUNTS
from evaluation.markdown import spread, table

Record = dict[str, Any]
VARIED = tuple(name for name in MORE_MODELS if name.startswith(("LocUNet", "heatmap regression")))


def ablation(records: Sequence[Record]) -> str:
    """A row per activation, loss or choice of inputs, errors in m; the paper's beside."""
    heads = [""]
    for count in COUNTS:
        heads += [f"{count} Tx: mean m", "RMSE m"]
    rows = []
    for name, found in by_method(records).items():
        cells = [name]
        for count in COUNTS:
            tests = [r["tests"][SCENARIO][str(count)] for r in found]
            cells += [spread(t[key] for t in tests) for key in ("mean_m", "rmse_m")]
        paper = TABLE_IX.get(name, "")
        cells.append(
            "not converged" if paper is None else " · ".join(f"{v:g}" for v in paper or ())
        )
        rows.append(cells)
    return f"Learned and measured in `{SCENARIO}`, {size_of(records[0])}.\n\n" + table(
        [*heads, "paper, 5 Tx: mean · RMSE"], rows
    )


def noise_table(records: Sequence[Record], clean: Sequence[Record]) -> str:
    """A row per kind of noise and method; paper's LocUNet and kNN below."""
    sigmas = sorted({r["sigma_m"] for r in records})
    rows = []
    for name in NOISES:
        for method, found in by_method([r for r in records if r["noise"] == name]).items():
            of = {r["sigma_m"]: r for r in found}
            of[0.0] = next(
                (r for r in clean
                 if (r["method"], r["scenario"], r["seed"]) == (method, SCENARIO, 0)), None
            )  # fmt: skip
            cells = [of.get(s) and f"{of[s]['tests'][SCENARIO]['5']['mean_m']:.2f}"
                     for s in (0.0, *sigmas)]  # fmt: skip
            rows.append([f"{name}: {method}", *(cell or "" for cell in cells)])
        paper = TABLE_VI if name == "labels" else TABLE_VII[name]
        for method, values in paper.items():
            shown = (values.get(round(s)) for s in (0.0, *sigmas))
            rows.append(
                [f"{name}: paper's {method}", *("" if v is None else f"{v:g}" for v in shown)]
            )
    return f"`{SCENARIO}`, {size_of(records[0])}, one seed.\n\n" + table(
        ["", *(f"σ {s:g} m" for s in (0.0, *sigmas))], rows
    )


def edge_table(record: Record) -> str:
    """A row per network: every runtime's time, mean error and size."""
    heads, rows = [""], {}
    for runtime, of in record["edge"].items():
        heads += [f"{runtime}: ms", "mean m", "kB"]
        for name, one in of.items():
            error = "" if one["mean_m"] is None else f"{one['mean_m']:.2f}"
            rows.setdefault(name, [name]).extend([f"{one['ms']:.2f}", error, f"{one['kb']:g}"])
    where = f"`{record['scenario']}`, {size_of({**record, 'per_map': record['users']})}"
    how = "median time of a fix over all stages, one thread, the networks by turns"
    return f"{where}; {how}.\n\n" + table(heads, list(rows.values()))


def ranging_table(records: Sequence[Record]) -> str:
    """A row per method: mean error m by noise and transmitters, ms per user, share infeasible."""
    noises = list(records[0]["ranging"])
    heads = [
        "",
        *(f"σ {n} m, {c} Tx" for n in noises for c in COUNTS),
        "ms",
        "infeasible",
        "paper, σ 0",
    ]
    rows = []
    for name, found in by_method(records).items():
        cells = [name]
        for n in noises:
            cells += [spread(r["ranging"][n][str(c)]["mean_m"] for r in found) for c in COUNTS]
        times = [r["ranging"][n][str(c)]["ms"] for r in found for n in noises for c in COUNTS]
        none = [
            r["ranging"][n][str(c)]["infeasible"] for r in found for n in noises for c in COUNTS
        ]
        paper = TABLE_VIII.get(name)
        cells += [f"{np.mean(times):.1f}", f"{np.mean(none):.1%}",
                  "" if paper is None else f"{paper[0]:g} / {paper[1]:g}"]  # fmt: skip
        rows.append(cells)
    city = records[0]["city"]
    where = f"{city['size_px']} x {city['size_px']} pixels of {city['pitch_m']:g} m"
    users = f"{records[0]['samples']} users of {records[0]['test_maps']} test maps"
    return f"{users}, {where}.\n\n" + table(heads, rows)


def paper_table() -> str:
    """Tables III, IV and V of the paper, mean error m."""
    rows = [[f"table III, {world}: {name}, 5 and 3 Tx", *map(str, values)]
            for world, of in TABLE_III.items() for name, values in of.items()]  # fmt: skip
    rows += [[f"table IV, 1 to 5 received: {name}", *map(str, v)] for name, v in TABLE_IV.items()]
    rows += [[f"table V, DPM, DPM cars, IRT, IRT cars: {n}", *map(str, v)]
             for n, v in TABLE_V.items()]  # fmt: skip
    width = max(map(len, rows))
    return table(["", *[" "] * (width - 1)], [r + [""] * (width - len(r)) for r in rows])


def size_of(record: Record) -> str:
    """What a record was measured on, in words."""
    city = record["city"]
    return (
        f"{city['size_px']} x {city['size_px']} pixels of {city['pitch_m']:g} m, "
        f"{city['n_maps']} maps, {record['test_maps']} of them test, "
        f"{record['per_map']} users each, noise floor {city['noise_floor_db']:g} dB"
    )


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records of each method, in the order in which methods appear."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["method"], []).append(record)
    return found
