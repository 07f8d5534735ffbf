"""Epochs of a fit under the eyes of held-out scans: the best one's weights are kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import nn

from training.cells import Cells
from training.decode import decode, softmax
from training.knn import FLOOR_PENALTY_M
from training.progress import steps
from training.survey import Survey


class Scores(Protocol):
    """A fit that can be asked: ``logits`` takes what ``Watched.inputs`` holds and gives (V, G)."""

    def logits(self, inputs: NDArray[np.float32], /) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Watched:
    """Held-out scans: inputs (V, ...) as the fit takes them, their truth and weights (V,)."""

    inputs: NDArray[np.float32]
    truth: Survey
    weight: NDArray[np.float64]

    def error_m(self, fitting: Scores, cells: Cells, estimate: str) -> float:
        """Weighted mean error, metres: what a user sees. The cross-entropy would judge scans on
        spots without a cell, where no class is right."""
        probability = softmax(fitting.logits(self.inputs), 1.0)
        found = decode(probability, cells.xy_m, cells.floor, estimate)
        error = np.linalg.norm(found.xy_m - self.truth.xy_m, axis=1)
        error = error + FLOOR_PENALTY_M * (found.floor != self.truth.floor)
        return float(np.average(error, weights=self.weight))


# An epoch and the network's weights after it.
Best: TypeAlias = tuple[int, dict[str, Any]]


class Keeper(Protocol):
    """Keeps a fit that may be interrupted: ``load`` gives the epochs done and the best so far (and
    puts everything else back), ``save`` is called after every epoch."""

    def load(self) -> tuple[int, Best | None]: ...

    def save(self, epoch: int, best: Best | None) -> None: ...


def run_epochs(
    network: nn.Module,
    one: Callable[[int], None],
    error_m: Callable[[], float] | None,
    history: list[float],
    epochs: int,
    patience: int,
    title: str,
    progress: bool,
    keeper: Keeper | None = None,
) -> int:
    """Call ``one`` for epochs 1, 2, ...; returns the epoch that the network's weights stem from.

    After every epoch ``error_m`` is asked and its answer joins ``history``. The weights of the
    best epoch are put back at the end; ``patience`` epochs without a better one end the fit. With
    ``error_m`` None all epochs are run and the last one counts. The network ends in eval mode.
    With a ``keeper`` the fit goes on from the epoch that it has kept.
    """
    best: Best | None = None
    done = 0
    if keeper is not None:
        done, best = keeper.load()
    least = np.inf if best is None else history[best[0] - 1]
    with steps(title, epochs, progress) as advance:
        for _ in range(done):
            advance()
        for epoch in range(done + 1, epochs + 1):
            network.train()
            one(epoch)
            done = epoch
            if error_m is None:
                advance()
                continue
            error = error_m()
            history.append(error)
            advance(f"held out {error:.2f} m")
            if error < least:
                least, best = error, (epoch, copy.deepcopy(network.state_dict()))
            if keeper is not None:
                keeper.save(epoch, best)
            if best is not None and epoch - best[0] >= patience:
                break
    if best is not None:
        done = best[0]
        network.load_state_dict(best[1])
    network.eval()
    return done
