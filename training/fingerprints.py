"""Which access points a model uses, and the survey's scans as vectors over them.

The rule: an access point counts when at least ``min_share`` of the training scans of some floor
heard it (of all scans, a mall's floors would drown each other). Of these, those that stand most
often among the STRONGEST of a scan come first, at most ``cap`` per floor, so that every corner
keeps access points of its own. Random addresses of passing phones fall out by this rule; nothing is
dropped for its locally administered bit alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.bssid import without_last_digit
from training.survey import Survey, SurveyError

MERGES: dict[str, Callable[[str], str] | None] = {
    "none": None,
    "last_hex_digit": without_last_digit,
}
LEAST_APS = 3
STRONGEST = 8
_CHUNK = 4096


@dataclass(frozen=True)
class Vectors:
    """How scans become vectors, on the device as here: the same rule, the same result.

    ``merge_virtual_aps`` "last_hex_digit": MAC addresses that differ in their last hex digit count
    as one access point, the strongest reading wins. Readings older than ``max_age_ms`` are left
    out; one without an age counts as fresh.
    """

    merge_virtual_aps: str = "none"
    max_age_ms: int | None = None

    def __post_init__(self) -> None:
        if self.merge_virtual_aps not in MERGES:
            raise ValueError(
                f"merge_virtual_aps is {self.merge_virtual_aps!r}, expected {', '.join(MERGES)}"
            )

    def of(self, survey: Survey, bssids: Sequence[str]) -> NDArray[np.float32]:
        """(M, N) dBm, NaN = not heard: row for row what ``sdk.fingerprint.ApTable`` gives."""
        return survey.fingerprints(bssids, MERGES[self.merge_virtual_aps], self.max_age_ms)

    def choose(self, survey: Survey, min_share: float, cap: int | None) -> tuple[str, ...]:
        """The access points a model trained on ``survey`` (its training rows only) uses, sorted.

        Raises SurveyError when fewer than 3 are left; the message says how many were heard.
        """
        merge = MERGES[self.merge_virtual_aps]
        names = sorted({b if merge is None else merge(b) for b in survey.bssids})
        floors, floor = np.unique(survey.floor, return_inverse=True)
        heard, votes = np.zeros((len(floors), len(names))), np.zeros(len(names))
        for start in range(0, len(survey), _CHUNK):
            part = np.zeros(len(survey), dtype=bool)
            part[start : start + _CHUNK] = True
            level = self.of(survey.take(part), names)
            known = np.isfinite(level)
            np.add.at(heard, floor[part], known)
            top = np.argsort(-np.nan_to_num(level, nan=-np.inf), axis=1, kind="stable")
            top = top[:, :STRONGEST]
            np.add.at(votes, top, np.take_along_axis(known, top, axis=1))
        share = (heard / np.maximum(np.bincount(floor), 1)[:, None]).max(axis=0, initial=0.0)
        fit = np.flatnonzero(share >= max(min_share, 1e-12))
        order = sorted(fit, key=lambda i: (-votes[i], -share[i]))
        chosen = order[: cap * len(floors) if cap is not None else len(order)]
        if len(chosen) < LEAST_APS:
            raise SurveyError(
                f"survey {survey.header.name!r}: {len(chosen)} access points are heard in at least "
                f"{min_share:.1%} of a floor's training scans ({(share > 0).sum()} are heard at "
                f"all, in {len(survey)} scans); expected {LEAST_APS} or more"
            )
        return tuple(sorted(names[i] for i in chosen))
