"""``rssfix train locunet``: a city in place of a survey."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sdk.errors import RssfixError


def train_city(
    folder: Path,
    out: Path,
    preset: str | None,
    options: Mapping[str, Any],
    scenario: str | None,
    epochs: int | None,
    as_json: bool,
) -> None:
    """Train, write the run and say what it is worth.

    ``options``: seed, threads, device, devices, precision and site of ``training.locunet.train``.
    A training that was interrupted goes on from ``OUT.partial`` when it is started again.
    """
    from training import locunet
    from training.propagation.dataset import load_city

    kept = out.with_name(out.name + ".partial")
    changes = {} if scenario is None else {"scenario": scenario}
    try:
        run = locunet.train(
            load_city(folder), preset or locunet.DEFAULT_PRESET, epochs=epochs, changes=changes,
            progress=not as_json, kept=kept, **options,
        )  # fmt: skip
    except (RssfixError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(
            f"interrupted; {out} was not written, the same command goes on"
        ) from None
    if not locunet.is_first_process():
        return
    run.save(out)
    kept.unlink(missing_ok=True)
    if as_json:
        click.echo(json.dumps(run.metrics, indent=1))
        return
    shown, learned = run.metrics, run.provenance
    click.echo(
        f"locunet {run.preset}: {learned['maps']} training maps, scenario "
        f"{shown['scenario']!r}; for {run.venue['name']} with {len(run.bssids)} transmitters "
        f"-> {out}"
    )
    for count, found, knn in (
        (5, shown, shown["wknn"]), (3, shown["three"], shown["three_wknn"]),
    ):  # fmt: skip
        click.echo(
            f"  held-out maps, {count} transmitters: mean {found['mean_m']:.2f} m, median "
            f"{found['median_m']:.2f}, p75 {found['p75_m']:.2f}, p95 {found['p95_m']:.2f}, in 68 % "
            f"radius {found['coverage_68']:.0%}; kNN {knn['mean_m']:.2f} m, ratio "
            f"{found['mean_m'] / knn['mean_m']:.2f} ({found['n']} users)"
        )
