"""The `rssfix` command. Every package brings its own commands as entry points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TextIO

import click

from . import __version__
from .commands import Commands
from .errors import ScanError
from .fix import Fix
from .localizer import Localizer
from .runtimes import RUNTIMES, RuntimeChoice
from .scan_lines import at, read_scans


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="rssfix")
def main() -> None:
    """Wi-Fi and BLE signal strengths to a position with an honest error radius, offline."""


_bundle = click.argument("bundle", type=click.Path())
_scans = click.argument("scans", type=click.File("r", encoding="utf-8"))
_runtime = click.option(
    "--runtime", type=click.Choice(RUNTIMES), default="auto", help="Inference runtime."
)
_threads = click.option("--num-threads", type=click.IntRange(1), default=1, show_default=True)


@click.command()
@_bundle
@_runtime
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(bundle: str, runtime: RuntimeChoice, as_json: bool) -> None:
    """What a bundle is: system, venue, APs, precision, measured accuracy, hashes."""
    with Localizer.open(bundle, runtime) as localizer:
        record = localizer.info.to_dict()
    if as_json:
        click.echo(json.dumps(record, indent=1))
        return
    record["members"] = f"{len(record['members'])} ({', '.join(record['members'])})"
    for line in _outline(record):
        click.echo(line)


def _outline(record: dict[str, Any], indent: str = "") -> Iterator[str]:
    """A record as indented lines, numbers to four digits."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from _outline(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                yield f"{indent}{name}"
                yield from _outline(item, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{name:18} {', '.join(map(_short, value)) or 'none'}"
        else:
            yield f"{indent}{name:18} {_short(value)}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@click.command()
@_bundle
@_scans
@_runtime
@_threads
@click.option("--track", is_flag=True, help="Follow the scans as one user's track.")
@click.option("--smooth", is_flag=True, help="With --track: a recorded walk, smoothed as a whole.")
@click.option("--json/--table", "as_json", default=True, help="JSON Lines (default) or a table.")
def locate(
    bundle: str,
    scans: TextIO,
    runtime: RuntimeChoice,
    num_threads: int,
    track: bool,
    smooth: bool,
    as_json: bool,
) -> None:
    """The position of every scan in SCANS (JSON Lines, - for standard input)."""
    if smooth and not track:
        raise click.UsageError("--smooth needs --track: it smooths the track of one user")
    with Localizer.open(bundle, runtime, num_threads) as localizer:
        if not as_json:
            click.echo("timestamp_ms  status              x_m      y_m  floor  accuracy_m  APs")
        for fix in _walk(localizer, scans) if smooth else _fixes(localizer, scans, track):
            click.echo(json.dumps(fix.to_dict()) if as_json else _row(fix))


def _fixes(localizer: Localizer, scans: TextIO, track: bool) -> Iterator[Fix]:
    position = localizer.start_track().update if track else localizer.locate
    for place, scan in read_scans(scans):
        yield at(place, position, scan)


def _walk(localizer: Localizer, scans: TextIO) -> list[Fix]:
    """The fixes before the filter, with the floors that the track settled on, smoothed."""
    from .smoothing import smooth

    track, measured = localizer.start_track(), []
    for place, scan in read_scans(scans):
        tracked = at(place, track.update, scan)
        fix = track.measured
        assert fix is not None  # Every scan leaves one.
        measured.append(replace(fix, floor=tracked.floor) if fix else fix)
    return smooth(measured, venue=localizer.venue)


def _row(fix: Fix) -> str:
    if not fix:
        nothing = f"{'-':>7}  {'-':>7}  {'-':>5}  {'-':>10}"
        return f"{fix.timestamp_ms:12}  {fix.status:14}  {nothing}  {fix.matched_aps:3}"
    return (
        f"{fix.timestamp_ms:12}  {fix.status:14}  {fix.x_m:7.2f}  {fix.y_m:7.2f}  "
        f"{fix.floor:5}  {fix.accuracy_m:10.2f}  {fix.matched_aps:3}"
    )


@click.command()
@_bundle
@_scans
@_runtime
@click.option("--method", type=click.Choice(["cam", "occlusion"]), help="Default: cam if it can.")
@click.option("--target", type=click.IntRange(0), help="Place index; default the most probable.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="APs to show.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines with the scores of all APs.")
def explain(
    bundle: str,
    scans: TextIO,
    runtime: RuntimeChoice,
    method: Any,
    target: int | None,
    top: int,
    as_json: bool,
) -> None:
    """Which APs speak for the position of every scan in SCANS (JSON Lines)."""
    with Localizer.open(bundle, runtime) as localizer:
        for place, scan in read_scans(scans):
            try:
                why = localizer.explain(scan, method, target)
            except ScanError as error:
                record = {"timestamp_ms": scan.timestamp_ms, "error": str(error)}
                click.echo(json.dumps(record) if as_json else f"{scan.timestamp_ms}  {error}")
                continue
            except ValueError as error:
                raise click.ClickException(f"{place}: {error}") from None
            if as_json:
                click.echo(json.dumps({"timestamp_ms": scan.timestamp_ms, **why.to_dict()}))
                continue
            at = why.target
            click.echo(
                f"{scan.timestamp_ms}  place {at.index} ({at.x_m:.2f}, {at.y_m:.2f}) floor "
                f"{at.floor}, probability {at.probability:.3f}, by {why.method}"
            )
            for bssid, score in why.top(top):
                silent = "  (not heard)" if bssid in why.not_heard else ""
                click.echo(f"  {bssid:20} {score:+9.4f}{silent}")


if __name__ == "__main__":
    sys.exit(main())
