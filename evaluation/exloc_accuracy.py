"""Accuracy of eXLoc's presets through int8 bundles: ``python -m evaluation.exloc_accuracy DATA``.

DATA holds the folders ``uji_library`` and ``ujiindoorloc``; a set that is not there is skipped.

* *known*: all of month 1 and month 2's trn campaign; test: month 2's tst campaigns.
* *unseen*: as known, but the month-1 campaign tstK (K = 2, 3, 4) is left out, whose points no other
  campaign visits; test: tstK of month 2. The figure is the mean over the three.
* *ujiindoorloc*: the official split; the floor hit counts building and floor together.

Settings were chosen on months 3, 4 and 6 and on held-out training scans, never on these tests.
Every row is trained, exported to an int8 ONNX bundle, and located scan by scan as on a device.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from evaluation.evaluate import evaluate_bundle, split_of
from evaluation.exloc_accuracy_report import report
from evaluation.provenance import commit, today, write
from export.build import export_run
from sdk import Localizer
from sdk.bench import golden_lines, measure
from sdk.bundle import Bundle
from sdk.errors import RssfixError
from training import exloc, neighbours
from training.presets import PRESETS, Preset
from training.progress import steps
from training.run import Run
from training.survey import Survey

PROTOCOLS = ("known", "unseen", "ujiindoorloc")
SYSTEMS = ("neighbours", "small", "edge", "additive", "site")
FLOORS = (3, 5)
LEFT_OUT = (2, 3, 4)
# Which presets a protocol is about, unless asked: the site preset is for many buildings.
USUAL = {
    "known": ("neighbours", "small", "edge", "additive"),
    "unseen": ("neighbours", "small", "edge", "additive"),
    "ujiindoorloc": ("neighbours", "site"),
}
ROWS, REPORT = "accuracy.json", "accuracy.md"


def without_campaign(survey: Survey, campaign: int) -> Survey:
    """Train without month 1's tst campaign of that number, test on month 2's."""
    name = f"tst{campaign:02d}"
    split = survey.split.copy()
    split[survey.session == f"m01-{name}"] = ""
    split[(split == "test") & (survey.session != f"m02-{name}")] = ""
    return survey.with_split(split)


def cases(data: Path, protocol: str) -> Iterator[tuple[str, Callable[[], Survey]]]:
    """(place, function that gives its survey) of a protocol."""
    from training.readers import uji_library, ujiindoorloc

    if protocol == "ujiindoorloc":
        yield "UJIIndoorLoc", lambda: ujiindoorloc.read(data / "ujiindoorloc")
        return
    for floor in FLOORS:

        def whole(floor: int = floor) -> Survey:
            return uji_library.read(data / "uji_library", [floor], [1, 2])

        if protocol == "known":
            yield f"floor {floor}", whole
            continue
        for one in LEFT_OUT:
            yield (
                f"floor {floor}, tst{one}",
                lambda one=one, whole=whole: without_campaign(whole(), one),
            )


def runs_of(survey: Survey, systems: Sequence[str], seed: int) -> Iterator[Run]:
    """One run per system; presets that share their network share its training."""
    if "neighbours" in systems:
        yield neighbours.train(survey, seed=seed)
    alike: dict[Preset, list[str]] = {}
    for name in systems:
        if name != "neighbours":
            alike.setdefault(replace(PRESETS[name], fused=False), []).append(name)
    for names in alike.values():
        yield from exloc.train_alike(survey, names, seed)


def measured(run: Run, test: Survey) -> dict[str, Any]:
    """Export a run, locate the test scans: figures, sizes and latency of one row."""
    with tempfile.TemporaryDirectory() as folder:
        run.save(Path(folder) / "run")
        file = Path(folder) / "site.rssfix"
        exported = export_run(Path(folder) / "run", file)
        bundle = Bundle.open(file)
        with Localizer.open(file) as localizer:
            found = evaluate_bundle(localizer, test)
            times = measure(localizer, golden_lines(bundle), warmup=50, runs=500)
    return {
        **found.figures,
        "held_out_mean_m": run.metrics["mean_m"],
        "bundle_bytes": exported.bytes,
        "model_bytes": len(bundle.models.get("model.onnx", b"")),
        "parameters": run.provenance.get("parameters", 0),
        "p50_us": times["total"]["p50_us"],
        "access_points": len(run.bssids),
        "places": len(run.arrays["places_floor"]),
        "model": exported.note,
        "neighbours": run.neighbours,
    }


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--protocol", "protocols", multiple=True, type=click.Choice(PROTOCOLS))
@click.option("--system", "systems", multiple=True, type=click.Choice(SYSTEMS))
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
def main(
    data: Path,
    out: Path,
    protocols: tuple[str, ...],
    systems: tuple[str, ...],
    seeds: int,
) -> None:
    """Measure what OUT/accuracy.json does not hold yet; write it and the tables after every row.

    DATA holds uji_library and ujiindoorloc; a set that is not there is skipped.
    """
    file = out / ROWS
    rows = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    done = {(r["protocol"], r["place"], r["system"], r["seed"]) for r in rows}
    # Asked once: the tree may move on while this code runs.
    made = {"commit": commit(), "date": today()}
    todo = [
        (protocol, place, survey_of, [s for s in wanted if (protocol, place, s, seed) not in done],
         seed)
        for seed in range(seeds)
        for protocol in protocols or PROTOCOLS
        for wanted in [systems or USUAL[protocol]]
        for place, survey_of in cases(data, protocol)
    ]  # fmt: skip
    with steps("accuracy", sum(len(part) for *_, part, _ in todo), True) as advance:
        for protocol, place, survey_of, missing, seed in todo:
            if not missing:
                continue
            try:
                survey = survey_of()
            except RssfixError as error:
                click.echo(f"{protocol}, {place}: skipped: {error}", err=True)
                continue
            for run in runs_of(survey, missing, seed):
                name = run.system if run.system == "neighbours" else run.preset
                got = measured(run, split_of(survey, "test"))
                key = {"protocol": protocol, "place": place, "system": name, "seed": seed}
                rows.append(key | got | made)
                rows.sort(key=_rank)
                write(file, json.dumps(rows, indent=1, allow_nan=False) + "\n")
                write(out / REPORT, report(rows))
                advance(f"{place} {name} {got['mean_m']:.2f} m")
    if rows:
        write(out / REPORT, report(rows))


def _rank(row: dict[str, Any]) -> tuple[int, str, int, int]:
    return (
        PROTOCOLS.index(row["protocol"]), row["place"], SYSTEMS.index(row["system"]), row["seed"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
