"""Kernels that work on a floor and its access points: densities, centroid, floor features."""

from __future__ import annotations

import numpy as np
from native_comparison import APS, F32, PITCH_M, SIDE, Comparison, dbm, scattered_aps
from path_loss import PathLossScan

from sdk import native

# SPEC 5.5, very weak to very strong, on a floor of 100 m x 100 m.
MEAN_M = np.array([37.5, 31.6, 19.8, 11.4, 5.9, 2.7])
SIGMA_M = np.array([9.8, 10.3, 8.5, 6.0, 3.3, 1.6])


class NumpyRankPdf:
    """float32, in place, coordinates scaled so that a density costs seven passes."""

    def __init__(self, places: np.ndarray, ranks: np.ndarray, sigma_m: np.ndarray) -> None:
        self.places, self.ranks = places.astype(F32), ranks
        self.axis = (np.arange(SIDE) * PITCH_M).astype(F32)
        self.scale = (np.sqrt(0.5) / sigma_m).astype(F32)
        self.centre = (self.scale * MEAN_M).astype(F32)
        self.log_weight = np.log(sigma_m.min() / sigma_m).astype(F32)
        # Beyond this an AP's density is below 2.5e-8 of the largest, as in the kernel.
        reach_m = MEAN_M + sigma_m * np.sqrt(2 * (self.log_weight + np.log(APS / 1e-6)))
        first = np.floor((places - reach_m[ranks][:, None]) / PITCH_M).astype(int)
        last = np.ceil((places + reach_m[ranks][:, None]) / PITCH_M).astype(int) + 1
        self.box = np.clip(first, 0, SIDE), np.clip(last, 0, SIDE)
        self.term = np.empty(SIDE * SIDE, F32)
        self.pdf = np.empty((SIDE, SIDE), F32)
        scaled = self.scale[ranks][:, None, None]
        dx = self.axis - self.places[:, 0, None, None]
        dy = self.axis[:, None] - self.places[:, 1, None, None]
        self.distance = scaled * np.hypot(dx, dy)

    def whole_grid(self) -> np.ndarray:
        return self.add(range(APS), np.zeros((APS, 2), int), np.full((APS, 2), SIDE))

    def boxes(self) -> np.ndarray:
        return self.add(range(APS), *self.box)

    def add(self, aps: range, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        self.pdf[:] = 0
        for i in aps:
            rank = self.ranks[i]
            (x0, y0), (x1, y1) = first[i], last[i]
            dx = (self.axis[x0:x1] - self.places[i, 0]) * self.scale[rank]
            dy = (self.axis[y0:y1] - self.places[i, 1]) * self.scale[rank]
            term = self.term[: len(dx) * len(dy)].reshape(len(dy), len(dx))
            np.add((dy * dy)[:, None], dx * dx, out=term)
            np.sqrt(term, out=term)
            self.add_density(term, term, rank, self.pdf[y0:y1, x0:x1])
        return np.divide(self.pdf, self.pdf.max(), out=self.pdf)

    def distances_known(self) -> np.ndarray:
        self.pdf[:] = 0
        term = self.term.reshape(SIDE, SIDE)
        for i in range(APS):
            self.add_density(self.distance[i], term, self.ranks[i], self.pdf)
        return np.divide(self.pdf, self.pdf.max(), out=self.pdf)

    def add_density(self, d: np.ndarray, term: np.ndarray, rank: int, pdf: np.ndarray) -> None:
        np.subtract(d, self.centre[rank], out=term)
        np.square(term, out=term)
        np.subtract(self.log_weight[rank], term, out=term)
        np.exp(term, out=term)
        np.add(pdf, term, out=pdf)


def rank_pdf(kind: str) -> Comparison:
    places, ranks = scattered_aps()
    sigma_m = np.full(6, 1000.0) if kind == "nothing_to_skip" else SIGMA_M
    combine = "sum" if kind == "nothing_to_skip" else kind
    out = np.empty((SIDE, SIDE), F32)
    peer = NumpyRankPdf(places, ranks, sigma_m)
    total = np.empty((SIDE, SIDE), F32)
    term = np.empty((SIDE, SIDE), F32)

    def product() -> np.ndarray:
        total[:] = 0
        for i in range(APS):
            rank = ranks[i]
            dx = (peer.axis - peer.places[i, 0]) * peer.scale[rank]
            dy = (peer.axis - peer.places[i, 1]) * peer.scale[rank]
            np.add((dy * dy)[:, None], dx * dx, out=term)
            np.sqrt(term, out=term)
            np.subtract(term, peer.centre[rank], out=term)
            np.square(term, out=term)
            np.subtract(total, term, out=total)
        if combine == "tempered":
            np.multiply(total, F32(1 / APS), out=total)
        np.subtract(total, total.max(), out=total)
        return np.exp(total, out=total)

    peers = {"numpy float32, whole grid": peer.whole_grid}
    if combine == "sum":
        peers["numpy float32, boxes around the rings"] = peer.boxes
        peers["numpy float32, all distances known before"] = peer.distances_known
    else:
        peers = {"numpy float32": product}
    label = "sum, nothing to skip" if kind == "nothing_to_skip" else kind
    return Comparison(
        f"rank_pdf, {label}, {APS} APs, {SIDE} x {SIDE}",
        f"rank_pdf_{kind}",
        lambda: native.rank_pdf(
            places, ranks, MEAN_M, sigma_m, (0.0, 0.0), PITCH_M, (SIDE, SIDE), combine, out
        ),
        peers,
        target=10 if kind == "sum" else None,
    )


def path_loss_pdf() -> Comparison:
    scan = PathLossScan()
    return Comparison(
        "path_loss_pdf, 8 of 40 APs heard, 80 x 120",
        "path_loss_pdf",
        scan.ours,
        {"numpy float32 and scipy's log_ndtr, all distances known before": scan.numpy_form},
    )


def threshold_centroid() -> Comparison:
    places, ranks = scattered_aps()
    pdf = native.rank_pdf(places, ranks, MEAN_M, SIGMA_M, (0, 0), PITCH_M, (SIDE, SIDE))

    def numpy_form() -> tuple[float, float, float]:
        inside = np.flatnonzero(pdf >= F32(0.85))
        weight = pdf.ravel()[inside]
        row, column = np.divmod(inside, SIDE)
        mass = weight.sum()
        return weight @ column / mass, weight @ row / mass, len(inside) * PITCH_M**2

    return Comparison(
        f"threshold_centroid, {SIDE} x {SIDE}",
        "threshold_centroid",
        lambda: native.threshold_centroid(pdf, (0.0, 0.0), PITCH_M, 0.85),
        {"numpy": numpy_form},
    )


def floor_features() -> Comparison:
    n, floors, span = 4 * APS, 8, 4
    turns = np.outer(np.arange(n) + 1, [0.7548776662, 0.5698402910])
    xy, floor = turns % 1 * SIDE * PITCH_M, np.arange(n) // 20
    rssi = dbm(n)
    rssi[np.arange(n) % 4 != 0] = np.nan
    on_floor = [np.flatnonzero(floor == f) for f in range(floors)]

    def pairs(places: np.ndarray) -> float:
        x, y = places[:, 0], places[:, 1]
        dx, dy = x[:, None] - x, y[:, None] - y
        return float(np.sqrt((dx * dx + dy * dy).max())) if len(places) else 0.0

    def numpy_form() -> tuple[int, np.ndarray]:
        heard = ~np.isnan(rssi)
        over = np.where(heard, np.maximum(rssi + 100, 0), 0)
        sums = np.bincount(floor, over, floors)
        totals = np.convolve(sums, np.ones(span), "valid")
        middle = np.arange(floors - span + 1) + (span - 1) / 2
        start = int(np.lexsort((np.abs(middle - floor[over.argmax()]), -totals))[0])
        mine = heard & (floor >= start) & (floor < start + span)
        weight = 10 ** (over[mine] / 20)
        centre = weight @ xy[mine] / weight.sum()
        away = np.hypot(*(xy - centre).T)
        radii = (30.0, 80.0, pairs(xy[mine]))
        out = np.empty((span, 8), F32)
        for k in range(span):
            aps = on_floor[start + k]
            some = aps[heard[aps]]
            level = over[some]
            if len(some):
                out[k, :4] = len(some), level.max() - 100, level.mean() - 100, level.var()
            else:
                out[k, :4] = 0, -100, -100, 0
            for r, radius in enumerate(radii):
                near = aps[away[aps] <= radius]
                out[k, 4 + r] = over[near].mean() - 100 if len(near) else -100
            out[k, 7] = pairs(xy[some])
        return start, out

    ours = native.floor_features(rssi, xy, floor, floors)
    start, expected = numpy_form()
    assert int(ours[0]) == start
    assert np.allclose(ours[1], expected, atol=1e-3)
    floor = floor.astype(np.int32)
    return Comparison(
        f"floor_features, {n} APs on {floors} floors, {n // 4} heard",
        "floor_features",
        lambda: native.floor_features(rssi, xy, floor, floors),
        {"numpy": numpy_form},
    )
