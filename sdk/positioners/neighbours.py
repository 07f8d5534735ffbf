"""Weighted nearest neighbours over stored fingerprints; needs no inference runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundle import Bundle
from ..errors import BundleError
from ..fingerprint import Fingerprint
from ..outputs import NeighboursOutput
from ..posterior import Posterior
from ..readings import Readings
from ..value_form import value_form

# An exact hit would get an infinite weight; below this, distances count as equal.
MIN_DISTANCE = 1e-6


def neighbour_weights(distance: NDArray[Any], power: float) -> NDArray[np.float64]:
    """1 / distance ** power of distances (..., k), nearest first and finite, relative to it.

    So nothing overflows. A row that shares no access point with the scan (+inf) weighs 0.
    """
    far = np.maximum(distance.astype(np.float64), MIN_DISTANCE)
    weights: NDArray[np.float64] = (far[..., :1] / far) ** power
    return weights


class Neighbours:
    """Posterior over reference points: the weights of the k nearest rows, summed per place."""

    runtime_name = "native"
    impact = None

    def __init__(self, bundle: Bundle, output: NeighboursOutput) -> None:
        from ..native import weighted_knn

        self._weighted_knn = weighted_knn
        self.places = bundle.places
        self.output = output
        stored = output.database
        parts = (bundle.arrays[name] for name in (stored.start, stored.ap, stored.dbm))
        rssi_dbm = Readings(*parts).fingerprints(len(bundle.manifest.table))
        # Of an access point that no row heard the rows know nothing: it is not compared.
        self._told = np.flatnonzero(~np.isnan(rssi_dbm).all(axis=0))
        self._database = value_form(
            np.ascontiguousarray(rssi_dbm[:, self._told]),
            output.value_kind, output.not_heard_dbm, output.exponent,
        )  # fmt: skip
        self._place_of_row = bundle.arrays[output.place_of_row].astype(np.intp)

    def prepare(self, fingerprint: Fingerprint) -> NDArray[np.float32]:
        """The query in value form, a row per shift over the access points that the rows heard.

        NaN = unknown, which is not compared.
        """
        form = self.output
        levels = fingerprint.rssi_dbm + np.array(form.shifts_db, dtype=np.float32)[:, None]
        query = value_form(levels, form.value_kind, form.not_heard_dbm, form.exponent)
        if np.count_nonzero(fingerprint.unknown):
            query[:, fingerprint.unknown] = np.nan
        return query.take(self._told, axis=1)

    def invoke(self, prepared: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows (k,) and distances (k,), nearest first, of the shift of least mean distance."""
        output = self.output
        try:
            rows, distance = self._weighted_knn(self._database, prepared, output.k, output.metric)
        except ValueError as error:  # Such as negative values under the Sorensen distance.
            raise BundleError(f"nearest neighbours: {error}") from None
        best = distance.mean(axis=1).argmin() if len(distance) > 1 else 0
        return rows[best], distance[best]

    def decode(self, answer: tuple[NDArray[Any], NDArray[Any]]) -> Posterior:
        """The weights of the neighbours, summed per place; all places alike, and a doubt, where
        nothing could be compared."""
        rows, distance = answer
        if not np.isfinite(distance[0]):
            nothing = Posterior.uniform(self.places)
            nothing.doubt = "the survey heard none of the access points that are known here"
            return nothing
        weights = neighbour_weights(distance, self.output.weight_power)
        summed = np.bincount(self._place_of_row[rows], weights, minlength=len(self.places))
        try:
            return Posterior(self.places, summed)
        except ValueError as error:
            raise BundleError(f"nearest neighbours: {error}") from None
