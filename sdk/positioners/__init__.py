"""Positioners: from a fingerprint to a posterior, in three steps that can be timed apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
    from ..golden import check_golden
    from ..heatmap_rules import HeatmapOutput
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
    elif isinstance(output, HeatmapOutput):
        from .heatmap import Heatmap

        positioner = Heatmap.of(bundle, output, runtime, num_threads)
    else:
        from .ranks import Ranks

        positioner = Ranks.of(bundle, output, runtime, num_threads)
    check_golden(positioner, bundle)
    return positioner
