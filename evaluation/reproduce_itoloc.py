"""``rssfix reproduce itoloc``: 25 months from one survey, static, masked and updated."""

from __future__ import annotations

from pathlib import Path

import click

from evaluation.kept_parts import chosen, keep
from evaluation.provenance import commit

DEFAULT_OUT = Path("evaluation/results/itoloc")
RUNS, MODELS = "runs", "models"
# What a record's figures rest on, for "-dirty".
RESTS_ON = (
    "training/itoloc*.py", "training/networks/itoloc.py", "training/knn.py", "training/fusion.py",
    "training/split.py", "training/turns.py", "training/held_out.py", "training/record.py",
    "training/epochs.py", "training/fitting.py", "training/ap_presence.py", "training/readers",
    "sdk/images.py", "sdk/ratio.py", "sdk/value_form.py", "sdk/positioners/fused.py",
    "evaluation/itoloc_*.py", "evaluation/baselines",
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
        from evaluation.itoloc_parts import Shelf, parts

        todo = chosen(parts(seeds), beginning)
        commits = dict.fromkeys((one.name for one in todo), commit(*RESTS_ON))
        keep(todo, Shelf(data, out / MODELS), out / RUNS, "itoloc", commits)
    from evaluation.itoloc_report import report

    click.echo(report(out))
