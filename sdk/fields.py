"""Checked access to a JSON object: every error names the field, what it is and must be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .errors import BundleError

_MISSING = object()


class Fields:
    """A JSON object at a path such as `manifest.output`. All methods raise BundleError."""

    __slots__ = ("path", "record")

    def __init__(self, record: Any, path: str) -> None:
        if not isinstance(record, dict):
            raise BundleError(f"{path} must be an object, got {_shown(record)}")
        self.record = record
        self.path = path

    def _get(self, name: str) -> Any:
        value = self.record.get(name, _MISSING)
        if value is _MISSING:
            raise BundleError(f"{self.path}.{name} is missing")
        return value

    def wrong(self, name: str, expected: str) -> BundleError:
        """The error for a field that is not what it must be."""
        return BundleError(
            f"{self.path}.{name} must be {expected}, got {_shown(self.record.get(name))}"
        )

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.record.get(name) is not None

    def text(self, name: str, longest: int = 1000) -> str:
        """A text, possibly empty."""
        value = self._get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise self.wrong(name, f"text of at most {longest} characters")
        return value

    def choice(self, name: str, *choices: str) -> str:
        """One of some texts."""
        value = self._get(name)
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(name, " or ".join(map(repr, choices)))
        return value

    def integer(self, name: str, least: int, most: int = 2**31 - 1) -> int:
        """An int within [least, most]; 3.0 is not an int."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, f"an int from {least} to {most}")
        return value

    def number(self, name: str, above: float = -math.inf, most: float = 1e12) -> float:
        """A finite number > above and <= most."""
        value = self._get(name)
        if not is_number(value) or not above < value <= most:
            raise self.wrong(name, f"a number > {above:g} and <= {most:g}")
        return float(value)

    def numbers(self, name: str, above: float = -math.inf, longest: int = 4096) -> list[float]:
        """A list of finite numbers > above."""
        value = self._get(name)
        if (
            not isinstance(value, list)
            or len(value) > longest
            or not all(is_number(item) and above < item <= 1e12 for item in value)
        ):
            raise self.wrong(name, f"a list of at most {longest} numbers > {above:g}")
        return [float(item) for item in value]

    def texts(self, name: str, longest: int) -> list[str]:
        """A list of texts."""
        value = self._get(name)
        if (
            not isinstance(value, list)
            or len(value) > longest
            or not all(isinstance(item, str) for item in value)
        ):
            raise self.wrong(name, f"a list of at most {longest} texts")
        return value

    def inner(self, name: str) -> Fields:
        """An object."""
        return Fields(self._get(name), f"{self.path}.{name}")

    def inners(self, name: str, longest: int) -> Iterator[Fields]:
        """A list of objects."""
        value = self._get(name)
        if not isinstance(value, list) or len(value) > longest:
            raise self.wrong(name, f"a list of at most {longest} objects")
        for i, item in enumerate(value):
            yield Fields(item, f"{self.path}.{name}[{i}]")


def is_number(value: Any) -> bool:
    """A finite JSON number (booleans are none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _shown(value: Any) -> str:
    text = f"{value!r:.80}" if not isinstance(value, dict | list) else type(value).__name__
    return "nothing" if value is None else text
