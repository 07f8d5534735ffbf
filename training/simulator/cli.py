"""``rssfix simulate``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click
import numpy as np

from sdk.errors import RssfixError
from training.propagation.cli import city


@click.group()
def simulate() -> None:
    """Make surveys of simulated buildings and radio maps of simulated cities."""


simulate.add_command(city)


def _counts(_context: object, _parameter: object, text: str | None) -> list[int] | None:
    """ "8,12,10" -> [8, 12, 10]."""
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not like 12 or 8,12,10") from None


def _radio_options(command):
    from training.simulator.propagation import Radio

    for one in reversed(fields(Radio)):
        name = "--" + one.name.removesuffix("_dbm").replace("_", "-")
        command = click.option(
            name, one.name, default=one.default, show_default=True, type=type(one.default)
        )(command)
    return command


@simulate.command()
@click.argument("replica", required=False)
@click.option("--floors", type=click.IntRange(1), help="Instead of a replica.")
@click.option("--aps", callback=_counts, help="Per floor: one number, or one for each [12].")
@click.option("--width", "width_m", type=float, help="Of a floor, metres [60].")
@click.option("--depth", "depth_m", type=float, help="Of a floor, metres [40].")
@click.option("--walls", is_flag=True, help="A corridor with rooms on both sides.")
@click.option("--keep-aps", "keep", default=1.0, show_default=True, type=float,
              help="Share of the access points, drawn at random.")  # fmt: skip
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Survey folder.")
@click.option("--seed", default=0, show_default=True)
@click.option("--scans", type=click.IntRange(1), help="In all [the testbed's; 1000].")
@click.option("--walks", type=click.IntRange(1), help="[one per 100 scans, at least 4].")
@click.option("--devices", default=4, show_default=True, type=click.IntRange(1))
@click.option("--device-spread-db", default=3.0, show_default=True)
@click.option("--device-offset-db", default=0.0, show_default=True, help="Of all phones.")
@_radio_options
def building(
    replica: str | None,
    floors: int | None,
    aps: list[int] | None,
    width_m: float | None,
    depth_m: float | None,
    walls: bool,
    keep: float,
    out: Path,
    seed: int,
    scans: int | None,
    walks: int | None,
    devices: int,
    device_spread_db: float,
    device_offset_db: float,
    **radio: float,
) -> None:
    """Users walk through REPLICA (bldg98, bldg122, bldg99, bldg96, bldg115) or --floors N.

    The survey has access points, floors, ground truth and no plans.
    """
    from training import simulator
    from training.survey_file import write_survey

    if (replica is None) == (floors is None):
        raise click.UsageError("give either REPLICA or --floors")
    if replica is not None and (aps or width_m or depth_m):
        raise click.UsageError("a replica has its own --aps, --width and --depth")
    layout = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    try:
        if replica is not None:
            made = simulator.replica(replica, layout, walls)
            scans = scans or simulator.REPLICAS[replica].samples
        else:
            counts = aps or [12]
            counts = counts * floors if len(counts) == 1 else counts
            if len(counts) != floors:
                raise click.UsageError(f"--aps names {len(counts)} floors, --floors {floors}")
            made = simulator.place_access_points(
                f"{floors} floors", counts, width_m or 60.0, depth_m or 40.0, layout, walls
            )
            scans = scans or 1000
        if keep != 1.0:
            made = simulator.thinned(
                made, keep, np.random.default_rng(np.random.SeedSequence([seed, 2]))
            )
        crowd = simulator.Crowd(
            scans=scans, walks=walks or min(scans, max(4, scans // 100)), devices=devices,
            device_spread_db=device_spread_db, device_mean_db=device_offset_db,
        )  # fmt: skip
        survey = simulator.simulate(made, simulator.Radio(**radio), crowd, seed)
    except RssfixError as error:
        raise click.ClickException(str(error)) from None
    write_survey(survey, out)
    click.echo(
        f"{survey.header.name}: {len(survey)} scans, {len(made.ap_floor)} access points on "
        f"{made.floors} floors of {made.width_m:g} x {made.depth_m:g} m, "
        f"{len(survey.rssi_dbm) / len(survey):.1f} heard per scan -> {out}"
    )
