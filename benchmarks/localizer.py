"""What the SDK itself adds around the runtime's invoke, stage by stage.

Usage: python benchmarks/localizer.py [BUNDLE ...] [--scans FILE.jsonl] [--runs 2000]

Without a bundle, made-up ones are timed: eXLoc's shape in one dimension over N = 16, 32, 64 APs and
400 cells, and 400 x N nearest neighbours; every AP is heard in every scan, the worst case for the
SDK. `parse` is Scan.from_dict, which an app calls with what it got from the system; a JSON line
costs more, because the JSON text has to be read (`json line`, not in the sum). The target: the
stages without `model` take under 60 us in the median for N <= 64.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from export.bundle import bundle_bytes, npy_bytes
from sdk import Localizer, Scan
from sdk.bench import STAGES, golden_lines, machine, measure
from sdk.bundle import Bundle
from sdk.positioners.neighbours import neighbour_weights
from sdk.readings import Readings

CELLS, CHANNELS = 400, 16
TARGET_US = 60.0


def made_up(n_aps: int, kind: str) -> bytes:
    """A bundle with random weights; its golden answers are computed with numpy."""
    rng = np.random.default_rng(n_aps)
    bssids = [f"02:00:00:00:00:{i:02x}" for i in range(n_aps)]
    xy = np.stack(np.divmod(np.arange(CELLS), 20), axis=1) + 0.5
    database = rng.uniform(-95, -40, (CELLS, n_aps)).astype(np.float32)
    golden = database[:8] + rng.normal(0, 3, (8, n_aps)).astype(np.float32)
    members = {
        "places_xy_m.npy": npy_bytes(xy.astype("<f8")),
        "places_floor.npy": npy_bytes(np.zeros(CELLS, "<i4")),
        "golden_rssi_dbm.npy": npy_bytes(golden),
    }
    places = {"xy_m": "places_xy_m.npy", "floor": "places_floor.npy", "pitch_m": 1.0}
    output: dict[str, Any] = {"positioner": kind, "estimate": "mean", "places": places}
    if kind == "cells":
        recipe = {"image": "vector", "not_heard_dbm": -100.0, "unknown_dbm": -100.0}
        recipe |= {"mean_dbm": -67.0, "std_db": 16.0}
        members["model.onnx"], answers = network(n_aps, (golden + 67) / 16, rng)
        output |= {"scores": "logits", "features": None, "temperature": 1.0, "head": None}
    else:
        recipe = None
        answers = np.zeros((8, CELLS))
        for row, answer in zip(golden, answers, strict=True):
            distance = np.sqrt(((database - row) ** 2).sum(axis=1))
            nearest = np.argsort(distance, kind="stable")[:25]
            answer[nearest] = neighbour_weights(distance[nearest], 8.0)
        start, ap, dbm = readings = Readings.of(database)
        members["database_start.npy"] = npy_bytes(start)
        members["database_ap.npy"] = npy_bytes(ap)
        members["database_dbm.npy"] = npy_bytes(dbm)
        stored = {part: f"database_{part}.npy" for part in ("start", "ap", "dbm")}
        members["place_of_row.npy"] = npy_bytes(np.arange(CELLS, dtype="<i4"))
        output |= {"database": {**stored, "kind": readings.kind}}
        output |= {"place_of_row": "place_of_row.npy", "metric": "l2"}
        output |= {"k": 25, "weight_power": 8.0}
        output |= {"value_form": {"kind": "linear", "not_heard_dbm": -100.0}}
    members["golden_probability.npy"] = npy_bytes(answers / answers.sum(axis=1, keepdims=True))
    manifest = {
        "system": "exloc" if kind == "cells" else "neighbours",
        "name": f"{kind}, {n_aps} APs",
        "precision": "fp32",
        "ap_table": {
            "bssids": bssids,
            "sha256": hashlib.sha256("\n".join(bssids).encode()).hexdigest(),
            "unknown": [],
            "merge_virtual_aps": "none",
        },
        "input": recipe,
        "output": output,
        "venue": {
            "name": "made up",
            "frame": "",
            "floors": [],
            "georeference": {"latitude": 40.0, "longitude": 0.0, "rotation_deg": 20.0},
        },
        "accuracy": {"percentile": 68, "spread_m": [0.0, 9.0], "radius_m": [1.0, 9.0]},
        "limits": {"min_matched_aps": 3, "max_age_ms": 10000, "low_confidence_m": 8.0},
        "measured": {},
        "golden": {
            "input": "golden_rssi_dbm.npy",
            "output": "golden_probability.npy",
            "tolerance": 0.02,
        },
        "provenance": {},
    }
    return bundle_bytes(manifest, members)


def network(n_aps: int, rows: np.ndarray, rng: np.random.Generator) -> tuple[bytes, np.ndarray]:
    """Convolution, ReLU and a head per (channel, AP) as ONNX, and exp(logits) of the rows."""
    from onnx import TensorProto, helper, numpy_helper

    kernel = rng.normal(0, 1, (CHANNELS, 1, 1)).astype(np.float32)
    weight = rng.normal(0, 0.1, (CELLS, CHANNELS * n_aps)).astype(np.float32)
    maps = np.maximum(kernel[:, 0, :] * rows[:, None, :], 0)
    logits = maps.reshape(len(rows), -1).astype(np.float64) @ weight.T.astype(np.float64)
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["maps"]),
        helper.make_node("Relu", ["maps"], ["features"]),
        helper.make_node("Flatten", ["features"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "made_up",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, n_aps])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, CELLS])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(weight, "weight")],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return model.SerializeToString(), np.exp(logits - logits.max(axis=1, keepdims=True))


def bundles(paths: list[str]) -> Iterator[tuple[str, str | bytes]]:
    """What to time: the given bundles, else made-up ones."""
    for path in paths:
        yield path, path
    if not paths:
        for kind in ("cells", "neighbours"):
            for n_aps in (16, 32, 64):
                yield f"{kind} {n_aps} APs", made_up(n_aps, kind)


def quietest(source: str | bytes, scans_file: str | None, runs: int, blocks: int) -> list[float]:
    """Heard APs, then the medians of the block in which the SDK was fastest."""
    if scans_file:
        with open(scans_file, encoding="utf-8") as file:
            lines = [line for line in file if line.strip()]
    else:
        lines = golden_lines(Bundle.open(source))
    scans = [Scan.from_json(line) for line in lines]
    levels = [dict(zip(s.bssids, s.rssi_dbm, strict=True)) for s in scans]
    rows = []
    with Localizer.open(source) as localizer:
        for _ in range(blocks):
            by_dict = measure(localizer, levels, 100, runs, lambda d: Scan.from_dict(d, 0))
            by_json = measure(localizer, lines, 10, runs // 4)
            times = [by_dict[stage]["p50_us"] for stage in STAGES[:-1]]
            own = by_dict["sdk"]
            rows.append([*times, own["p50_us"], own["p99_us"], by_json["parse"]["p50_us"]])
    heard = sum(map(len, scans)) / len(scans)
    return [heard, *min(rows, key=lambda row: row[-3])]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="*")
    parser.add_argument("--scans", help="JSON Lines; default the bundle's golden inputs")
    parser.add_argument("--runs", type=int, default=1000, help="fixes per block")
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    about = machine()
    print(f"{about['cpu']}, Python {about['python']}, numpy {about['numpy']}")
    print(
        f"median us of {options.runs} fixes, the quietest of {options.blocks} blocks, one thread; "
        f"target for the SDK < {TARGET_US:g} us\n"
    )
    columns = ("heard", *STAGES[:-1], "SDK", "SDK p99", "json line")
    print(f"{'':32}" + "".join(f"{name:>12}" for name in columns))
    for name, source in bundles(options.bundles):
        row = quietest(source, options.scans, options.runs, options.blocks)
        print(f"{name[-32:]:32}" + "".join(f"{value:12.1f}" for value in row))


if __name__ == "__main__":
    main()
