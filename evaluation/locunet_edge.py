"""What a fix costs and how far it is off, int8 networks of LocUNet and the paper's kNN beside each
other in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.locunet_models import Asked, learned_model
from evaluation.locunet_study import CHOSEN_PER_MAP
from export.conversion import SCORES, model_files
from export.locunet import PerPixel
from sdk import native
from sdk.fingerprint import Fingerprint
from sdk.heatmap_rules import HeatmapRules
from sdk.places import Places
from sdk.positioners.heatmap import Heatmap
from sdk.runtimes import ModelShape, open_runtime
from training.heatmap_inputs import correction_inputs, in_slots, locunet_images
from training.heatmap_model import HeatmapModel, network_of
from training.radio_knn import RadioKnn, best_k
from training.radio_likelihood import prior
from training.radio_site import Site, allowed, site_of
from training.radio_worlds import drawn

SCENARIO = "robust"
LEARNED = ("posterior", "edge", "residual", "LocUNet quarter width")
# Its time alone: there was no machine to train it on.
FULL, FULL_WIDTH = "LocUNet full width, untrained", 1.0
KNN = "kNN"
# A scan's levels (5,) dBm to a place.
Locate: TypeAlias = Callable[[NDArray[np.float32]], tuple[float, float]]
_RUNTIMES = {"onnxruntime": ("onnx", "onnx"), "LiteRT": ("tflite", "tflite")}
_CALIBRATION, _USERS = 32, 8
_NAMES = tuple(f"aa:bb:cc:00:00:{i:02x}" for i in range(5))


@dataclass
class _Candidate:
    model: HeatmapModel
    scores: Any = None
    size: int = 0


def edge_study(asked: Asked) -> dict[str, Any]:
    """Mean error m over some users of every test map, ms per fix (median, all stages, one thread,
    the networks by turns) and size of the file, of every network in every runtime."""
    found: dict[str, Any] = {}
    models = {name: learned_model(asked, name, SCENARIO, 0)[0] for name in LEARNED}
    side = asked.worlds("test", SCENARIO).side
    wide = network_of("locunet", side, FULL_WIDTH, "leaky_relu")
    worlds = asked.worlds("train", SCENARIO)
    k = best_k(RadioKnn(1), worlds, drawn(worlds, CHOSEN_PER_MAP, 0))
    models[FULL] = replace(models[LEARNED[-1]], network=wide)
    for runtime, (form, choice) in _RUNTIMES.items():
        candidates = {
            name: _candidate(asked, model, form, choice) for name, model in models.items()
        }
        found[runtime] = _measured(asked, candidates, k)
    return {
        "method": "edge", "scenario": SCENARIO, "seed": 0, "edge": found, "users": _USERS,
        "city": asked.city.brief,
        "test_maps": len(asked.city.split("test")), "per_map": asked.per_map,
    }  # fmt: skip


def _candidate(asked: Asked, model: HeatmapModel, form: str, choice: str) -> _Candidate:
    if model.network is None:
        return _Candidate(model)
    worlds = asked.worlds("train", SCENARIO)
    samples = in_slots(worlds, drawn(worlds, 1, 0).part(slice(_CALIBRATION)))
    with torch.inference_mode():
        images = (
            locunet_images(worlds, samples) if model.kind == "locunet" else
            correction_inputs(worlds, samples, model.likelihood, prior(worlds, model.box))[0]
        ).numpy()  # fmt: skip
    shape = (1, *images.shape[1:])
    graph = PerPixel(model.network).eval()
    files = model_files(graph, shape, (SCORES,), images, (form,), "int8", None)
    loaded = open_runtime(choice, files, ModelShape(shape, worlds.side**2, None, SCORES, None), 1)
    return _Candidate(model, loaded.scores, sum(map(len, files.values())))


def _measured(asked: Asked, candidates: dict[str, _Candidate], k: int) -> dict[str, Any]:
    numbers = asked.city.split("test")
    sizes = {KNN: 0} | {name: one.size for name, one in candidates.items()}
    errors: dict[str, list[float]] = {name: [] for name in sizes}
    spent: dict[str, list[float]] = {name: [] for name in sizes}
    for at, number in enumerate(numbers):
        site = site_of(asked.city, number, SCENARIO, bssids=_NAMES)
        heard = np.flatnonzero(np.isfinite(site.users_dbm).any(axis=1))
        users = np.random.default_rng(at).permutation(heard)[:_USERS]
        locators = {KNN: _knn(site, k)} | {n: _locator(site, c) for n, c in candidates.items()}
        for user in users:
            for name, locate in locators.items():
                begin = time.perf_counter()
                x_m, y_m = locate(site.users_dbm[user])
                spent[name].append(time.perf_counter() - begin)
                truth = site.users_xy_m[user]
                errors[name].append(float(np.hypot(x_m - truth[0], y_m - truth[1])))
        if at == 0:
            # What the first fixes load is no fix's price.
            spent = {name: [] for name in sizes}
    return {
        name: {
            "ms": round(1e3 * float(np.median(spent[name])), 3),
            "mean_m": None if name == FULL else round(float(np.mean(errors[name])), 3),
            "kb": round(size / 1e3, 1), "n": len(errors[name]),
        }
        for name, size in sizes.items()
    }  # fmt: skip


def _knn(site: Site, k: int) -> Locate:
    """The mean of the ``k`` pixels nearest in gray values, by the native core (SPEC 3.8)."""
    database = np.ascontiguousarray(
        site.maps.reshape(len(site.maps), -1).T.astype(np.float32) / np.float32(255)
    )
    pixel = np.arange(len(database))
    xy_m = (np.stack(np.divmod(pixel, site.maps.shape[2])[::-1], axis=1) + 0.5) * site.pitch_m
    power = np.array(site.power_dbm, dtype=np.float32)

    def locate(rssi_dbm: NDArray[np.float32]) -> tuple[float, float]:
        loss = rssi_dbm - power
        loss[loss < site.gray.noise_floor_db] = np.nan
        nearest, _ = native.weighted_knn(database, site.gray.share(loss)[None], k, "l2")
        x_m, y_m = xy_m[nearest[0]].mean(axis=0).tolist()
        return x_m, y_m

    return locate


def _locator(site: Site, one: _Candidate) -> Locate:
    heatmap = _positioner(site, one)

    def locate(rssi_dbm: NDArray[np.float32]) -> tuple[float, float]:
        scan = _fingerprint(rssi_dbm)
        posterior = heatmap.decode(heatmap.invoke(heatmap.prepare(scan)))
        x_m, y_m, _ = posterior.point(one.model.estimate)
        return x_m, y_m

    return locate


def _fingerprint(rssi_dbm: NDArray[np.float32]) -> Fingerprint:
    heard = int(np.isfinite(rssi_dbm).sum())
    return Fingerprint(rssi_dbm, np.zeros(len(rssi_dbm), dtype=np.bool_), heard, heard, heard)


def _positioner(site: Site, one: _Candidate) -> Heatmap:
    """The device's positioner of a site."""
    gray, shape = site.gray, list(site.outdoors.shape)
    levels = {"low_db": gray.low_db, "high_db": gray.high_db}
    network = None
    if one.model.network is not None:
        trained = {"shape": shape, "pitch_m": site.pitch_m, **levels}
        network = {"kind": one.model.kind, "scores": SCORES, "trained_for": trained}
    rules = HeatmapRules.from_json({
        "grid": {"floor": 0, "origin_m": [site.pitch_m / 2] * 2, "shape": shape},
        "path_loss": {**levels, "noise_floor_db": gray.noise_floor_db},
        "transmit_power_dbm": list(site.power_dbm),
        "likelihood": one.model.likelihood.to_json(), "network": network, "temperature": 1.0,
    })  # fmt: skip
    whole = one.model.kind == "locunet"
    row, column = np.nonzero(np.ones(shape) if whole else allowed(site, one.model.box))
    places = Places(
        (column + 0.5) * site.pitch_m, (row + 0.5) * site.pitch_m,
        np.zeros(len(row), dtype=np.int32), site.pitch_m,
    )  # fmt: skip
    return Heatmap(rules, places, site.maps, site.outdoors, site.xy_m, one.scores)
