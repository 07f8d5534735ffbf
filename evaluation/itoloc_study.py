"""Answers to the scans of one floor, month by month, and their figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.baselines.aged_knn import silent
from evaluation.itoloc_places import Months
from training.decode import Decoded
from training.survey import Survey


class Said(NamedTuple):
    """Answers to B scans: ``xy_m`` (B, 2), and the radius they state (B,), NaN where none."""

    xy_m: NDArray[np.float64]
    radius_m: NDArray[np.float64]

    @classmethod
    def of(cls, found: Decoded) -> Said:
        """Without a radius."""
        return cls(found.xy_m, np.full(len(found.xy_m), np.nan))


# Of scans (B, N) that lack the access points (N,) marked: answers, one per way of answering.
Answers = Callable[[NDArray[np.float32], NDArray[np.bool_]], Mapping[str, Said]]


def over_months(months: Months, bssids: tuple[str, ...], answers: Answers) -> dict[str, Any]:
    """{way: {test: figures}} of every test of ``months``.

    Ways are those of ``answers``, as they stand ("static") and with silent access points masked
    ("masked", told campaign by campaign from the others); ``unknown`` is how many those are.
    """
    rssi = months.survey.fingerprints(bssids)
    out: dict[str, Any] = {}
    nothing = np.zeros(len(bssids), dtype=bool)
    for name, month, device in months.tests:
        rows = months.tested(month, device)
        truth, query = months.survey.take(rows), rssi[rows]
        every = np.ones(len(query), dtype=bool)
        parts = {f"static {k}".strip(): [(every, v)] for k, v in answers(query, nothing).items()}
        hidden = []
        for campaign in np.unique(months.campaign[rows]):
            unknown = silent(rssi[months.others(month, campaign)])
            hidden.append(int(unknown.sum()))
            here = months.campaign[rows] == campaign
            for k, v in answers(query[here], unknown).items():
                parts.setdefault(f"masked {k}".strip(), []).append((here, v))
        for way, one in parts.items():
            got = figures(months, gathered(len(truth), one), truth)
            out.setdefault(way, {})[name] = got | {"unknown": float(np.mean(hidden))}
    return out


def gathered(count: int, parts: list[tuple[NDArray[np.bool_], Said]]) -> Said:
    """Answers to parts of ``count`` scans, in the scans' order."""
    whole = Said(np.full((count, 2), np.nan), np.full(count, np.nan))
    for rows, one in parts:
        for column, values in zip(whole, one, strict=True):
            column[rows] = values
    return whole


def figures(months: Months, said: Said, truth: Survey) -> dict[str, Any]:
    """Errors of n scans, the share whose estimate lies in the true 4 x 4 m region, and the share
    within the stated radius. The floor is given here, and no figure."""
    error = np.linalg.norm(said.xy_m - truth.xy_m, axis=1)
    same = (months.regions(said.xy_m) == months.regions(truth.xy_m)).all(axis=1)
    out: dict[str, Any] = {
        "n": len(error), "mean_m": float(error.mean()), "median_m": float(np.median(error)),
        "p75_m": float(np.quantile(error, 0.75)), "p95_m": float(np.quantile(error, 0.95)),
        "region": float(same.mean()),
    }  # fmt: skip
    if np.isfinite(said.radius_m).all():
        out["coverage_68"] = float((error <= said.radius_m).mean())
    return {k: round(v, 4) for k, v in out.items()}


def by_month(
    months: Months,
    names: tuple[str, ...],
    one: Callable[[int, NDArray, NDArray], Decoded],
) -> dict[str, Any]:
    """{month: figures} of a system made anew for every month."""
    rssi = months.survey.fingerprints(names)
    out = {}
    for name, month, device in months.tests:
        rows = months.tested(month, device)
        said = Said.of(one(month, rssi[rows], rssi))
        out[name] = figures(months, said, months.survey.take(rows))
    return out
