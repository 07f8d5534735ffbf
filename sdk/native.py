"""The native kernels behind a numpy face.

Arrays may hold any real numbers (integers, float16 to float64; not bool, complex, object or text)
and are computed in float32, C order; an array that is float32 and contiguous already is not
copied. ``out`` must be float32, C-contiguous, writable, of the result's shape, and share no memory
with any input; it is filled and returned. Calls that work for more than about a microsecond
release the GIL.

A wrong shape or value raises ValueError, a wrong type TypeError; the text shows the argument, the
place, the value found there and what was expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, SupportsFloat, TypeAlias

import numpy as np
import numpy.typing as npt

from sdk import _core
from sdk._core import KalmanFilter, build_info

__all__ = [
    "KalmanFilter",
    "build_info",
    "cyclic_map",
    "diagonal_mean",
    "floor_features",
    "geometric_median",
    "level_likelihoods",
    "level_sums",
    "path_loss_pdf",
    "rank_pdf",
    "ratio_image",
    "threshold_centroid",
    "weighted_knn",
]

Numbers: TypeAlias = npt.NDArray[Any] | Sequence[Any]
Float32: TypeAlias = npt.NDArray[np.float32]
Pair: TypeAlias = npt.NDArray[Any] | Sequence[float]
Combine: TypeAlias = Literal["sum", "product", "tempered"]
Metric: TypeAlias = Literal["l1", "l2", "sorensen"]


def cyclic_map(rssi: Numbers, out: Float32 | None = None) -> Float32:
    """Cyclic map of a fingerprint (eXLoc, eq. 2): ``map[R, C] = rssi[(C - R) mod N]``.

    Args:
        rssi: (N,) or (B, N), finite. Missing APs are filled beforehand: NaN is refused.
        out: where to write, (N, N) or (B, N, N).

    Returns:
        (N, N) or (B, N, N) float32. Row 0 is the fingerprint, row R the fingerprint turned right
        by R places.
    """
    return _core.cyclic_map(rssi, out)


def diagonal_mean(maps: Numbers) -> Float32:
    """Means of the wrapped diagonals (Impact Score, eXLoc eq. 5).

    ``scores[i] = mean over j of maps[j, (i + j) mod N]``, summed in float64, so that
    ``diagonal_mean(cyclic_map(r))`` is ``r`` to the bit.

    Args:
        maps: (N, N) or (B, N, N), finite.

    Returns:
        (N,) or (B, N) float32.
    """
    return _core.diagonal_mean(maps)


def ratio_image(rssi: Numbers, out: Float32 | None = None) -> Float32:
    """Fingerprint image of iToLoc (SPEC 2.1): ``image[j, k] = rssi[j] / rssi[k] - 1``.

    Args:
        rssi: (N,) in dBm, finite and never 0; missing APs are filled beforehand.
        out: where to write, (N, N).

    Returns:
        (N, N) float32 with a diagonal of exactly 0, computed as ``(f_j - f_k) / f_k``.
    """
    return _core.ratio_image(rssi, out)


def floor_features(
    rssi_dbm: Numbers,
    ap_xy_m: Numbers,
    ap_floor: Numbers,
    n_floors: int,
    silent_dbm: SupportsFloat = -100.0,
    span: int = 4,
) -> tuple[npt.NDArray[np.int32], Float32]:
    """What a scan says about each floor of its search range (Hapi, eq. 2-9; SPEC 5.2, 5.3).

    The range is the ``span`` neighbouring floors with the largest sum of level - silent_dbm; of
    several the one whose middle is nearest to the floor of the strongest AP, then the lowest. APs
    heard outside it are left out. The features of a floor are: number of APs heard, largest level,
    mean, population variance, mean level of the APs installed within 30 m, 80 m and "far" of the
    scan's centroid (weights 10^(level / 20); unheard APs count silent_dbm), and largest distance
    between two APs heard. "Far" is that distance over all floors of the range. A floor that is not
    heard, or above the building, has 0, silent_dbm and 0.

    Args:
        rssi_dbm: (N,) or (B, N), NaN = not heard; levels under silent_dbm count as silent_dbm.
        ap_xy_m: (N, 2) metres.
        ap_floor: (N,) integers, 0 (the lowest) to n_floors - 1.
        n_floors: of the building, 1 to 1000.
        silent_dbm: the level of an AP that is not heard.
        span: floors of the range, 1 to 16.

    Returns:
        start (B,) int32, the lowest floor of each range, and features (B, span, 8) float32; both
        without B for one scan. A scan that hears nothing is refused.
    """
    return _core.floor_features(rssi_dbm, ap_xy_m, ap_floor, n_floors, silent_dbm, span)


def geometric_median(
    x_m: Numbers,
    y_m: Numbers,
    weight: Numbers,
    start_m: Pair,
    soft_m: SupportsFloat,
    steps: int,
) -> tuple[float, float]:
    """The point of least mean distance to weighted places, by Weiszfeld's steps (SPEC 3.13).

    Each step goes to the mean of the places with ``weight / sqrt(distance² + soft_m²)``. Computed
    in float64.

    Args:
        x_m, y_m: (G,) places in metres, at least one, -1e9 to 1e9; float64 is kept.
        weight: (G,) 0 to 1e100, not all 0; float64 is kept.
        start_m: (x, y) before the first step, the mean as a rule.
        soft_m: keeps a place at the point itself from weighing all, 1e-6 to 1e9.
        steps: how many, 1 to 100000.

    Returns:
        x_m and y_m.
    """
    return _core.geometric_median(x_m, y_m, weight, start_m, soft_m, steps)


def level_likelihoods(
    measured_db: Numbers,
    mean_db: Numbers,
    sigma_db: Numbers,
    tail_factor: Numbers,
    narrow: Numbers,
    wide: Numbers,
    outliers: Numbers,
    silent: Numbers,
    power: SupportsFloat,
    out: Float32 | None = None,
) -> Float32:
    """How likely measurements are where a radio map shows each code (LocUNet, SPEC 3.13).

    Where p was received, ``power`` times the log of ``outliers + narrow N(p; mean_db, sigma_db) +
    wide N(p; mean_db, tail_factor sigma_db)``, else ``power silent``. A code is an index of the
    model's arrays: a level of the map, or a level and what else tells pixels apart.

    Args:
        measured_db: (K,) path loss, -10000 to 10000 dB, at least one; NaN = not received.
        mean_db: (codes,) -10000 to 10000.
        sigma_db: (codes,) 0.001 to 10000.
        tail_factor: (codes,) how much wider the second normal is, 0.001 to 1000.
        narrow, wide: (codes,) shares of the two, 0 to 1.
        outliers: (codes,) density of what may be anywhere, per dB, 1e-20 to 1000000.
        silent: (codes,) log-likelihood of receiving nothing, -10000 to 10000.
        power: above 0, at most 1000000; tempers measurements that do not err independently.
        out: where to write, (K, codes).

    Returns:
        (K, codes) float32, the tables of ``level_sums``; for power 1 within 1e-5 + 1e-5 |value|.
    """
    return _core.level_likelihoods(
        measured_db, mean_db, sigma_db, tail_factor, narrow, wide, outliers, silent, power, out
    )


def level_sums(
    maps: npt.NDArray[np.uint16], tables: Numbers, out: Float32 | None = None
) -> Float32:
    """How probable the cells of radio maps are (LocUNet, SPEC 3.13).

    ``sums[c] = sum over m of tables[m, maps[m, c]]``, added in the order of the maps.

    Args:
        maps: (M, cells) levels below L, uint16, C-contiguous and aligned; other arrays are
            refused, not converted. No other thread may write them during the call.
        tables: (M, L), L = 2 to 65536, finite: the log-likelihood of one measurement for every
            level.
        out: where to write, (cells,).

    Returns:
        (cells,) float32.
    """
    return _core.level_sums(maps, tables, out)


def path_loss_pdf(
    ap_xy_m: Numbers,
    rssi_dbm: Numbers,
    weight: Numbers,
    extra_loss_db: Numbers,
    reference_dbm: SupportsFloat,
    exponent: SupportsFloat,
    sigma_db: SupportsFloat,
    offset_sigma_db: SupportsFloat,
    silence_dbm: SupportsFloat,
    origin_m: Pair,
    pitch_m: SupportsFloat,
    shape: tuple[int, int],
    out: Float32 | None = None,
) -> Float32:
    """Where a scan was taken, by log-distance path loss (SPEC 5.11).

    An AP is expected at ``reference_dbm - 10 exponent log10(max(d, 1)) - extra_loss_db``, d being
    metres over the floor. With residuals r of the heard APs, ``W = Σ weight`` and
    ``K = (sigma_db / offset_sigma_db)²`` the density's log is ``-(Σ weight r² - (Σ weight r)² /
    (W + K)) / (2 sigma_db²)``, plus for every AP that was not heard ``weight log Φ((silence_dbm -
    expected) / sigma_db)``. The offset, alike for all levels of the scan, is integrated out.

    Args:
        ap_xy_m: (APs, 2), at least one AP; float64 is kept.
        rssi_dbm: (APs,) levels, -10000 to 10000 dBm; NaN = not heard.
        weight: (APs,) power of each AP's likelihood, 0 (left out) to 1000000; without any weight
            every place is as likely.
        extra_loss_db: (APs,) loss of the floors between, 0 to 10000.
        reference_dbm: level at 1 m.
        exponent: of path loss, above 0, at most 100.
        sigma_db: deviation of one level, 0.001 to 10000.
        offset_sigma_db: deviation of the offset of all levels, 0 (none) to 10000.
        silence_dbm: level below which an AP is not heard.
        origin_m, pitch_m, shape, out: the grid, as in ``rank_pdf``.

    Returns:
        (H, W) float32 in [0, 1] with maximum 1; no cell is off by more than 1e-4.
    """
    return _core.path_loss_pdf(
        ap_xy_m, rssi_dbm, weight, extra_loss_db, reference_dbm, exponent, sigma_db,
        offset_sigma_db, silence_dbm, origin_m, pitch_m, shape, out,
    )  # fmt: skip


def rank_pdf(
    ap_xy_m: Numbers,
    ranks: Numbers,
    mean_m: Numbers,
    sigma_m: Numbers,
    origin_m: Pair,
    pitch_m: SupportsFloat,
    shape: tuple[int, int],
    combine: Combine = "sum",
    out: Float32 | None = None,
) -> Float32:
    """Where a scan was taken, from the ranks of its APs' signal strengths (Hapi, eq. 14, SPEC 5.5).

    Each AP gives the density ``N(distance to the AP; mean_m[rank], sigma_m[rank])``.

    Args:
        ap_xy_m: (APs, 2), at least one AP; float64 is kept.
        ranks: (APs,) integers, indices of the rank table.
        mean_m: (ranks,) mean distance of each rank, 0 or more.
        sigma_m: (ranks,) standard deviation of each rank, greater than 0.
        origin_m: centre (x, y) of cell (0, 0).
        pitch_m: side of a cell; the centre of cell (row, column) is origin + (column, row) · pitch.
        shape: (H, W), rows (y) and columns (x).
        combine: ``sum`` mixes the densities, ``product`` multiplies them in the log domain,
            ``tempered`` is the product to the power 1 / APs.
        out: where to write, (H, W).

    Returns:
        (H, W) float32 in [0, 1] with maximum 1; no cell is off by more than 1e-5.
    """
    return _core.rank_pdf(ap_xy_m, ranks, mean_m, sigma_m, origin_m, pitch_m, shape, combine, out)


def threshold_centroid(
    pdf: Numbers, origin_m: Pair, pitch_m: SupportsFloat, threshold: SupportsFloat
) -> tuple[float, float, float]:
    """Centre of mass of the cells with ``pdf >= threshold``, weighted by pdf (SPEC 5.5, step 4).

    Args:
        pdf: (H, W), finite, 0 or more, with maximum 1 as ``rank_pdf`` gives it.
        origin_m: centre (x, y) of cell (0, 0).
        pitch_m: side of a cell.
        threshold: above 0, at most 1; at least one cell must reach it.

    Returns:
        x_m, y_m and the area of the cells counted in m².
    """
    return _core.threshold_centroid(pdf, origin_m, pitch_m, threshold)


def weighted_knn(
    database: Numbers, query: Numbers, k: int, metric: Metric = "l2"
) -> tuple[npt.NDArray[np.int64], Float32]:
    """The k rows of the database nearest to each query.

    NaN on either side is an unknown AP and is not compared. Distances over the ``known`` columns
    are scaled to all N: l1 = N/known · Σ|a-b|, l2 = √(N/known · Σ(a-b)²);
    sorensen = Σ|a-b| / Σ|a+b| is a ratio already (0/0 counts as 0). Where nothing can be compared
    the distance is +inf.

    Args:
        database: (M, N); NaN allowed, infinities not.
        query: (B, N), or (N,) as a batch of one; NaN allowed, infinities not.
        k: 1 to M.
        metric: ``l1``, ``l2`` or ``sorensen``.

    Returns:
        indices (B, k) int64 and distances (B, k) float32, nearest first, equal distances by lower
        row; never NaN.
    """
    return _core.weighted_knn(database, query, k, metric)
