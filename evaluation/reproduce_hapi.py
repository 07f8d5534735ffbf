"""``rssfix reproduce hapi``: Table 2 on simulated testbeds, effects, and the real sets."""

from __future__ import annotations

from pathlib import Path

import click

from evaluation.kept_parts import chosen, keep
from evaluation.provenance import commit

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

    todo = chosen(parts(seeds), beginning)
    commits = {one.name: commit(*one.rests_on) for one in todo}
    keep(todo, data, out / RUNS, "hapi", commits)
    from evaluation.hapi_report import report

    click.echo(report(out))
