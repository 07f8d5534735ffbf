"""The golden pair: a bundle must answer as its exporter saw it answer before it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import BundleError
from .fingerprint import Fingerprint
from .heatmap_rules import HeatmapOutput
from .outputs import Output
from .positioners import Positioner, posterior_of
from .rank_rules import RanksOutput

if TYPE_CHECKING:
    from .bundle import Bundle


def difference(output: Output, found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """How far two posteriors (..., G) are apart, at most: 0 = the same, 1 = nothing in common.

    The largest difference of a probability; on the fine grids of `ranks` and `heatmap`, where no
    cell holds much, the probability that stands elsewhere.
    """
    apart = np.abs(found - expected)
    if isinstance(output, RanksOutput | HeatmapOutput):
        return float(apart.sum(axis=-1).max()) / 2
    return float(apart.max())


def check_golden(positioner: Positioner, bundle: Bundle) -> None:
    """Run the golden inputs. Raises BundleError naming the row that is answered otherwise."""
    manifest = bundle.manifest
    unknown = manifest.table.mask(manifest.exported_unknown)
    rows = zip(bundle.golden_rssi_dbm, bundle.golden_probability, strict=True)
    for row, (rssi_dbm, expected) in enumerate(rows):
        vector = rssi_dbm.copy()
        vector[unknown] = np.nan
        heard = int(np.count_nonzero(~np.isnan(vector)))
        fingerprint = Fingerprint(vector, unknown, heard, heard, heard)
        found = posterior_of(positioner, fingerprint).probability
        apart = difference(manifest.output, found, expected)
        if not apart <= manifest.golden.tolerance:
            raise BundleError(
                f"golden row {row}: {positioner.runtime_name} gives probabilities that differ by "
                f"{apart:.3g} from the exporter's, allowed is {manifest.golden.tolerance:g}"
            )
    if positioner.impact is not None:
        positioner.impact(fingerprint, 0)
