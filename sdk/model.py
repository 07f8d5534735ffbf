"""An opened bundle, ready to serve: immutable, so that threads share it without a lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import BundleError, RuntimeUnavailableError, ScanError
from .fingerprint import Fingerprint
from .fix import Fix, Status
from .heatmap_rules import HeatmapOutput
from .info import BundleInfo
from .positioners import Positioner, build, posterior_of
from .posterior import Posterior
from .rank_rules import RanksOutput, Windows
from .scan import Scan

if TYPE_CHECKING:
    from .bundle import Source
    from .manifest import Manifest

CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Model:
    """A positioner with its manifest and plans, and the set of APs that are not to be used."""

    manifest: Manifest
    plans: dict[str, bytes]
    positioner: Positioner
    info: BundleInfo
    user_unknown: frozenset[str]
    unknown: NDArray[np.bool_] | None

    @classmethod
    def open(cls, source: Source, runtime: str, num_threads: int) -> Model:
        """Read, check and load a bundle. Raises BundleError, RuntimeUnavailableError."""
        # Here and not above: an app that only makes scans need not pay for the reader.
        from .bundle import Bundle, source_name

        bundle = Bundle.open(source)
        try:
            positioner = build(bundle, runtime, num_threads)
        except (BundleError, RuntimeUnavailableError) as error:
            raise type(error)(f"{source_name(source)}: {error}") from None
        info = BundleInfo.of(bundle, positioner.runtime_name)
        model = cls(bundle.manifest, bundle.plans, positioner, info, frozenset(), None)
        return model.masking(frozenset())

    def masking(self, user_unknown: frozenset[str]) -> Model:
        """The same model with these APs unknown, beside those masked at export."""
        table = self.manifest.table
        mask = table.mask([*self.manifest.exported_unknown, *user_unknown])
        mask.flags.writeable = False
        return replace(
            self,
            user_unknown=user_unknown,
            unknown=mask if mask.any() else None,
            info=replace(
                self.info,
                unknown_aps=tuple(table.bssids[i] for i in np.flatnonzero(mask)),
            ),
        )

    @property
    def windows(self) -> Windows | None:
        """How long a track collects for the floor and for the position; None for one window."""
        output = self.manifest.output
        return output.rules.windows if isinstance(output, RanksOutput) else None

    def plan(self, floor: int) -> bytes | None:
        """The floor's plan, PNG or GeoJSON; None where the bundle has none.

        Raises:
            ValueError: the venue has no such floor.
        """
        for one in self.manifest.venue.floors:
            if one.floor == floor:
                return None if one.plan is None else self.plans[one.plan]
        floors = [one.floor for one in self.manifest.venue.floors]
        raise ValueError(f"the venue has no floor {floor!r}, it has {floors}")

    def fingerprint(self, scan: Scan) -> Fingerprint:
        """The scan over this model's APs. Raises ScanError."""
        if not isinstance(scan, Scan):
            raise ScanError(
                f"expected a Scan, got {type(scan).__name__}: see Scan.from_dict, "
                "Scan.from_json, Scan.from_android and Scan.from_google"
            )
        manifest = self.manifest
        return manifest.table.fingerprint(scan, self.unknown, manifest.limits.max_age_ms)

    def posterior(self, scan: Scan) -> Posterior:
        """The posterior; uniform where the scan gives no position."""
        fingerprint = self.fingerprint(scan)
        if self.refusal(fingerprint) is not None:
            return Posterior.uniform(self.positioner.places)
        return posterior_of(self.positioner, fingerprint)

    def locate(self, scan: Scan) -> Fix:
        """The fix of one scan."""
        return self.located(scan)[0]

    def located(self, scan: Scan) -> tuple[Fix, Posterior | None]:
        """The fix of one scan, and the posterior it was made from where there is one."""
        return self.answer(self.fingerprint(scan), scan.timestamp_ms)

    def answer(self, fingerprint: Fingerprint, timestamp_ms: int) -> tuple[Fix, Posterior | None]:
        """The fix of a fingerprint, and the posterior it was made from where there is one."""
        refusal = self.refusal(fingerprint)
        if refusal is not None:
            return self.no_fix(timestamp_ms, *refusal, fingerprint.matched), None
        posterior = posterior_of(self.positioner, fingerprint)
        return self.fix(posterior, timestamp_ms, fingerprint.matched), posterior

    def refusal(self, fingerprint: Fingerprint) -> tuple[Status, str] | None:
        """Status and reason of a fingerprint that gives no position; None where it gives one."""
        limits, output = self.manifest.limits, self.manifest.output
        status = limits.refusal(fingerprint)
        if status is not None:
            return status, limits.why_refused(status, fingerprint.matched)
        return output.rules.refusal(fingerprint) if isinstance(output, HeatmapOutput) else None

    def no_fix(self, timestamp_ms: int, status: Status, why: str, matched_aps: int) -> Fix:
        """A fix without a position."""
        return Fix(
            timestamp_ms, status, matched_aps=matched_aps, model_id=self.manifest.model_id,
            reason=why,
        )  # fmt: skip

    def fix(self, posterior: Posterior, timestamp_ms: int, matched_aps: int) -> Fix:
        """The fix that a posterior gives."""
        manifest = self.manifest
        x_m, y_m, floor = posterior.point(manifest.estimate)
        agreement = posterior.agreement
        accuracy_m = manifest.accuracy(posterior.spread_m(), matched_aps, agreement)
        status, reason = manifest.limits.confidence(accuracy_m, agreement)
        if posterior.doubt:
            status, reason = Status.LOW_CONFIDENCE, posterior.doubt
        return self.placed(
            timestamp_ms,
            (x_m, y_m, floor, accuracy_m),
            matched_aps=matched_aps,
            candidates=posterior.candidates(CANDIDATES),
            status=status,
            agreement=agreement,
            reason=reason,
        )

    def placed(
        self, timestamp_ms: int, position: tuple[float, float, int, float], **rest: Any
    ) -> Fix:
        """A fix at (x_m, y_m, floor, accuracy_m); status from the accuracy unless given."""
        x_m, y_m, floor, accuracy_m = position
        geodetic = self.manifest.venue.to_wgs84(x_m, y_m) or (None, None)
        rest.setdefault("status", self.manifest.limits.confidence(accuracy_m, None)[0])
        return Fix(
            timestamp_ms=timestamp_ms,
            x_m=x_m,
            y_m=y_m,
            floor=floor,
            accuracy_m=accuracy_m,
            latitude=geodetic[0],
            longitude=geodetic[1],
            model_id=self.manifest.model_id,
            **rest,
        )
