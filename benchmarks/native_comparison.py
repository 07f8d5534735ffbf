"""What a comparison of one native kernel with its peers is, and the inputs they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RNG = np.random.default_rng(1)
F32 = np.float32
APS, SIDE, PITCH_M = 40, 200, 0.5


@dataclass
class Comparison:
    """One kernel at one size: ours through Python, and what it is compared with."""

    kernel: str
    raw: str  # its name in rssfix_kernel_bench
    ours: Callable[[], Any]
    peers: dict[str, Callable[[], Any]]
    target: float | None = None  # against the first peer
    target_of: dict[str, float] = field(default_factory=dict)
    median_us: dict[str, float] = field(default_factory=dict)


def scattered_aps() -> tuple[np.ndarray, np.ndarray]:
    """Places spread evenly over the floor, the same as in kernel_bench.cpp, and ranks in turn."""
    turns = np.outer(np.arange(APS) + 1, [0.7548776662, 0.5698402910])
    return turns % 1 * SIDE * PITCH_M, (np.arange(APS) % 6).astype(np.int32)


def dbm(*shape: int) -> np.ndarray:
    return RNG.uniform(-100, -30, shape).astype(F32)
