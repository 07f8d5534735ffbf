"""``rssfix reproduce lbn``: does local batch normalisation help, and when?"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from evaluation.provenance import commit, today, without_folders
from sdk.atomic import write_file
from sdk.errors import RssfixError

DEFAULT_OUT = Path("evaluation/results/lbn")
RUNS = "runs"
# What a record's figures rest on, for "-dirty".
RESTS_ON = (
    "training/lbn_fitting.py", "training/lbn_presets.py", "training/descent.py",
    "training/fluctuation.py",
    "training/networks/lbn.py", "training/networks/local_batch_norm.py", "training/knn.py",
    "training/readers/uji_library.py",
    "training/readers/sodindoorloc.py", "sdk/images.py", "evaluation/lbn_places.py",
    "evaluation/lbn_study.py",
    "evaluation/lbn_figures.py", "evaluation/lbn_drift.py", "evaluation/lbn_variants.py",
)  # fmt: skip


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False,
              path_type=Path), help="Folder with uji_library and sodindoorloc.")  # fmt: skip
@click.option("--out", default=DEFAULT_OUT, show_default=True,
              type=click.Path(file_okay=False, path_type=Path))  # fmt: skip
@click.option("--only", "beginning", default="", help="Comma-separated beginnings of records' "
              "names, such as uji-lbn,hcxy, trained in that order; default all.")  # fmt: skip
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--epochs", type=click.IntRange(1),
              help="Of every network, instead of the place's own; take another OUT.")  # fmt: skip
@click.option("--report-only", is_flag=True, help="Tables and plots of what is there.")
def lbn(
    data: Path, out: Path, beginning: str, seeds: int, epochs: int | None, report_only: bool
) -> None:
    """LBN-CNN: no norm, BN, LN and LBN over seeds, layers, block sizes, months and places.

    Every finished network is kept in OUT/runs and not trained again; tables and plots are made
    from all that are there. Delete a file there to repeat it.
    """
    if not report_only:
        _train(data, out, tuple(beginning.split(",")), seeds, epochs)
    from evaluation.lbn_report import report

    click.echo(report(out))


def _train(
    data: Path, out: Path, beginnings: tuple[str, ...], seeds: int, epochs: int | None
) -> None:
    from evaluation.lbn_places import PLACES, Material
    from evaluation.lbn_study import neighbours, network
    from evaluation.lbn_variants import NEIGHBOURS, VARIANTS, plan

    jobs = list(plan(seeds))
    names = [file_of(out, *job).stem for job in jobs]
    chosen = [i for begin in beginnings for i, name in enumerate(names) if name.startswith(begin)]
    todo = [jobs[i] for i in dict.fromkeys(chosen)]
    if not todo:
        known = ", ".join(sorted({file_of(out, *job).stem for job in plan(1)}))
        raise click.BadParameter(f"--only {','.join(beginnings)!r}: none of {known} begins so")
    command = "rssfix reproduce " + shlex.join(without_folders(sys.argv, "lbn"))
    # Asked before: the tree may move on while this code runs.
    made = {"command": command, "commit": commit(*RESTS_ON), "date": today()}
    materials: dict[str, Material | None] = {}
    try:
        for name, variant, seed in todo:
            file = file_of(out, name, variant, seed)
            if file.is_file():
                continue
            place = PLACES[name]
            if name not in materials:
                try:
                    materials[name] = place.make(data)
                except RssfixError as error:
                    click.echo(f"{place.title}: skipped: {error}")
                    materials[name] = None
            material = materials[name]
            if material is None:
                continue
            click.echo(file.stem)
            if variant == NEIGHBOURS:
                record = neighbours(place, material)
            else:
                record = network(place, material, VARIANTS[variant], seed, epochs)
            write_file(file, json.dumps({**made, **record}, separators=(",", ":")) + "\n")
    except KeyboardInterrupt:
        click.echo("interrupted; what is finished is kept")


def file_of(out: Path, place: str, variant: str, seed: int) -> Path:
    """Of one record."""
    return out / RUNS / f"{place}-{variant}-{seed}.json"
