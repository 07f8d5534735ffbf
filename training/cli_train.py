"""``rssfix train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from sdk.errors import RssfixError

if TYPE_CHECKING:
    from training.hapi_site import Site
    from training.survey import Survey


@click.command()
@click.argument(
    "system", type=click.Choice(["exloc", "hapi", "itoloc", "lbn", "locunet", "neighbours"])
)
@click.argument("survey", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option(
    "--preset",
    help="exloc: small [default], edge, additive, site, paper; hapi: best [default], best-ble, "
    "paper; itoloc: small [default], best, site, paper; lbn: lbn-best [default], paper; locunet: "
    "posterior [default], residual, edge, paper, paper-full.",
)
@click.option(
    "--reference", "references", multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="hapi: a labelled survey of another building, with access points; may be repeated.",
)  # fmt: skip
@click.option(
    "--unlabelled",
    type=click.Path(exists=True, path_type=Path),
    help="itoloc: later scans (store, JSON Lines, or of a survey the rows without split) that the "
    "domain loss learns from.",
)
@click.option("--seed", default=0, show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="At most; the preset's otherwise.")
@click.option("--max-age-ms", type=click.IntRange(0), help="Older readings are left out [10000].")
@click.option(
    "--merge-virtual-aps",
    is_flag=True,
    help="Count MACs that differ in the last hex digit as one access point.",
)
@click.option("--threads", type=click.IntRange(1), help="Of the processor; 1 for 1-D networks.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="auto: cuda where there is one.",
)
@click.option("--scenario", help="locunet: the world that users measure in [robust].")
@click.option("--map", "site", type=click.IntRange(0), help="locunet: map that the run is for "
              "[the first test map].")  # fmt: skip
@click.option("--devices", default=1, show_default=True, type=click.IntRange(1),
              help="locunet: processes that train together.")  # fmt: skip
@click.option(
    "--precision",
    default="32-true",
    show_default=True,
    type=click.Choice(["32-true", "16-mixed", "bf16-mixed"]),
    help="locunet: of the arithmetic.",
)
@click.option("--json", "as_json", is_flag=True, help="Figures as JSON on stdout.")
def train(
    system: str,
    survey: Path,
    out: Path,
    preset: str | None,
    references: tuple[Path, ...],
    unlabelled: Path | None,
    seed: int,
    epochs: int | None,
    max_age_ms: int | None,
    merge_virtual_aps: bool,
    threads: int | None,
    device: str,
    scenario: str | None,
    site: int | None,
    devices: int,
    precision: str,
    as_json: bool,
) -> None:
    """Train SYSTEM on a survey folder and write a run folder, which rssfix export reads.

    Of a survey, hapi takes the access points and the floors, never the scans; a CSV with bssid,
    x_m, y_m, floor does as well. Of locunet, SURVEY is a city of rssfix simulate city.
    """
    import importlib

    if system == "locunet":
        from training.locunet_cli import train_city

        options = {
            "seed": seed, "threads": threads, "device": device, "devices": devices,
            "precision": precision, "site": site,
        }  # fmt: skip
        train_city(survey, out, preset, options, scenario, epochs, as_json)
        return

    if references and system != "hapi":
        raise click.UsageError(f"--reference is for hapi, not for {system}")
    if unlabelled is not None and system != "itoloc":
        raise click.UsageError(f"--unlabelled is for itoloc, not for {system}")
    module = importlib.import_module(f"training.{system}")
    changes: dict[str, object] = (
        {"merge_virtual_aps": "last_hex_digit"} if merge_virtual_aps else {}
    )
    if max_age_ms is not None:
        changes["max_age_ms"] = max_age_ms
    try:
        building, others = _inputs(system, survey, references, unlabelled)
        run = module.train(
            building, preset or module.DEFAULT_PRESET, seed=seed, epochs=epochs,
            progress=not as_json, changes=changes, threads=threads,
            device=device, **others,
        )  # fmt: skip
        run.save(out)
    except (RssfixError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted; {out} was not written") from None
    if as_json:
        click.echo(json.dumps(run.metrics, indent=1))
        return
    shown = run.metrics
    learned = f"{run.provenance['train_rows']} training scans"
    if system == "hapi":
        learned = "no scan of the building"
    click.echo(
        f"{system} {run.preset}: {len(run.bssids)} access points, "
        f"{len(run.arrays['places_floor'])} places on {len(np.unique(run.arrays['places_floor']))} "
        f"floor(s); {learned} -> {out}"
    )
    how = "simulated" if shown["split"] == "simulated" else "held out"
    for name, figures in (
        (system, shown),
        ("plain kNN", shown.get("wknn")),
        ("strongest AP's floor, centroid of 4", shown.get("centroid")),
    ):
        if figures and figures["mean_m"] is not None:
            click.echo(
                f"  {how}, {name}: mean {figures['mean_m']:.2f} m, median "
                f"{figures['median_m']:.2f}, p75 {figures['p75_m']:.2f}, p95 "
                f"{figures['p95_m']:.2f}, floor {figures['floor_hit']:.3f} ({figures['n']} scans)"
            )


def _inputs(
    system: str, survey: Path, references: tuple[Path, ...], unlabelled: Path | None
) -> tuple[Survey | Site, dict[str, object]]:
    from training.survey_file import read_survey

    if system == "itoloc" and unlabelled is not None:
        from training.unlabelled import read_unlabelled

        return read_survey(survey), {"unlabelled": read_unlabelled(unlabelled, True)}
    if system != "hapi":
        return read_survey(survey), {}
    from training.hapi_site import read_site

    return read_site(survey), {"references": [read_survey(one) for one in references]}
