"""Tables beside the main ones of ``rssfix reproduce locunet``, and the cells of them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

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

Record = dict[str, Any]
VARIED = (*TABLE_IX, "heatmap regression CoM", "heatmap regression arg max")


def ablation(records: Sequence[Record]) -> str:
    heads = [""]
    for count in COUNTS:
        heads += [f"{count} Tx: mean m", "RMSE m"]
    rows = []
    for name, found in by_method(records).items():
        cells = [name]
        for count in COUNTS:
            tests = [r["tests"][SCENARIO][str(count)] for r in found]
            cells += [mean_of(t[key] for t in tests) for key in ("mean_m", "rmse_m")]
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
            cells += [mean_of(r["ranging"][n][str(c)]["mean_m"] for r in found) for c in COUNTS]
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
    rows = [[f"table III, {world}: {name}, 5 and 3 Tx", *map(str, values)]
            for world, of in TABLE_III.items() for name, values in of.items()]  # fmt: skip
    rows += [[f"table IV, 1 to 5 received: {name}", *map(str, v)] for name, v in TABLE_IV.items()]
    rows += [[f"table V, DPM, DPM cars, IRT, IRT cars: {n}", *map(str, v)]
             for n, v in TABLE_V.items()]  # fmt: skip
    width = max(map(len, rows))
    return table(["", *[" "] * (width - 1)], [r + [""] * (width - len(r)) for r in rows])


def size_of(record: Record) -> str:
    city = record["city"]
    return (
        f"{city['size_px']} x {city['size_px']} pixels of {city['pitch_m']:g} m, "
        f"{city['n_maps']} maps, {record['test_maps']} of them test, "
        f"{record['per_map']} users each"
    )


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["method"], []).append(record)
    return found


def mean_of(values: Iterable[float], digits: int = 2) -> str:
    found = list(values)
    if not found:
        return ""
    spread = f" ± {np.std(found, ddof=1):.{digits}f}" if len(found) > 1 else ""
    return f"{np.mean(found):.{digits}f}{spread}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
