"""Domains: who heard a scan, and when (SPEC 2.3). Each pair of device and period present is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.survey import Survey

_DAY_MS = 86_400_000.0


def domains_of(
    surveys: Sequence[Survey], period_days: float
) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """The domain of every scan of some surveys, counted through, and the domains in words.

    A period lasts ``period_days`` from the earliest scan of all; 0 makes every session one.
    Raises ValueError for a negative length.
    """
    if not period_days >= 0:
        raise ValueError(f"period_days is {period_days!r}, expected 0 (sessions) or more")
    start = min((int(s.timestamp_ms.min()) for s in surveys if len(s)), default=0)
    words: list[str] = []
    for survey in surveys:
        if period_days:
            number = (survey.timestamp_ms - start) / (_DAY_MS * period_days)
            when = [f"period {int(one)}" for one in number]
        else:
            when = [str(one) for one in survey.session]
        words += [f"{device}, {time}" for device, time in zip(survey.device, when, strict=True)]
    names, number_of = np.unique(np.array(words, dtype=object).astype(str), return_inverse=True)
    ends = np.cumsum([len(survey) for survey in surveys])
    parts = np.split(number_of.reshape(-1).astype(np.int64), ends[:-1])
    return parts, tuple(names.tolist())
