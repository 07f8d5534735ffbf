"""The parts of an iToLoc bundle: one model for the three modules and the mean of their answers."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.conversion import (
    SCORES,
    KeptFloat,
    described,
    model_files,
    two_attempts,
)
from export.errors import ExportError
from export.neighbours import neighbour_members, neighbour_output
from export.parts import Attempt, Parts, places
from sdk.fingerprint import ApTable
from training.fusion import Fusion
from training.itoloc import load_network
from training.itoloc_answer import probability
from training.itoloc_cotraining import MODULES
from training.itoloc_fitting import scores
from training.networks.itoloc import ItolocNet, agreement, log_mean
from training.run import Run

# litert-torch names tensors after the module that made them, the last one after the output.
_MEAN_PATTERNS = (".*Together.*", ".*output_[01].*")
_AGREEMENT = "agreement"
_HEADS_PATTERN = r".*linear\.Linear.*"


class Together(nn.Module):
    """A module of its own, so that its tensors can be told by name."""

    def forward(self, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor]:
        logits = torch.stack((first, second, third), dim=1)
        return log_mean(logits), agreement(logits).reshape(-1, 1, 1)


class _Graph(nn.Module):
    """What the device runs: the log of the mean of three softmaxes, so that the positioner's own
    softmax over it gives the mean back, and the agreement of the three."""

    def __init__(self, network: ItolocNet) -> None:
        super().__init__()
        self.network, self.together = network, Together()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.together(*self.network(x))
        return found


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The ways to make the parts: for int8, then with float32 heads, then only the dense layers.

    In the third no calibration scans settle anything: what a dense layer reads is rounded by the
    range of each scan in ONNX, not at all in TFLite, and convolutions stay float32.
    """
    yield from two_attempts(_parts, run, formats, precision)
    if precision == "int8":
        yield partial(_parts, run, formats, precision, float_head=False, dense_alone=True)


def mask(run: Run) -> NDArray[np.bool_]:
    """(N,) the access points that an update has masked."""
    return ApTable(run.bssids, run.merge_virtual_aps).mask(run.unknown)  # type: ignore[arg-type]


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place probabilities (B, G) of the fp32 checkpoint, in PyTorch; fused where the run is."""
    return probability(run, load_network(run), rssi_dbm, mask(run))


def checkpoint_agreement(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """How alike its three modules see scans (B, N): (B,) in 0..1."""
    alike = scores(load_network(run), run.input_recipe, rssi_dbm, mask(run), "agreement")
    return np.clip(alike[:, 0].astype(np.float64), 0.0, 1.0)


def _parts(
    run: Run,
    formats: Sequence[str],
    precision: str,
    *,
    float_head: bool,
    dense_alone: bool = False,
) -> Parts:
    network = load_network(run)
    if len(network.predictors) != MODULES:
        raise ExportError(f"the run has {len(network.predictors)} modules, expected {MODULES}")
    graph = _Graph(network).eval()
    recipe = run.input_recipe
    # Logarithms of small probabilities have no room in 8 bits.
    patterns = [*_MEAN_PATTERNS, *([_HEADS_PATTERN] if float_head else [])]
    members = model_files(
        graph, recipe.shape(len(run.bssids)), (SCORES, _AGREEMENT),
        recipe.images(run.arrays["calibration_rssi_dbm"], mask(run)), formats, precision,
        KeptFloat(partial(_around_heads, before=float_head), patterns), dense_alone,
    )  # fmt: skip
    place_members, place_names = places(run)
    output = {
        "positioner": "cells",
        "estimate": run.estimate,
        "places": place_names,
        "scores": SCORES,
        "agreement": _AGREEMENT,
        "temperature": run.temperature,
    }
    if run.neighbours is not None:
        fusion = Fusion.from_json(run.neighbours)
        members |= neighbour_members(run)
        output["fusion"] = {
            **neighbour_output(run, fusion.rule), "power": fusion.power, "least": fusion.least,
        }  # fmt: skip
    form = "int8, dense layers alone" if dense_alone else described(precision, float_head)
    note = f"three modules, {form}"
    return Parts({**members, **place_members}, recipe.to_json(), output, precision, note)


def _around_heads(model: bytes, *, before: bool) -> list[str]:
    """The tensors that the three heads read, or those that they write."""
    heads = [n for n in onnx.load_model_from_string(model).graph.node if n.op_type == "Gemm"]
    assert len(heads) == MODULES, [n.name for n in heads]
    return [str(n.input[0] if before else n.output[0]) for n in heads]
