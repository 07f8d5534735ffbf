"""``rssfix survey``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdk.errors import RssfixError

if TYPE_CHECKING:
    from training.survey import Survey

SHOWN_PROBLEMS = 50


@click.group()
def survey() -> None:
    """Make and check surveys: scans with known positions."""


@survey.group()
def convert() -> None:
    """Convert a public data set to a survey folder."""


def _ranges(_context: object, _parameter: object, text: str) -> list[int]:
    """ "1-2,5" -> [1, 2, 5]."""
    numbers: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            numbers += range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not like 3 or 1-2,5") from None
    if not numbers:
        raise click.BadParameter(f"{text!r} names no number")
    return sorted(set(numbers))


_source = click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
_out = click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Survey folder to write."
)


@convert.command("uji_library")
@_source
@_out
@click.option(
    "--floor",
    "floors",
    default="3,5",
    show_default=True,
    callback=_ranges,
    help="Such as 3 or 3,5.",
)
@click.option(
    "--months", default="1-2", show_default=True, callback=_ranges, help="Such as 1-2 or 1,25."
)
def uji_library(source: Path, out: Path, floors: list[int], months: list[int]) -> None:
    """UJI library (CC BY 4.0). Test = the tst campaigns of the last month."""
    from training.readers import uji_library as reader

    _convert(out, reader.read, source, floors, months)


@convert.command("microsoft_indoor")
@_source
@_out
@click.option("--site", default="site1", show_default=True, help="site1 or site2.")
@click.option("--floor", "floors", multiple=True, help="Such as F1; repeated; all by default.")
@click.option("--seed", default=0, show_default=True, help="Which split by walk.")
def microsoft_indoor(
    source: Path, out: Path, site: str, floors: tuple[str, ...], seed: int
) -> None:
    """Microsoft Indoor Location 2.0 sample (MIT). Test = 30 % of the walks of each floor."""
    from training.readers import microsoft_indoor as reader

    _convert(out, reader.read, source, site, seed, floors)


@convert.command("ujiindoorloc")
@_source
@_out
def ujiindoorloc(source: Path, out: Path) -> None:
    """UJIIndoorLoc, official split (cite the authors; not to be shipped)."""
    from training.readers import ujiindoorloc as reader

    _convert(out, reader.read, source)


@convert.command("sodindoorloc")
@_source
@_out
@click.option("--building", default="CETC331", show_default=True, help="CETC331 or HCXY.")
@click.option("--sheet", default="", help="Of HCXY: AP_30 (default), AP_Avg or All_Avg.")
def sodindoorloc(source: Path, out: Path, building: str, sheet: str) -> None:
    """SODIndoorLoc, access points located (no licence stated: do not ship)."""
    from training.readers import sodindoorloc as reader

    _convert(out, reader.read, source, building, sheet)


@convert.command("ble_tetam")
@_source
@_out
@click.option("--window-ms", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--test", multiple=True, help="Walk held out; may be repeated [the zigzags].")
def ble_tetam(source: Path, out: Path, window_ms: int, test: tuple[str, ...]) -> None:
    """BLE beacon heard by 12 located sensors, nine walks (CC0)."""
    from training.readers import ble_tetam as reader

    _convert(out, reader.read, source, window_ms, test or reader.TEST_WALKS)


@convert.command("rooms")
@_source
@_out
@click.option(
    "--room", default="lecture_theatre", show_default=True,
    help="lecture_theatre, office or corridor.",
)  # fmt: skip
def rooms(source: Path, out: Path, room: str) -> None:
    """wifi_rss_rtt_rooms: one room, access points located, RSS only (MIT)."""
    from training.readers import rooms as reader

    _convert(out, reader.read, source, room)


@convert.command("recorded")
@_source
@_out
@click.option("--name", required=True, help="What the survey is called.")
@click.option("--test", multiple=True, help="Session held out; may be repeated.")
def recorded(source: Path, out: Path, name: str, test: tuple[str, ...]) -> None:
    """Files of `rssfix record --at X Y FLOOR`: your own building."""
    from training.readers import recorded as reader

    _convert(out, reader.read, source, name, test)


def _convert(out: Path, read: Callable[..., Survey], *arguments: object) -> None:
    from training.survey_file import write_survey

    try:
        made = read(*arguments)
        write_survey(made, out)
    except RssfixError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_summary(made) + f" -> {out}")


def _summary(made: Survey) -> str:
    splits = ", ".join(f"{n} {s or 'without split'}" for s, n in Counter(made.split).items())
    return (
        f"{made.header.name}: {len(made)} scans ({splits}), {len(set(made.session))} sessions, "
        f"{len(made.bssids)} access points, {len(made.header.floors)} floors"
    )


@survey.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Problems as JSON.")
def check_command(folder: Path, as_json: bool) -> None:
    """List every problem of a survey with file, row and value; errors end with status 1."""
    from training.survey_check import check
    from training.survey_file import read_unchecked

    try:
        found = read_unchecked(folder)
    except RssfixError as error:
        raise click.ClickException(str(error)) from None
    problems = check(found, folder)
    errors = sum(p.level == "error" for p in problems)
    if as_json:
        click.echo(json.dumps([vars(p) for p in problems], indent=1))
    else:
        for problem in problems[:SHOWN_PROBLEMS]:
            click.echo(str(problem))
        if len(problems) > SHOWN_PROBLEMS:
            click.echo(f"... and {len(problems) - SHOWN_PROBLEMS} more")
        click.echo(_summary(found))
        click.echo(f"{errors} errors, {len(problems) - errors} warnings")
    if errors:
        raise click.exceptions.Exit(1)
