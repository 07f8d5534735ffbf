"""``rssfix reproduce``: the papers' experiments on public data."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from evaluation.provenance import commit, today, without_folders
from evaluation.reproduce_hapi import hapi
from evaluation.reproduce_itoloc import itoloc
from evaluation.reproduce_lbn import lbn
from evaluation.reproduce_locunet import locunet
from sdk.atomic import write_file
from sdk.errors import RssfixError

DEFAULT_OUT = Path("evaluation/results/exloc")
RUNS = "runs"


@click.group()
def reproduce() -> None:
    """Repeat a paper's experiments on the public data kit."""


@reproduce.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False,
              path_type=Path), help="Folder with uji_library and microsoft_indoor.")  # fmt: skip
@click.option("--out", default=DEFAULT_OUT, show_default=True,
              type=click.Path(file_okay=False, path_type=Path))  # fmt: skip
@click.option("--places", help="Comma-separated names, or a beginning such as uji; default all.")
@click.option("--preset", "variants", multiple=True,
              help="Network; may be repeated: faithful, embedding, small, additive (default), "
              "paper.")  # fmt: skip
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1))
@click.option("--scans", default=300, show_default=True, type=click.IntRange(10),
              help="Test scans explained per network.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help="At most; the network's own otherwise.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
@click.option("--progress", is_flag=True, help="Bars for the training epochs.")
def exloc(
    data: Path,
    out: Path,
    places: str | None,
    variants: Sequence[str],
    seeds: int,
    scans: int,
    epochs: int | None,
    device: str,
    progress: bool,
) -> None:
    """eXLoc: accuracy per place, and whether CAM's and LIME's scores say what they claim.

    Every finished network is kept in OUT/runs and not trained again; tables and plots are made
    from all that are there. Delete a file there to repeat it.
    """
    from evaluation.exloc_places import PLACES
    from evaluation.exloc_study import VARIANTS, Effort, study

    chosen = _matching(places, PLACES)
    names = list(variants) or [n for n, v in VARIANTS.items() if not v.on_request]
    unknown = [n for n in names if n not in VARIANTS]
    if unknown:
        raise click.BadParameter(f"--preset {unknown[0]!r}: expected {', '.join(VARIANTS)}")
    effort = Effort(scans, epochs, device, progress)
    command = "rssfix reproduce " + shlex.join(without_folders(sys.argv, "exloc"))
    # Asked once: the tree may move on while this code runs.
    made = {"command": command, "commit": commit(), "date": today()}
    try:
        for place in chosen:
            todo = [(n, s) for s in range(seeds) for n in names
                    if not _file(out, place.name, n, s).is_file()]  # fmt: skip
            click.echo(f"{place.title}: {len(names) * seeds - len(todo)} done, {len(todo)} to do")
            if not todo:
                continue
            try:
                survey = place.survey(data)
            except RssfixError as error:
                click.echo(f"  skipped: {error}")
                continue
            for name, seed in todo:
                click.echo(f"  {name}, seed {seed}")
                try:
                    record = study(place, survey, name, seed, effort, out, _say)
                except RssfixError as error:
                    click.echo(f"    skipped: {error}")
                    continue
                except ValueError as error:
                    raise click.ClickException(str(error)) from None
                write_file(
                    _file(out, place.name, name, seed), json.dumps({**made, **record}) + "\n"
                )
    except KeyboardInterrupt:
        click.echo("interrupted; what is finished is kept")
    report(out)


def report(out: Path) -> None:
    """Tables (Markdown, JSON) and plots of all runs in ``out``."""
    from evaluation.exloc_places import PLACES
    from evaluation.exloc_report import PAPER, tables
    from evaluation.exloc_study import VARIANTS
    from evaluation.explanation_plots import deletion_curves, score_distributions

    ranks = {n: i for i, n in enumerate(PLACES)}, {n: i for i, n in enumerate(VARIANTS)}
    records = [json.loads(f.read_text(encoding="utf-8")) for f in (out / RUNS).glob("*.json")]
    records.sort(key=lambda r: (ranks[0][r["place"]], ranks[1][r["variant"]], r["seed"]))
    if not records:
        click.echo("no results, no tables")
        return
    made_by = sorted({f"`{r['command']}`, commit {r['commit']}, {r['date']}" for r in records})
    write_file(out / "tables.md", tables(records, made_by))
    write_file(out / "tables.json", json.dumps(
        {"made_by": made_by, "paper": PAPER, "runs": [_short(r) for r in records]}, indent=1
    ) + "\n")  # fmt: skip
    for place in PLACES.values():
        first = [r for r in records if r["place"] == place.name and r["seed"] == 0]
        if first:
            title = place.title + (" (leaks)" if place.leaks else "")
            score_distributions(first, out / f"{place.name}-scores.png", title)
            deletion_curves(first, out / f"{place.name}-deletion.png", title)
    click.echo(f"{len(records)} runs -> {out / 'tables.md'}")


def _short(record: dict) -> dict:
    """Without distributions and curves."""
    explained = dict(record["explained"])
    explained["scores"] = {
        name: {k: v for k, v in judged.items() if k != "quantiles"}
        for name, judged in explained["scores"].items()
    }
    explained["deletion"] = explained["deletion"]["beyond_random"]
    return {**record, "explained": explained}


def _matching(text: str | None, known: dict) -> list:
    if text is None:
        return list(known.values())
    found = []
    for part in text.split(","):
        exact = [known[part]] if part in known else []
        these = exact or [p for n, p in known.items() if n.startswith(part.strip())]
        if not these:
            raise click.BadParameter(f"--places {part!r}: expected some of {', '.join(known)}")
        found += [p for p in these if p not in found]
    return found


def _file(out: Path, place: str, variant: str, seed: int) -> Path:
    return out / RUNS / f"{place}-{variant}-{seed}.json"


def _say(text: str) -> None:
    click.echo(text)


reproduce.add_command(hapi)
reproduce.add_command(itoloc)
reproduce.add_command(lbn)
reproduce.add_command(locunet)
