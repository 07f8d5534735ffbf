"""The parts of a LocUNet bundle: radio maps, likelihood and, where there is one, the network.

The network gives values per pixel; softmax and centre of mass stand outside it, in float64 on the
device: in 8 bits a softmax over thousands of pixels is 0 everywhere.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.bundle import npy_bytes
from export.conversion import SCORES, KeptFloat, model_files, two_attempts
from export.hapi import most_golden
from export.parts import Attempt, OnDemand, Parts, places
from sdk.errors import RssfixError
from sdk.fingerprint import Fingerprint
from sdk.heatmap_rules import HeatmapRules
from sdk.places import Places
from sdk.positioners.heatmap import Heatmap, Prepared
from training.locunet import load_model
from training.run import Run, RunError

_CALIBRATION_ROWS = 64
# Of an int8 network these last convolutions stay float32 where 8 bits lose too much.
_FLOAT_LAYERS = 2


class PerPixel(nn.Module):
    """The network with its map as a row, (1, C, S, S) -> (1, S S)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images).flatten(1)


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The ways to make the parts: for int8, then with the last layers in float32."""
    if run.network is None:
        return iter([partial(_assembled, run, {}, "fp32", "native likelihood, no model file")])
    return two_attempts(_parts, run, formats, precision)


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> OnDemand:
    """Place probabilities (B, G) of the fp32 checkpoint, computed when they are asked for."""
    heatmap = heatmap_of_run(run)

    def probability(row: int) -> NDArray[np.float64]:
        scan = _fingerprint(rssi_dbm[row])
        return heatmap.decode(heatmap.invoke(heatmap.prepare(scan))).probability

    few = min(most_golden(len(heatmap.places)), len(rssi_dbm))
    golden = np.linspace(0, len(rssi_dbm) - 1, few).round().astype(np.int64)
    return OnDemand(probability, len(rssi_dbm), golden)


def heatmap_of_run(run: Run) -> Heatmap:
    """The device's own positioner over a run, its network in PyTorch.

    Raises RunError where the run's rules and arrays do not fit together.
    """
    network = load_model(run).network

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        assert network is not None
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy().reshape(-1)

    try:
        xy_m, floor = run.arrays["places_xy_m"], run.arrays["places_floor"]
        return Heatmap(
            HeatmapRules.from_json(run.heatmap, "run.heatmap"),
            Places(xy_m[:, 0], xy_m[:, 1], floor, run.pitch_m),
            run.arrays["radio_maps"],
            run.arrays["outdoors"] != 0,
            run.arrays["transmitter_xy_m"],
            None if network is None else scores,
        )
    except KeyError as error:
        raise RunError(f"this locunet run has no array {error}") from None
    except (ValueError, RssfixError) as error:
        raise RunError(f"the rules of this run do not fit: {error}") from None


def network_inputs(run: Run, rows: int = _CALIBRATION_ROWS) -> NDArray[np.float32]:
    """The network's inputs (B, C, S, S) for the first calibration rows."""
    heatmap = heatmap_of_run(run)
    found: list[Prepared] = [
        heatmap.prepare(_fingerprint(row)) for row in run.arrays["calibration_rssi_dbm"][:rows]
    ]
    return np.concatenate([one.images for one in found if one.images is not None])


def _fingerprint(rssi_dbm: NDArray[np.float32]) -> Fingerprint:
    heard = int(np.isfinite(rssi_dbm).sum())
    return Fingerprint(rssi_dbm, np.zeros(len(rssi_dbm), dtype=np.bool_), heard, heard, heard)


def _parts(run: Run, formats: Sequence[str], precision: str, *, float_head: bool) -> Parts:
    network = load_model(run).network
    assert network is not None
    images = network_inputs(run)
    kept = None
    if float_head:
        last = len(network.body.up) - 1
        names = [f".*up.*_{layer};?.*" for layer in range(last - _FLOAT_LAYERS + 1, last + 1)]
        kept = KeptFloat(_before_last_layers, (*names, ".*output_0.*"))
    models = model_files(
        PerPixel(network).eval(), (1, *images.shape[1:]), (SCORES,), images, formats, precision,
        kept,
    )  # fmt: skip
    kind = precision
    if precision == "int8":
        kind = f"int8, the last {_FLOAT_LAYERS} layers float32" if float_head else "int8"
    return _assembled(run, models, precision, f"{run.network['kind']} network, {kind}")


def _before_last_layers(model: bytes) -> list[str]:
    """The tensors that the last convolutions of an ONNX file read."""
    nodes = onnx.load_model_from_string(model).graph.node
    layers = [node for node in nodes if node.op_type == "Conv"]
    return [str(layer.input[0]) for layer in layers[-_FLOAT_LAYERS:]]


def _assembled(run: Run, models: dict[str, bytes], precision: str, note: str) -> Parts:
    members, names = places(run)
    members["radio_maps.npy"] = npy_bytes(run.arrays["radio_maps"].astype(np.uint8))
    members["outdoors.npy"] = npy_bytes(run.arrays["outdoors"].astype(np.uint8))
    members["transmitter_xy_m.npy"] = npy_bytes(run.arrays["transmitter_xy_m"].astype(np.float64))
    assert run.heatmap is not None
    rules = dict(run.heatmap)
    if rules["network"] is not None:
        rules["network"] = {**rules["network"], "scores": SCORES}
    output = {
        "positioner": "heatmap",
        "estimate": run.estimate,
        "places": names,
        "radio_maps": {
            "levels": "radio_maps.npy", "outdoors": "outdoors.npy", "xy_m": "transmitter_xy_m.npy",
        },
        **rules,
    }  # fmt: skip
    return Parts({**models, **members}, None, output, precision, note)
