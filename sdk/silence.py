"""Access points that fell silent, by what the device itself has heard lately (SPEC 2.6b).

The rule stands here once, for devices and for training: an access point that hardly any of enough
scans heard is not *not heard*, which would say "far away", but *unknown*. It supposes that the
scans come from all over the site: `all_over` looks whether they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .localizer import NEWEST
from .scan import Scan

if TYPE_CHECKING:
    from .localizer import Localizer
    from .model import Model
    from .store import Store

# Heard in a smaller share of the scans, an access point is silent ...
SILENT_SHARE = 0.01
# ... where so many scans would have shown it.
LEAST_SCANS = 100
# So many scans, evenly over time, to twice as many are located; their fixes must spread half as far
# as the places do, and over all floors.
_LOOKED_AT = 100
LEAST_SPREAD = 0.5
_LEAST_ON_FLOOR = 0.02


@dataclass(frozen=True, slots=True)
class Silence:
    """What a look at the store found: `masked` are the access points masked by the rule now.

    `scans` heard enough of the table to count; `kept_because` is empty, or says why the rule could
    not be applied and everything was left as it was.
    """

    masked: frozenset[str]
    scans: int
    kept_because: str = ""


def silent(heard: NDArray[np.integer[Any]], scans: int) -> NDArray[np.bool_] | None:
    """(N,) which access points are silent, of which `heard` (N,) of `scans` scans told; None where
    there are too few scans to tell."""
    if scans < LEAST_SCANS:
        return None
    quiet: NDArray[np.bool_] = heard < SILENT_SHARE * scans
    return quiet


def look(model: Model, scans: Iterable[Scan]) -> tuple[frozenset[str] | None, int, str]:
    """The access points of a model that are silent in `scans`, the scans that counted, and why
    the rule could not be applied where it could not (then None).

    Masks are left aside: an access point that is back is found again. Memory does not grow with
    the number of scans.
    """
    manifest = model.manifest
    heard = np.zeros(len(manifest.table), dtype=np.int64)
    count, apart = 0, 1
    some: list[Scan] = []
    for scan in scans:
        fingerprint = manifest.table.fingerprint(scan, None, manifest.limits.max_age_ms)
        if fingerprint.matched < manifest.limits.min_matched_aps:
            continue
        heard += ~np.isnan(fingerprint.rssi_dbm)
        if count % apart == 0:
            some.append(scan)
            if len(some) == 2 * _LOOKED_AT:
                some, apart = some[::2], 2 * apart
        count += 1
    quiet = silent(heard, count)
    if quiet is None:
        return None, count, f"{count} scans heard enough access points, {LEAST_SCANS} are needed"
    if not all_over(model, some):
        return None, count, "the scans come from a part of the site only"
    bssids = manifest.table.bssids
    return frozenset(bssids[i] for i in np.flatnonzero(quiet)), count, ""


def all_over(model: Model, scans: Sequence[Scan]) -> bool:
    """Whether the fixes of some scans spread over the places of a model as its survey did."""
    places = model.positioner.places
    fixes = [fix for fix in map(model.locate, scans) if fix]
    if not fixes:
        return False
    found = np.array([(fix.x_m, fix.y_m) for fix in fixes], dtype=np.float64)
    whole = np.stack([places.x_m, places.y_m], axis=1)
    reach = float(found.std(axis=0).sum()), float(whole.std(axis=0).sum())
    floors = [fix.floor for fix in fixes]
    least = _LEAST_ON_FLOOR * len(fixes)
    return reach[0] >= LEAST_SPREAD * reach[1] and all(
        floors.count(floor) >= least for floor in places.floors
    )


class Watch:
    """Keeps a device's scans and looks at them by itself: `add` instead of `Store.add`.

    Args:
        every: scans between two looks, 1 or more.
        newest: scans that a look goes back.
    """

    def __init__(
        self, localizer: Localizer, store: Store, every: int = 200, newest: int = NEWEST
    ) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"every must be an int >= 1, got {every!r}")
        self._localizer, self._store = localizer, store
        self._every, self._newest, self._since = every, newest, 0

    def add(self, scan: Scan, **about: Any) -> Silence | None:
        """Keep a scan (`about` as for `Store.add`); what a look found where one was due."""
        self._store.add(scan, **about)
        self._since += 1
        if self._since < self._every:
            return None
        self._since = 0
        return self._localizer.mask_silent(self._store, self._newest)
