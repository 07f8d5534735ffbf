"""Kernels of LocUNet's posterior: five maps of 64 x 64 cells in eight classes of 256 levels."""

from __future__ import annotations

import numpy as np
from native_comparison import F32, RNG, Comparison, dbm

from sdk import native

MAPS, CELLS, CODES, STEPS = 5, 64 * 64, 8 * 256, 10


def level_likelihoods() -> Comparison:
    measured, mean = dbm(MAPS), dbm(CODES)
    sigma, factor, share, outliers, silent = (
        np.full(CODES, value, F32) for value in (4, 2, 0.5, 1e-5, -5)
    )
    out = np.empty((MAPS, CODES), F32)
    # What numpy is given beforehand the kernel computes each time.
    slope = np.sqrt(F32(0.5)) / sigma
    tail_slope = slope / factor
    height = share / (np.sqrt(F32(2 * np.pi)) * sigma)
    tail_height = height / factor
    off, density, total = (np.empty((MAPS, CODES), F32) for _ in range(3))

    def numpy_form() -> np.ndarray:
        np.subtract(measured[:, None], mean, out=off)
        total[:] = outliers
        for narrow, high in ((slope, height), (tail_slope, tail_height)):
            np.multiply(off, narrow, out=density)
            np.square(density, out=density)
            np.negative(density, out=density)
            np.exp(density, out=density)
            np.multiply(density, high, out=density)
            np.add(total, density, out=total)
        np.log(total, out=total)
        return np.multiply(total, F32(0.9), out=total)

    def ours() -> np.ndarray:
        return native.level_likelihoods(
            measured, mean, sigma, factor, share, share, outliers, silent, 0.9, out
        )

    assert np.allclose(ours(), numpy_form(), rtol=1e-4, atol=1e-4)
    return Comparison(
        f"level_likelihoods, {MAPS} measured, {CODES} codes",
        "level_likelihoods",
        ours,
        {"numpy float32, the model prepared before": numpy_form},
    )


def level_sums() -> Comparison:
    maps = (np.arange(MAPS * CELLS) * 37 % CODES).astype(np.uint16).reshape(MAPS, CELLS)
    tables, out = dbm(MAPS, CODES), np.empty(CELLS, F32)
    index, part = maps.astype(np.intp), np.empty(CELLS, F32)

    def numpy_form() -> np.ndarray:
        total = tables[0].take(index[0], mode="wrap")
        for table, at in zip(tables[1:], index[1:], strict=True):
            total += table.take(at, out=part, mode="wrap")
        return total

    assert np.allclose(native.level_sums(maps, tables), numpy_form())
    return Comparison(
        f"level_sums, {MAPS} maps of {CELLS} cells, {CODES} levels",
        "level_sums",
        lambda: native.level_sums(maps, tables, out),
        {"numpy take, levels as intp": numpy_form},
    )


def geometric_median() -> Comparison:
    row, column = np.divmod(np.arange(CELLS), 64)
    x, y = 4.0 * column, 4.0 * row
    weight = np.exp(-np.hypot(x - 80, y - 150) / 20) * RNG.uniform(0.5, 1, CELLS)
    dx, dy, near = (np.empty(CELLS) for _ in range(3))

    def numpy_form() -> tuple[float, float]:
        at = 128.0, 128.0
        for _ in range(STEPS):
            np.square(np.subtract(x, at[0], out=dx), out=dx)
            np.square(np.subtract(y, at[1], out=dy), out=dy)
            np.add(dx, dy, out=near)
            np.add(near, 1.0, out=near)
            np.divide(weight, np.sqrt(near, out=near), out=near)
            total = near.sum()
            at = near.dot(x) / total, near.dot(y) / total
        return at

    def ours() -> tuple[float, float]:
        return native.geometric_median(x, y, weight, (128.0, 128.0), 1.0, STEPS)

    assert np.allclose(ours(), numpy_form())
    return Comparison(
        f"geometric_median, {CELLS} places, {STEPS} steps",
        "geometric_median",
        ours,
        {"numpy": numpy_form},
    )
