"""Files of scans: JSON Lines, one scan a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO, TypeVar

from .errors import ScanError
from .scan import Scan

Given = TypeVar("Given")
Result = TypeVar("Result")


def read_lines(file: TextIO) -> Iterator[tuple[str, str]]:
    """The lines that are not blank, each with "file, line n". Raises ScanError: not UTF-8."""
    name = getattr(file, "name", "scans")
    try:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"{name}, line {number}", line
    except UnicodeDecodeError as error:
        raise ScanError(f"{name}: not UTF-8 text: {error}") from None


def read_scans(file: TextIO) -> Iterator[tuple[str, Scan]]:
    """The scans of a JSON Lines file, each with "file, line n". Raises ScanError naming it."""
    for place, line in read_lines(file):
        yield place, at(place, Scan.from_json, line)


def at(place: str, call: Callable[[Given], Result], argument: Given) -> Result:
    """`call(argument)`, with `place` in front of what a ScanError says."""
    try:
        return call(argument)
    except ScanError as error:
        raise ScanError(f"{place}: {error}") from None
