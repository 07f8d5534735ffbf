"""What scans of the running system tell about a Hapi deployment (SPEC 5.11), and a run with it.

Positions and floors of the scans are not looked at. Only floor attenuation and, for methods that
need it, the offset of all levels are taken over; access points that look dead or misplaced are
reported, never changed: somebody has to go and look.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import ap_health
from training.ap_presence import appeared, silent_beside
from training.path_loss_fit import MOST_SCANS
from training.radio_estimates import Estimated, Radios, estimate
from training.run import Run, RunError
from training.survey import Survey
from training.unlabelled import Known, known_of_run, levels_of

OFFSET_CHOICES = ("auto", "yes", "no")


@dataclass(frozen=True)
class Findings:
    """What unlabelled scans say about N access points; ``radios`` None without positions."""

    scans: int
    heard_aps: int
    known_aps: int
    radios: Radios | None
    silent: tuple[ap_health.Silent, ...]
    moved: tuple[ap_health.Moved, ...]
    odd: tuple[ap_health.Odd, ...]
    appeared: tuple[tuple[str, int], ...]
    bssids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Access points by name."""
        return {
            "scans": self.scans,
            "access_points": {
                "known": self.known_aps,
                "heard": self.heard_aps,
                "silent": [
                    {"bssid": self.bssids[s.ap], "heard": s.heard, "expected": round(s.expected)}
                    for s in self.silent
                ],
                "moved": [
                    {
                        "bssid": self.bssids[m.ap], "heard": m.heard, "likelier_x_m": m.x_m,
                        "likelier_y_m": m.y_m, "likelier_floor": m.floor,
                        "apart_m": round(m.apart_m, 1), "nats": round(m.nats, 2),
                    }
                    for m in self.moved
                ],
                "odd_level": [
                    {
                        "bssid": self.bssids[o.ap], "heard": o.heard, "excess_db": o.excess_db,
                        "nats": round(o.nats, 2),
                    }
                    for o in self.odd
                ],
                "appeared": [{"bssid": name, "scans": n} for name, n in self.appeared],
            },
        }  # fmt: skip


def findings(known: Known, survey: Survey) -> Findings:
    """Look at a survey's scans (``read_unlabelled``).

    Where positions are known, at most MOST_SCANS of the scans, evenly spread, are placed.
    """
    rssi = levels_of(survey, known.table)
    radios, silent, moved, odd = None, [], [], []
    if known.ground is not None and known.radio is not None:
        some = _spread(rssi[np.isfinite(rssi).any(axis=1)])
        radios = estimate(known.ground, known.radio, some)
        if radios.offset.pairs:
            silent = ap_health.silent(known.ground, known.radio, some, radios)
            moved, odd = ap_health.strange(known.ground, known.radio, some, radios)
    elif known.reference_dbm is not None:
        silent = silent_beside(known.reference_dbm, rssi)
    return Findings(
        len(survey), int(np.isfinite(rssi).any(axis=0).sum()), rssi.shape[1], radios,
        tuple(silent), tuple(moved), tuple(odd), tuple(appeared(survey, known.table)),
        known.table.bssids,
    )  # fmt: skip


def _spread(rssi_dbm: NDArray[np.float64]) -> NDArray[np.float64]:
    n = min(len(rssi_dbm), MOST_SCANS)
    return rssi_dbm[np.linspace(0, len(rssi_dbm) - 1, n).astype(np.int64)] if n else rssi_dbm


def update(run: Run, survey: Survey, offset: str = "auto") -> tuple[Run, dict[str, Any]]:
    """A hapi run with what a survey's scans say, and the report on it.

    ``offset`` "yes" takes the offset over, "no" does not, "auto" does for ranks: path loss with
    textbook constants measures as well or better without, ranks are fixed to levels.

    Raises:
        RunError: not a hapi run; ValueError: an unknown ``offset``.
    """
    if run.ranks is None:
        raise RunError(f"a {run.system} run has no floor attenuation, expected one of hapi")
    if offset not in OFFSET_CHOICES:
        raise ValueError(f"offset is {offset!r}, expected one of {', '.join(OFFSET_CHOICES)}")
    found = findings(known_of_run(run, run.system), survey)
    radios = found.radios
    assert radios is not None
    take_offset = offset == "yes" or (
        offset == "auto" and run.ranks["position"]["method"] == "ranks"
    )
    ranks = dict(run.ranks)
    attenuation, excess = radios.floor_attenuation, radios.offset
    if attenuation.value_db is not None:
        ranks["floor_attenuation_db"] = attenuation.value_db
    if take_offset and excess.value_db is not None:
        # What levels have too much is taken off; 0.0, not -0.0.
        ranks["offset_db"] = 0.0 - excess.value_db
    report = found.to_json() | {
        "scans_placed": radios.scans,
        "sigma_db": radios.sigma_db,
        "silence_dbm": radios.silence_dbm,
        "floor_attenuation_db": _change(run.ranks, ranks, "floor_attenuation_db", attenuation, ""),
        "offset_db": _change(
            run.ranks, ranks, "offset_db", excess,
            "" if take_offset else "not wanted for this method (--offset yes takes it over)", -1.0,
        ),
    }  # fmt: skip
    record = {**report, "survey": survey.header.name, "sha256": survey.sha256}
    provenance = {**run.provenance, "updates": [*run.provenance.get("updates", []), record]}
    return replace(run, ranks=ranks, provenance=provenance), report


def _change(
    was: dict[str, Any],
    now: dict[str, Any],
    name: str,
    found: Estimated,
    refused: str,
    sign: float = 1.0,
) -> dict[str, Any]:
    return {
        "was": was[name],
        "now": now[name],
        "estimate": None if found.value_db is None else 0.0 + sign * found.value_db,
        "standard_error": None if found.spread_db is None else round(found.spread_db, 2),
        "pairs": found.pairs,
        "kept_because": found.why or refused or None,
    }
