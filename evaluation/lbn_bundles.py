"""``lbn-best`` as a device has it, beside eXLoc and kNN: ``python -m evaluation.lbn_bundles DATA``.

Floor 3 of uji_library, the protocol *known* of ``exloc_accuracy``: trained on all of month 1 and
month 2's trn campaign, tested on month 2's tst campaigns. Each is trained by its preset, exported
to an int8 ONNX bundle (``neighbours``: float32, no model) and located scan by scan. Beside
``lbn-best`` stand the same settings with other norms. What may choose between them is the held-out
figure: the mean error on the training sessions that the first fit leaves out, none of month 2's tst
campaigns among them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from evaluation.evaluate import split_of
from evaluation.exloc_accuracy import cases, measured
from evaluation.provenance import commit, today
from export.errors import ExportError
from sdk.atomic import write_file
from training import exloc, lbn, neighbours
from training.run import Run
from training.survey import Survey

STEM = "bundles"
# Changes of the preset lbn-best.
NORMS: dict[str, dict[str, object]] = {
    "lbn-best": {},
    "lbn-best, LBN": {"norm": "lbn"},
    "lbn-best, LBN by scan": {"norm": "lbn", "scope": "sample"},
    "lbn-best, no norm": {"norm": "none"},
}
SYSTEMS = ("neighbours", "eXLoc small", *NORMS)
# Trained unless asked for others.
USUAL = ("lbn-best", "lbn-best, LBN by scan")


def trained(system: str, survey: Survey, seed: int) -> Run:
    """By its preset, with one thread."""
    if system == "neighbours":
        return neighbours.train(survey, seed=seed)
    if system in NORMS:
        return lbn.train(survey, "lbn-best", seed=seed, changes=NORMS[system], threads=1)
    return exloc.train(survey, "small", seed=seed, threads=1)


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--system", "systems", multiple=True, type=click.Choice(SYSTEMS), default=USUAL)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
def main(data: Path, out: Path, systems: tuple[str, ...], seeds: int) -> None:
    """Measure what OUT/bundles.json does not hold yet; write it and the table after every row."""
    file = out / f"{STEM}.json"
    rows = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    made = {"commit": commit(), "date": today()}
    survey_of = next(make for place, make in cases(data, "known") if place == "floor 3")
    survey = None
    for seed in range(seeds):
        for system in systems:
            if any((r["system"], r["seed"]) == (system, seed) for r in rows):
                continue
            survey = survey or survey_of()
            click.echo(f"{system}, seed {seed}")
            try:
                got = measured(trained(system, survey, seed), split_of(survey, "test"))
            except ExportError as error:
                got = {"refused": str(error).partition("no bundle was written. ")[2]}
            rows.append({"system": system, "seed": seed, **got, **made})
            write_file(file, json.dumps(rows, indent=1, allow_nan=False) + "\n")
            write_file(out / f"{STEM}.md", table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a row per system and seed."""
    lines = [
        "# lbn-best on the device, beside eXLoc and kNN",
        "",
        f"`python -m evaluation.lbn_bundles DATA --out evaluation/results/lbn` "
        f"({'; '.join(sorted({'commit ' + r['commit'] + ', ' + r['date'] for r in rows}))}). "
        "Floor 3 of uji_library, month 1 and month 2's trn campaign to month 2's tst campaigns; "
        "int8 ONNX, scan by scan. Held out: mean error on training sessions that the first fit "
        "leaves out, float32. Latency: all stages, on a machine busy with other work.",
        "",
        "| system | seed | held out m | mean m | median | p75 | p95 | in 68 % radius | parameters "
        "| model kB | bundle kB | p50 µs | APs | places |",
        "|" + " --- |" * 14,
    ]
    for r in sorted(rows, key=lambda r: (SYSTEMS.index(r["system"]), r["seed"])):
        if "refused" in r:
            lines.append(f"| {r['system']} | {r['seed']} | refused: {r['refused']} |" + " |" * 11)
            continue
        figures = " | ".join(f"{r[k]:.2f}" for k in ("mean_m", "median_m", "p75_m", "p95_m"))
        lines.append(
            f"| {r['system']} | {r['seed']} | {r['held_out_mean_m']:.2f} | {figures} "
            f"| {r['coverage_68']:.3f} "
            f"| {r['parameters']:,} | {r['model_bytes'] / 1000:.0f} "
            f"| {r['bundle_bytes'] / 1000:.0f} | {r['p50_us']:.0f} | {r['access_points']} "
            f"| {r['places']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
