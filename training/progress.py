"""A progress bar with an estimate of the time left, on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Advance(Protocol):
    """Called after each step; ``note`` is shown beside the bar."""

    def __call__(self, note: str = "") -> None: ...


@contextmanager
def steps(title: str, total: int, shown: bool) -> Iterator[Advance]:
    """A bar of ``total`` steps; the block gets the function that advances it."""
    if not shown:
        yield _nothing
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, note="")
        yield lambda note="": bar.update(task, advance=1, note=note)


def _nothing(note: str = "") -> None:
    del note
