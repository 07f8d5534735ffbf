"""Cells and tables of the studies' reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def spread(values: Iterable[float], digits: int = 2) -> str:
    """Mean ± standard deviation (of a sample) over seeds; "" for none, or one not finite."""
    found = list(values)
    if not found or not np.isfinite(found).all():
        return ""
    mean = f"{np.mean(found):.{digits}f}"
    return mean if len(found) < 2 else f"{mean} ± {np.std(found, ddof=1):.{digits}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    rule = ["---"] * len(heads)
    return "\n".join("| " + " | ".join(line) + " |" for line in (heads, rule, *rows))
