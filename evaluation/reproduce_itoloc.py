"""``rssfix reproduce itoloc``: 25 months from one survey, static, masked and updated."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from evaluation.provenance import commit, today, without_folders
from sdk.atomic import write_file
from sdk.errors import RssfixError

DEFAULT_OUT = Path("evaluation/results/itoloc")
RUNS, MODELS = "runs", "models"
# What a record's figures rest on, for "-dirty".
RESTS_ON = (
    "training/itoloc*.py", "training/networks/itoloc.py", "training/knn.py", "training/fusion.py",
    "training/split.py", "training/held_out.py", "training/epochs.py", "training/readers",
    "sdk/images.py", "sdk/ratio.py", "evaluation/itoloc_*.py", "evaluation/baselines",
)  # fmt: skip


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False,
              path_type=Path), help="Folder with uji_library and ujiindoorloc.")  # fmt: skip
@click.option("--out", default=DEFAULT_OUT, show_default=True,
              type=click.Path(file_okay=False, path_type=Path))  # fmt: skip
@click.option("--only", "beginning", default="", help="Comma-separated beginnings of the parts' "
              "names, such as uji3-knn,uji5; default all.")  # fmt: skip
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--report-only", is_flag=True, help="Tables and plots of what is there.")
def itoloc(data: Path, out: Path, beginning: str, seeds: int, report_only: bool) -> None:
    """iToLoc: trained on month 1, judged over 24 months, beside every baseline.

    Every finished part is kept in OUT/runs and not made again (trained networks in OUT/models, for
    the updates); tables and plots are made from all that are there. Delete a file there to repeat
    it.
    """
    if not report_only:
        _make(data, out, tuple(beginning.split(",")), seeds)
    from evaluation.itoloc_report import report

    click.echo(report(out))


def _make(data: Path, out: Path, beginnings: tuple[str, ...], seeds: int) -> None:
    from evaluation.itoloc_parts import Shelf, parts
    from training.fitting import arithmetic

    chosen = [one for one in parts(seeds) if one.name.startswith(beginnings)]
    if not chosen:
        names = ", ".join(one.name for one in parts(1))
        raise click.BadParameter(f"--only {','.join(beginnings)!r}: none of {names} begins so")
    command = "rssfix reproduce " + shlex.join(without_folders(sys.argv, "itoloc"))
    # Asked before: the tree may move on while this code runs.
    made = {"command": command, "commit": commit(*RESTS_ON), "date": today()}
    shelf = Shelf(data, out / MODELS)
    try:
        for one in chosen:
            file = out / RUNS / f"{one.name}.json"
            if file.is_file():
                continue
            click.echo(one.name)
            try:
                with arithmetic(1):
                    record = one.make(shelf)
            except RssfixError as error:
                click.echo(f"  skipped: {error}")
                continue
            write_file(file, json.dumps({**made, **record}, separators=(",", ":")) + "\n")
    except KeyboardInterrupt:
        click.echo("interrupted; what is finished is kept")
