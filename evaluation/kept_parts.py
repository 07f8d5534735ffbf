"""The parts of a study: each gives one record, is kept when it is finished, and not made again."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from evaluation.provenance import today, without_folders
from sdk.atomic import write_file
from sdk.errors import RssfixError


class Part(Protocol):
    """``make`` gives the record, from the study's data."""

    @property
    def name(self) -> str: ...
    @property
    def make(self) -> Callable[[Any], Mapping[str, Any]]: ...


SomePart = TypeVar("SomePart", bound=Part)


def chosen(parts: Sequence[SomePart], only: str) -> list[SomePart]:
    """The parts whose names begin with one of the comma-separated beginnings ``only``.

    Raises click.BadParameter naming what there is.
    """
    found = [one for one in parts if one.name.startswith(tuple(only.split(",")))]
    if not found:
        names = ", ".join(one.name for one in parts)
        raise click.BadParameter(f"--only {only!r}: expected the beginning of one of {names}")
    return found


def keep(
    parts: Sequence[Part], source: object, folder: Path, paper: str, commits: Mapping[str, str]
) -> None:
    """Make what ``folder`` does not hold yet, on one thread, one file ``name.json`` for each.

    A record begins with the command of ``paper``, the part's own of ``commits`` (asked before: the
    tree may move on while this code runs) and the date. A part whose data are missing is skipped
    with the reason; Ctrl-C ends it, and what is finished is kept.
    """
    from training.fitting import arithmetic

    command = "rssfix reproduce " + shlex.join(without_folders(sys.argv, paper))
    try:
        for one in parts:
            file = folder / f"{one.name}.json"
            if file.is_file():
                click.echo(f"{one.name}: done before")
                continue
            click.echo(one.name)
            try:
                with arithmetic(1):
                    record = one.make(source)
            except RssfixError as error:
                click.echo(f"  skipped: {error}")
                continue
            made = {"command": command, "commit": commits[one.name], "date": today()}
            write_file(file, json.dumps({**made, **record}, separators=(",", ":")) + "\n")
    except KeyboardInterrupt:
        click.echo("interrupted; what is finished is kept")
