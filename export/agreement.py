"""Do the modules in a bundle agree as those of the checkpoint do? `Fix.agreement`, row by row.

Positions do not tell: an int8 graph may give the mean of three softmaxes well and the second
output, how alike they are, badly. Status and reason of a fix rest on that one, and the radius may.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of 0..1, where held-out scans of a site have an sd of 0.02. Training sets the least agreement
# so that 2 % of the held-out scans are under it: as many again on its wrong side, and the warning
# says nothing.
MOST_SHIFT = 0.01
MOST_TURNED = 0.02
# fp32 is the same function in another runtime.
MOST_FP32_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class AgreementVerdict:
    """The agreement of a bundle's modules beside that of the fp32 checkpoint's, over R rows.

    `shift`: mean distance of the two, `difference`: the largest; `turned`: share of rows that only
    one of the two has under the least agreement, without those that the checkpoint has within
    MOST_SHIFT of it.
    """

    shift: float
    difference: float
    turned: float

    def problems(self, precision: str) -> list[str]:
        """What is out of bounds; empty when the bundle may be written."""
        found = []
        if not self.shift <= MOST_SHIFT:
            found.append(
                f"the agreement of the modules moves by {self.shift:.4f} in the mean "
                f"(limit {MOST_SHIFT})"
            )
        if not self.turned <= MOST_TURNED:
            found.append(
                f"{self.turned:.1%} of the scans cross the least agreement "
                f"(limit {MOST_TURNED:.0%})"
            )
        if precision == "fp32" and not self.difference <= MOST_FP32_DIFFERENCE:
            found.append(
                f"the agreement of the modules differs by {self.difference:.2e} "
                f"(limit {MOST_FP32_DIFFERENCE:.0e})"
            )
        return found

    def to_json(self) -> dict[str, float]:
        """Plain JSON types, as they stand in a bundle's provenance."""
        return {
            "agreement_shift": round(self.shift, 5),
            "largest_agreement_difference": float(f"{self.difference:.3g}"),
            "agreement_turned": round(self.turned, 4),
        }


def beside(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], least_agreement: float
) -> AgreementVerdict:
    """The verdict over rows (R,), at least one; NaN in ``ours`` where a bundle does not tell."""
    apart = np.abs(ours - theirs)
    turned = (ours < least_agreement) != (theirs < least_agreement)
    turned &= np.abs(theirs - least_agreement) > MOST_SHIFT
    return AgreementVerdict(float(apart.mean()), float(apart.max()), float(turned.mean()))
