"""A track: one user's or device's position over time."""

from __future__ import annotations

import math
from collections.abc import Callable

from ._core import R68_PER_SIGMA, START_SPEED_M_S, STEP_S, Motion
from .errors import ScanError
from .fingerprint import Fingerprint
from .fix import Fix
from .model import Model
from .profile import Profile
from .rank_rules import Windows
from .scan import Scan
from .window import FloorAndPosition

__all__ = ["R68_PER_SIGMA", "START_SPEED_M_S", "STEP_S", "Track"]

WINDOW_MS = 3000


class Track:
    """Window of scans plus a constant-velocity Kalman filter; for one thread.

    Each scan joins the profile of the last `window_ms` (the strongest reading of an AP wins);
    where the bundle names windows, the floor comes from a longer profile of its own.
    The profile's fix is a measurement of the position with the variance of an isotropic
    Gaussian whose 68 % radius is the fix's `accuracy_m`. A scan without a position moves the
    prediction on: the fix keeps its status (TOO_FEW_APS, ...) and has the predicted
    coordinates. After `gap_ms` without a measured position the filter is dropped: there is no
    position until the next measurement starts a new one. The floor changes when more than half
    of the last `floor_votes` posteriors ask for it. `accuracy_m` comes from the covariance
    and is never below 0.85 of the last measured fix's.

    `measured` is the last profile's own fix, before the filter; None before the first scan.

    Args:
        window_ms: default the bundle's window for positions, 3000 where it names none.
        accel_sigma: white acceleration, m/s^2; it acts in steps of at most 1 s, so that one
            gap of 30 s means the same as thirty scans without a position.
        floor_votes: 1 to 64.
    """

    def __init__(
        self,
        serving: Callable[[], Model],
        window_ms: int | None = None,
        accel_sigma: float = 0.3,
        gap_ms: int = 60_000,
        floor_votes: int = 5,
    ) -> None:
        if not 0 <= accel_sigma < math.inf:
            raise ValueError(f"accel_sigma must be >= 0 m/s^2, got {accel_sigma!r}")
        if isinstance(gap_ms, bool) or not isinstance(gap_ms, int) or gap_ms < 0:
            raise ValueError(f"gap_ms must be an int >= 0, got {gap_ms!r}")
        if isinstance(floor_votes, bool) or not isinstance(floor_votes, int) or floor_votes < 1:
            raise ValueError(f"floor_votes must be an int >= 1, got {floor_votes!r}")
        self._serving = serving
        self._window_ms = window_ms
        self._profile = Profile(
            WINDOW_MS if window_ms is None else window_ms, serving().manifest.limits.max_age_ms
        )
        self._windows: tuple[object, FloorAndPosition] | None = None
        self._motion = Motion(accel_sigma, gap_ms, floor_votes)
        self._venue: str | None = None
        self._last: tuple[Scan, Fix] | None = None
        self.measured: Fix | None = None

    def reset(self) -> None:
        """Forget everything, the time included."""
        self._motion.restart()
        self._profile.clear()
        self._windows = None
        self._last = None
        self.measured = None

    def update(self, scan: Scan) -> Fix:
        """The tracked position at the scan's time.

        A scan equal to the one before (a cached result served twice) changes nothing.

        Raises:
            ScanError: the scan is older than the one before; the track stays as it was.
            ClosedError: the localizer was closed.
        """
        model = self._serving()
        alone = model.fingerprint(scan)
        now_ms = scan.timestamp_ms
        if self._last is not None:
            if scan == self._last[0]:
                return self._last[1]
            if now_ms < self._last[0].timestamp_ms:
                raise ScanError(
                    f"timestamp_ms {now_ms} comes after {self._last[0].timestamp_ms}: "
                    "the scans of a track must not go back in time"
                )
        if model.manifest.venue.name != self._venue:
            # A reload brought another building, where the old coordinates mean nothing.
            self._motion.restart()
            self._venue = model.manifest.venue.name
        fix, posterior = model.answer(self._gathered(model, scan, alone), now_ms)
        self.measured = fix
        self._motion.advance(now_ms)
        if posterior is not None:
            assert fix.x_m is not None
            assert fix.y_m is not None
            assert fix.accuracy_m is not None
            floor = posterior.mean()[2]
            self._motion.measure(fix.x_m, fix.y_m, floor, fix.accuracy_m)
        tracked = self._tracked(model, fix)
        self._last = (scan, tracked)
        return tracked

    def _gathered(self, model: Model, scan: Scan, alone: Fingerprint) -> Fingerprint:
        """The fingerprint of the window, or of both windows."""
        if model.windows is None:
            self._profile.max_age_ms = model.manifest.limits.max_age_ms
            return model.fingerprint(self._profile.add(scan))
        windows = model.windows
        if self._window_ms is not None:
            windows = Windows(max(windows.floor_ms, self._window_ms), self._window_ms)
        # Vectors of another table or length would not fit together.
        about = (model.manifest.table.bssids, windows)
        if self._windows is None or self._windows[0] != about:
            self._windows = (about, FloorAndPosition(windows))
        return self._windows[1].add(scan.timestamp_ms, alone)

    def _tracked(self, model: Model, fix: Fix) -> Fix:
        position = self._motion.tracked
        if position is None:
            return fix
        status, reason = fix.status, fix.reason
        if fix:
            # A scan that the model's networks see apart is not made sure by those before it.
            status, reason = model.manifest.limits.confidence(position[3], fix.agreement)
        return model.placed(
            fix.timestamp_ms,
            position,
            matched_aps=fix.matched_aps,
            candidates=fix.candidates,
            status=status,
            agreement=fix.agreement,
            reason=reason,
        )
