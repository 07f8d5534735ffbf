"""The state of things in words for people who have never read our documentation."""

from __future__ import annotations

from sdk import Fix
from sdk.fix import Status

_STATUS = {
    Status.OK: "",
    Status.LOW_CONFIDENCE: "A rough guess only.",
    Status.TOO_FEW_APS: "Too few known access points in range: walk on, or survey this place.",
    Status.OUT_OF_AREA: "You seem to be outside the surveyed area.",
    Status.STALE_SCAN: "The phone gave old results: it scans less often than it is asked.",
}


def fix_words(fix: Fix | None) -> str:
    """One or two sentences about a fix; with a position it begins with the radius."""
    if fix is None:
        return "Waiting for the first scan."
    heard = f"{fix.matched_aps} known access point{'s' if fix.matched_aps != 1 else ''}"
    said = _STATUS[fix.status]
    if not fix:
        return f"No position. {said} ({heard})"
    radius = f"Within {fix.accuracy_m:.1f} m in 68 of 100 cases"
    if fix.status in (Status.OK, Status.LOW_CONFIDENCE):
        return f"{radius}, from {heard}. {said}".strip()
    return f"{radius}, carried on from earlier scans. Now: {heard}."


def floor_words(floor: int, label: str | None) -> str:
    """What a floor button says."""
    return label or ("ground" if floor == 0 else f"{floor:+d}")
