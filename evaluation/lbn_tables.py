"""Cells and tables of the LBN study's report."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.lbn_statistics import Comparison
from evaluation.lbn_variants import NEIGHBOURS, VARIANTS
from evaluation.markdown import table

_KNN = "weighted kNN"


def title_of(variant: str) -> str:
    return _KNN if variant == NEIGHBOURS else VARIANTS[variant].title


def compared(found: Comparison, first: str, second: str, tests: str) -> list[str]:
    """A row of ``comparison_table``."""
    return [
        f"{first} less {second}", str(found.seeds), tests, f"{found.difference_m:+.3f}",
        f"{found.low_m:+.3f} to {found.high_m:+.3f}", _p(found.p_seeds), _p(found.p_points),
        _verdict(found, first),
    ]  # fmt: skip


def comparison_table(rows: Sequence[Sequence[str]], several: bool) -> str:
    """Rows of ``compared``, with the column of tests where there are ``several``; "" without."""
    heads = ["mean error", "seeds", "tests", "difference m", "95 % over seeds and points",
             "p, seeds (t)", "p, points (Wilcoxon)", "verdict"]  # fmt: skip
    if not several:
        heads, rows = [*heads[:2], *heads[3:]], [[*row[:2], *row[3:]] for row in rows]
    return table(heads, rows) if rows else ""


def _verdict(found: Comparison, first: str) -> str:
    if found.seeds == 1:
        return "one seed: none"
    if not found.told_apart:
        return "not told apart"
    return f"{first} is {'better' if found.difference_m < 0 else 'worse'}"


def _p(value: float) -> str:
    if value != value:
        return ""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
