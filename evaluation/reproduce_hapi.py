"""``rssfix reproduce hapi``: Table 2 on simulated testbeds, effects, and the real sets."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from evaluation.provenance import commit, today, without_folders
from sdk.atomic import write_file
from sdk.errors import RssfixError

DEFAULT_OUT = Path("evaluation/results/hapi")
RUNS = "runs"


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False,
              path_type=Path), help="Folder with sodindoorloc, ble_tetam and so on.")  # fmt: skip
@click.option("--out", default=DEFAULT_OUT, show_default=True,
              type=click.Path(file_okay=False, path_type=Path))  # fmt: skip
@click.option("--only", "beginning", default="", help="Comma-separated beginnings of "
              "the parts' names, such as real,testbed-bldg98; default all.")  # fmt: skip
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1),
              help="Simulated buildings, radios and walks.")  # fmt: skip
def hapi(data: Path, out: Path, beginning: str, seeds: int) -> None:
    """Hapi: five simulated testbeds, what each part does, and real buildings.

    Every finished part is kept in OUT/runs and not made again; tables and plots are made from all
    that are there. Delete a file there to repeat it.
    """
    from evaluation.hapi_parts import parts
    from training.fitting import arithmetic

    beginnings = tuple(beginning.split(","))
    chosen = [one for one in parts(seeds) if one.name.startswith(beginnings)]
    if not chosen:
        names = ", ".join(one.name for one in parts(seeds))
        raise click.BadParameter(f"--only {beginning!r}: expected the beginning of one of {names}")
    command = "rssfix reproduce " + shlex.join(without_folders(sys.argv, "hapi"))
    # Asked before: the tree may move on while this code runs.
    commits = {one.name: commit(*one.rests_on) for one in chosen}
    try:
        for one in chosen:
            file = out / RUNS / f"{one.name}.json"
            if file.is_file():
                click.echo(f"{one.name}: done before")
                continue
            click.echo(one.name)
            try:
                with arithmetic(1):
                    record = one.make(data)
            except RssfixError as error:
                click.echo(f"  skipped: {error}")
                continue
            made = {"command": command, "commit": commits[one.name], "date": today()}
            write_file(file, json.dumps({**made, **record}) + "\n")
    except KeyboardInterrupt:
        click.echo("interrupted; what is finished is kept")
    from evaluation.hapi_report import report

    click.echo(report(out))
