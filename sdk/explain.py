"""Which access points speak for a place."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import BundleError, ScanError
from .fingerprint import Fingerprint
from .heatmap_rules import HeatmapOutput
from .places import Place
from .positioners import posterior_of
from .posterior import Posterior

if TYPE_CHECKING:
    from .model import Model
    from .scan import Scan

METHODS = ("cam", "occlusion")
# Differences of log-probabilities stop meaning anything below this.
MIN_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score per AP for one place, `target`.

    `cam`: Impact Scores of all APs of the table (SPEC 1.4). With a `gap` or `gap_embedding`
    head their mean, with a `per_ap` head their sum, is the place's logit less its bias; the
    APs not heard are part of it. `occlusion`: for every heard AP the drop of the place's
    log-probability when that AP is taken as not heard. Where neighbours multiply the network's
    posterior, `cam` speaks for the network alone and `occlusion` for both. What each is worth:
    docs/explanations.md.
    `not_heard` are the APs of the table that this scan did not hear, or that are masked.
    """

    method: str
    scores: dict[str, float]
    target: Place
    not_heard: frozenset[str]

    def top(self, k: int = 3) -> list[tuple[str, float]]:
        """The k APs that speak most for the target, best first; ties in table order."""
        return sorted(self.scores.items(), key=lambda item: -item[1])[: max(0, k)]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "method": self.method,
            "target": self.target.to_dict(),
            "scores": self.scores,
            "not_heard": sorted(self.not_heard),
        }


def explain(model: Model, scan: Scan, method: str | None, target: int | None) -> Explanation:
    """See `Localizer.explain`."""
    positioner = model.positioner
    impact = positioner.impact
    if method is None:
        method = "cam" if impact is not None else "occlusion"
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS} or None, got {method!r}")
    if method == "cam" and impact is None:
        raise BundleError(
            "this bundle carries no head weights, so there are no Impact Scores; "
            "method='occlusion' works with every bundle"
        )
    fingerprint = model.fingerprint(scan)
    refusal = model.refusal(fingerprint)
    if refusal is not None:
        raise ScanError(f"there is no position to explain: {refusal[0].value}")
    posterior = posterior_of(positioner, fingerprint)
    place = posterior.place(int(posterior.probability.argmax()) if target is None else target)
    bssids = model.manifest.table.bssids
    heard = ~np.isnan(fingerprint.rssi_dbm)
    if method == "cam" and impact is not None:
        scores = dict(zip(bssids, impact(fingerprint, place.index).tolist(), strict=True))
    else:
        scores = _occlusion(model, fingerprint, posterior, place.index)
    silent = frozenset(bssids[i] for i in np.flatnonzero(~heard))
    return Explanation(method, scores, place, silent)


def _occlusion(
    model: Model, fingerprint: Fingerprint, posterior: Posterior, target: int
) -> dict[str, float]:
    before = _log(posterior.probability[target])
    scores = {}
    for i in np.flatnonzero(~np.isnan(fingerprint.rssi_dbm)).tolist():
        without = fingerprint.rssi_dbm.copy()
        without[i] = np.nan
        changed = replace(fingerprint, rssi_dbm=without)
        if isinstance(model.manifest.output, HeatmapOutput):
            # There silence is a measurement too: what is left out must be masked.
            unknown = fingerprint.unknown.copy()
            unknown[i] = True
            changed = replace(changed, unknown=unknown)
        after = posterior_of(model.positioner, changed)
        scores[model.manifest.table.bssids[i]] = before - _log(after.probability[target])
    return scores


def _log(probability: float) -> float:
    return math.log(max(float(probability), MIN_PROBABILITY))
