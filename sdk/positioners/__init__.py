"""Positioners: from a fingerprint to a posterior, in three steps that can be timed apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..fingerprint import Fingerprint
from ..places import Places
from ..posterior import Posterior

if TYPE_CHECKING:
    from ..bundle import Bundle

Impact: TypeAlias = Callable[[Fingerprint, int], NDArray[np.float64]]


class Positioner(Protocol):
    """An immutable model over fixed places; safe to call from several threads."""

    places: Places
    runtime_name: str

    def prepare(self, fingerprint: Fingerprint) -> Any:
        """The model's input."""
        ...

    def invoke(self, prepared: Any) -> Any:
        """The model's raw answer."""
        ...

    def decode(self, answer: Any) -> Posterior:
        """The answer as a posterior."""
        ...

    @property
    def impact(self) -> Impact | None:
        """Impact Scores (N,) of a fingerprint for a place; None where there are none."""
        ...


def posterior_of(positioner: Positioner, fingerprint: Fingerprint) -> Posterior:
    """All three steps."""
    return positioner.decode(positioner.invoke(positioner.prepare(fingerprint)))


def build(bundle: Bundle, runtime: str, num_threads: int) -> Positioner:
    """The bundle's positioner, after its golden pair has been run.

    Raises:
        BundleError: the model does not fit its manifest or gives other answers than at export.
        RuntimeUnavailableError: no installed runtime can run it.
    """
    from ..outputs import CellsOutput, NeighboursOutput

    positioner: Positioner
    output = bundle.manifest.output
    if isinstance(output, CellsOutput):
        from .cells import Cells

        positioner = network = Cells(bundle, output, runtime, num_threads)
        if output.fusion is not None:
            from .fused import Fused
            from .neighbours import Neighbours

            positioner = Fused(network, Neighbours(bundle, output.fusion.neighbours), output.fusion)
    elif isinstance(output, NeighboursOutput):
        from .neighbours import Neighbours

        positioner = Neighbours(bundle, output)
    else:
        from .ranks import Ranks

        positioner = Ranks.of(bundle, output, runtime, num_threads)
    _check_golden(positioner, bundle)
    return positioner


def _check_golden(positioner: Positioner, bundle: Bundle) -> None:
    manifest = bundle.manifest
    unknown = manifest.table.mask(manifest.exported_unknown)
    rows = zip(bundle.golden_rssi_dbm, bundle.golden_probability, strict=True)
    for row, (rssi_dbm, expected) in enumerate(rows):
        vector = rssi_dbm.copy()
        vector[unknown] = np.nan
        heard = int(np.count_nonzero(~np.isnan(vector)))
        fingerprint = Fingerprint(vector, unknown, heard, heard, heard)
        found = posterior_of(positioner, fingerprint).probability
        difference = float(np.abs(found - expected).max())
        if not difference <= manifest.golden.tolerance:
            raise BundleError(
                f"golden row {row}: {positioner.runtime_name} gives probabilities that differ by "
                f"{difference:.3g} from the exporter's, allowed is {manifest.golden.tolerance:g}"
            )
    if positioner.impact is not None:
        positioner.impact(fingerprint, 0)
