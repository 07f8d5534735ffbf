"""Which access points a model uses, and the survey's scans as vectors over them.

The rule: of the access points heard in the training scans, those heard in at least ``min_share`` of
them, the most often heard first, at most ``cap`` (ties by name). Random addresses of passing phones
fall out by this rule; nothing is dropped for its locally administered bit alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdk.bssid import without_last_digit
from training.survey import Survey, SurveyError

MERGES: dict[str, Callable[[str], str] | None] = {
    "none": None,
    "last_hex_digit": without_last_digit,
}


def fingerprints(
    survey: Survey,
    bssids: tuple[str, ...],
    merge_virtual_aps: str = "none",
    max_age_ms: int | None = None,
) -> NDArray[np.float32]:
    """(M, N) dBm, NaN = not heard: row for row what ``sdk.fingerprint.ApTable`` makes of a scan."""
    return survey.fingerprints(bssids, MERGES[merge_virtual_aps], max_age_ms)


def choose_aps(
    survey: Survey,
    min_share: float,
    cap: int | None,
    merge_virtual_aps: str = "none",
    max_age_ms: int | None = None,
) -> tuple[str, ...]:
    """The access points a model trained on ``survey`` (its training rows only) uses, sorted.

    Raises SurveyError when fewer than 3 are left; the message says how many were heard at all.
    """
    merge = MERGES[merge_virtual_aps]
    names = sorted({b if merge is None else merge(b) for b in survey.bssids})
    if not len(survey):
        raise SurveyError(f"survey {survey.header.name!r} has no training rows to choose from")
    share = np.zeros(len(names))
    for start in range(0, len(survey), 4096):
        part = np.zeros(len(survey), dtype=bool)
        part[start : start + 4096] = True
        heard = fingerprints(survey.take(part), tuple(names), merge_virtual_aps, max_age_ms)
        share += np.isfinite(heard).sum(axis=0)
    share /= len(survey)
    order = sorted(np.flatnonzero(share >= max(min_share, 1e-12)), key=lambda i: -share[i])
    chosen = order[: cap if cap is not None else len(order)]
    if len(chosen) < 3:
        raise SurveyError(
            f"survey {survey.header.name!r}: {len(chosen)} access points are heard in at least "
            f"{min_share:.1%} of {len(survey)} training scans ({(share > 0).sum()} are heard at "
            "all); expected 3 or more"
        )
    return tuple(sorted(names[i] for i in chosen))
