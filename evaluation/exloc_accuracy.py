"""Accuracy of eXLoc's presets through int8 bundles: ``python -m evaluation.exloc_accuracy DATA``.

DATA holds the folders ``uji_library`` and ``ujiindoorloc``; a set that is not there is skipped.

* *known*: all of month 1 and month 2's trn campaign; test: month 2's tst campaigns.
* *unseen*: as known, but the month-1 campaign tstK (K = 2, 3, 4) is left out, whose points no other
  campaign visits; test: tstK of month 2. The figure is the mean over the three.
* *ujiindoorloc*: the official split; the floor hit counts building and floor together.

Settings were chosen on months 3, 4 and 6 (``--month 3 --month 4 --month 6``, each in the place of
month 2, with ``--change width=40`` and the like) and on held-out training scans, never on these
tests. Every row is trained, exported to an int8 ONNX bundle, and located scan by scan as on a
device.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

from evaluation.evaluate import evaluate_bundle, split_of
from evaluation.exloc_accuracy_report import report
from evaluation.provenance import commit, today
from export.build import export_run
from export.errors import ExportError
from sdk import Localizer
from sdk.atomic import write_file
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
TEST_MONTH = 2
# Which presets a protocol is about, unless asked: the site preset is for many buildings.
USUAL = {
    "known": ("neighbours", "small", "edge", "additive"),
    "unseen": ("neighbours", "small", "edge", "additive"),
    "ujiindoorloc": ("neighbours", "site"),
}
STEM = "accuracy"


def without_campaign(survey: Survey, campaign: int) -> Survey:
    """Train without month 1's tst campaign of that number, test on that of the test month."""
    sessions, name = survey.session.astype(str), f"tst{campaign:02d}"
    split = survey.split.copy()
    split[sessions == f"m01-{name}"] = ""
    split[(split == "test") & ~np.char.endswith(sessions, name)] = ""
    return survey.with_split(split)


def cases(
    data: Path, protocol: str, months: Sequence[int] = (TEST_MONTH,)
) -> Iterator[tuple[str, Callable[[], Survey]]]:
    """(place, function that gives its survey) of a protocol, for every test month."""
    from training.readers import uji_library, ujiindoorloc

    if protocol == "ujiindoorloc":
        yield "UJIIndoorLoc", lambda: ujiindoorloc.read(data / "ujiindoorloc")
        return
    for floor, month in product(FLOORS, months):
        title = f"floor {floor}" if month == TEST_MONTH else f"floor {floor}, month {month}"
        whole = partial(uji_library.read, data / "uji_library", [floor], [1, month])
        if protocol == "known":
            yield title, whole
            continue
        for one in LEFT_OUT:
            yield (
                f"{title}, tst{one}",
                lambda one=one, whole=whole: without_campaign(whole(), one),
            )


def runs_of(
    survey: Survey, systems: Sequence[str], seed: int, changes: Mapping[str, Any]
) -> Iterator[Run]:
    """One run per system; presets that share their network share its training."""
    if "neighbours" in systems:
        yield neighbours.train(survey, seed=seed)
    alike: dict[Preset, list[str]] = {}
    for name in systems:
        if name != "neighbours":
            alike.setdefault(replace(PRESETS[name], fused=False), []).append(name)
    for names in alike.values():
        yield from exloc.train_alike(survey, names, seed, changes=changes)


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
@click.option(
    "--month",
    "months",
    multiple=True,
    type=int,
    default=(TEST_MONTH,),
    show_default=True,
    help="uji_library: test month; others are for development.",
)
@click.option("--change", "changed", multiple=True, help="Of the presets, such as width=40.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
def main(
    data: Path,
    out: Path,
    protocols: tuple[str, ...],
    systems: tuple[str, ...],
    months: tuple[int, ...],
    changed: tuple[str, ...],
    seeds: int,
) -> None:
    """Measure what OUT/accuracy.json does not hold yet; write it and the tables after every row.

    DATA holds uji_library and ujiindoorloc; a set that is not there is skipped. Rows of other
    months, or of changed presets, stand in OUT/accuracy-development.json.
    """
    changes = {}
    for text in changed:
        name, _, value = text.partition("=")
        try:
            changes[name] = json.loads(value)
        except ValueError:
            raise click.BadParameter(f'{text!r} is not like width=40 or order="name"') from None
    suffix = "".join(f", {text}" for text in changed)
    stem = STEM if months == (TEST_MONTH,) and not changed else f"{STEM}-development"
    file, tables = out / f"{stem}.json", out / f"{stem}.md"
    rows = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    done = {(r["protocol"], r["place"], r["system"], r["seed"]) for r in rows}
    # Asked once: the tree may move on while this code runs.
    made = {"commit": commit(), "date": today()}
    todo = [
        (protocol, place, survey_of,
         [s for s in wanted if (protocol, place, s + suffix, seed) not in done], seed)
        for seed in range(seeds)
        for protocol in protocols or PROTOCOLS
        for wanted in [systems or USUAL[protocol]]
        for place, survey_of in cases(data, protocol, months)
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
            for run in runs_of(survey, missing, seed, changes):
                name = run.system if run.system == "neighbours" else run.preset
                try:
                    got = measured(run, split_of(survey, "test"))
                except ExportError as error:
                    # A result too: figures of the seeds that passed alone would look better.
                    got = {"refused": str(error).partition("no bundle was written. ")[2]}
                key = {
                    "protocol": protocol, "place": place, "system": name + suffix, "seed": seed,
                }  # fmt: skip
                rows.append(key | got | made)
                rows.sort(key=_rank)
                write_file(file, json.dumps(rows, indent=1, allow_nan=False) + "\n")
                write_file(tables, report(rows))
                advance(f"{place} {name} {got.get('mean_m', float('nan')):.2f} m")
    if rows:
        write_file(tables, report(rows))


def _rank(row: dict[str, Any]) -> tuple[int, str, int, str, int]:
    system = row["system"]
    return (
        PROTOCOLS.index(row["protocol"]), row["place"],
        SYSTEMS.index(system.partition(",")[0]), system, row["seed"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
