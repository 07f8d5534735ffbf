"""Small real bundles for the tests, written without the exporter.

The network is eXLoc's shape in one dimension: a convolution over the AP axis, ReLU, and a head per
(channel, AP) or over the mean. `forward` is the same network in plain numpy.
"""

import hashlib
import json
import struct
import zlib

import numpy as np

from sdk import Scan

N_APS, CHANNELS, TEMPERATURE = 8, 3, 1.5
BSSIDS = [f"aa:bb:cc:00:00:{i:02x}" for i in range(N_APS)]
MEAN_DBM, STD_DB, NOT_HEARD_DBM = -65.0, 12.0, -100.0
COLUMNS, ROWS, FLOORS = 5, 4, 2
N_PLACES = COLUMNS * ROWS * FLOORS


PLAN = b"\x89PNG\r\n\x1a\n and so on"


def npy(array, dtype):
    """The array as a .npy member, headers written by hand."""
    array = np.ascontiguousarray(array, dtype=dtype)
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {array.shape!r}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + array.tobytes()


def pack(manifest, members, align=64, method=0):
    """A zip as DESIGN 5 wants it; `manifest` may be bytes, to write broken ones."""
    if isinstance(manifest, dict):
        manifest = json.dumps({**manifest, "members": listed(members)}).encode()
    out, directory = bytearray(), bytearray()
    for name, data in {"manifest.json": manifest, **members}.items():
        start, raw = len(out), name.encode()
        padding = -(start + 30 + len(raw) + 4) % align
        extra = struct.pack("<HH", 0xD935, padding) + bytes(padding)
        common = (20, 0, method, 0, 33, zlib.crc32(data), len(data), len(data), len(raw))
        out += struct.pack("<IHHHHHIIIHH", 0x04034B50, *common, len(extra)) + raw + extra + data
        directory += struct.pack(
            "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, *common, 0, 0, 0, 0, 0, start
        )
        directory += raw
    count, at = 1 + len(members), len(out)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), at, 0)
    return bytes(out + directory + end)


def listed(members):
    return {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in members.items()
    }


def places():
    """xy (G, 2) of cell centres, floor by floor, and floor (G,)."""
    x, y = np.meshgrid(np.arange(COLUMNS) + 0.5, np.arange(ROWS) + 0.5)
    xy = np.stack([x.ravel(), y.ravel()], axis=1)
    return np.tile(xy, (FLOORS, 1)), np.repeat(np.arange(FLOORS), COLUMNS * ROWS)


def survey(seed=5):
    """One noiseless fingerprint per place (G, N), quiet where far."""
    xy, floor = places()
    rng = np.random.default_rng(seed)
    aps = rng.uniform([0, 0], [COLUMNS, ROWS], (N_APS, 2))
    away = np.hypot(*(xy[:, None, :] - aps[None]).transpose(2, 0, 1))
    loss = 40 + 12 * away + 20 * (floor[:, None] != np.arange(N_APS)[None] % FLOORS)
    return np.where(loss > 95, np.nan, -loss).astype(np.float32)


def scan_of(row, timestamp_ms=1000):
    """A scan that hears a fingerprint row."""
    heard = np.flatnonzero(~np.isnan(row))
    return Scan.from_dict({BSSIDS[i]: float(row[i]) for i in heard}, timestamp_ms)


def weights(head, seed=11):
    """Convolution (K, 1, 3), its bias, head weight and head bias, float32."""
    rng = np.random.default_rng(seed)
    shape = (N_PLACES, CHANNELS) if head == "gap" else (N_PLACES, CHANNELS, N_APS)
    arrays = (
        rng.normal(0, 1, (CHANNELS, 1, 3)),
        rng.normal(0, 0.3, CHANNELS),
        rng.normal(0, 1, shape) * (4 if head == "gap" else 1),
        rng.normal(0, 0.3, N_PLACES),
    )
    return tuple(array.astype(np.float32) for array in arrays)


def normalise(rssi_dbm):
    filled = np.where(np.isnan(rssi_dbm), np.float32(NOT_HEARD_DBM), rssi_dbm)
    return ((filled - MEAN_DBM) / STD_DB).astype(np.float32)


def forward(rssi_dbm, head):
    """Logits (G,) and features (K, N) of one fingerprint (N,), in plain numpy."""
    kernel, bias, head_weight, head_bias = weights(head)
    row = np.pad(normalise(rssi_dbm), 1)
    windows = np.stack([row[i : i + N_APS] for i in range(3)])
    features = np.maximum(kernel[:, 0] @ windows + bias[:, None], 0)
    if head == "gap":
        return head_weight @ features.mean(axis=1) + head_bias, features
    return np.einsum("ckn,kn->c", head_weight, features) + head_bias, features


def probability(rssi_dbm, head):
    logits = forward(rssi_dbm, head)[0].astype(np.float64) / TEMPERATURE
    raised = np.exp(logits - logits.max())
    return raised / raised.sum()


def onnx_model(head):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel, bias, head_weight, head_bias = weights(head)
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["maps"], pads=[1, 1]),
        helper.make_node("Relu", ["maps"], ["features"]),
    ]
    if head == "gap":
        nodes.append(helper.make_node("ReduceMean", ["features", "axis"], ["flat"], keepdims=0))
    else:
        nodes.append(helper.make_node("Flatten", ["features"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "w", "b"], ["logits"], transB=1))
    constants = {
        "kernel": kernel,
        "bias": bias,
        "w": head_weight.reshape(N_PLACES, -1),
        "b": head_bias,
        "axis": np.array([2], dtype=np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, N_APS])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, N_PLACES]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, CHANNELS, N_APS]),
        ],
        [
            numpy_helper.from_array(v, k)
            for k, v in constants.items()
            if head == "gap" or k != "axis"
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def tflite_model(head):
    """The same network through litert-torch (about 10 s)."""
    import litert_torch
    import torch

    kernel, bias, head_weight, head_bias = map(torch.from_numpy, weights(head))

    class Small(torch.nn.Module):
        def forward(self, image):
            features = torch.relu(torch.nn.functional.conv1d(image, kernel, bias, padding=1))
            flat = features.mean(dim=2) if head == "gap" else features.flatten(1)
            return flat @ head_weight.reshape(N_PLACES, -1).T + head_bias, features

    return litert_torch.convert(Small().eval(), (torch.zeros(1, 1, N_APS),)).model_content()


def manifest(**changes):
    """What all small bundles have in common."""
    base = {
        "format": 1,
        "oldest_reader": 1,
        "system": "exloc",
        "name": "small",
        "model_id": "0123456789abcdef",
        "precision": "fp32",
        "ap_table": {
            "bssids": BSSIDS,
            "sha256": hashlib.sha256("\n".join(BSSIDS).encode()).hexdigest(),
            "unknown": [],
            "merge_virtual_aps": "none",
        },
        "input": None,
        "venue": {
            "name": "Small House",
            "frame": "metres, x east, y north",
            "floors": [
                {"floor": 0, "label": "G", "plan": "floors/0.png"},
                {"floor": 1, "label": "1", "width_m": 5.0},
            ],
            "georeference": {"latitude": 40.0, "longitude": -0.07, "rotation_deg": 30.0},
        },
        "accuracy": {
            "percentile": 68,
            "spread_m": [0.0, 1.0, 2.0],
            "radius_m": [0.5, 1.5, 4.0],
            "n": 40,
            "split": "validation",
        },
        "limits": {"min_matched_aps": 3, "max_age_ms": 10000, "low_confidence_m": 3.0},
        "measured": {"split": "validation", "n": 40, "mean_m": 1.25, "p95_m": 2.5},
        "golden": {
            "input": "golden_rssi_dbm.npy",
            "output": "golden_probability.npy",
            "tolerance": 0.02,
        },
        "provenance": {"survey": "made in a test", "seed": 5},
    }
    return {**base, **changes}


def place_members():
    xy, floor = places()
    return {
        "places_xy_m.npy": npy(xy, "<f8"),
        "places_floor.npy": npy(floor, "<i4"),
        "floors/0.png": PLAN,
    }


def output(**rest):
    where = {"xy_m": "places_xy_m.npy", "floor": "places_floor.npy", "pitch_m": 1.0}
    return {"estimate": "mean", "places": where, **rest}


def cells_parts(head="per_ap", models=None, with_head=True):
    """Manifest and members of a network bundle."""
    golden = survey()[::7]
    members = place_members()
    _, _, head_weight, head_bias = weights(head)
    if with_head:
        members["head_weight.npy"] = npy(head_weight, "<f4")
        members["head_bias.npy"] = npy(head_bias, "<f4")
    members["golden_rssi_dbm.npy"] = npy(golden, "<f4")
    members["golden_probability.npy"] = npy([probability(row, head) for row in golden], "<f8")
    members.update({"model.onnx": onnx_model(head)} if models is None else models)
    weight_names = {"kind": head, "weight": "head_weight.npy", "bias": "head_bias.npy"}
    return manifest(
        input={
            "image": "vector",
            "not_heard_dbm": NOT_HEARD_DBM,
            "unknown_dbm": NOT_HEARD_DBM,
            "mean_dbm": MEAN_DBM,
            "std_db": STD_DB,
        },
        output=output(
            positioner="cells",
            scores="logits",
            features="features" if with_head else None,
            temperature=TEMPERATURE,
            head=weight_names if with_head else None,
        ),
    ), members


def knn_probability(rssi_dbm, k=5, power=2.0):
    """Weighted kNN (L2, linear values) in plain numpy; reference points = places."""
    database = np.where(np.isnan(survey()), NOT_HEARD_DBM, survey()).astype(np.float64)
    query = np.where(np.isnan(rssi_dbm), NOT_HEARD_DBM, rssi_dbm)
    distance = np.sqrt(((database - query) ** 2).sum(axis=1))
    nearest = np.argsort(distance, kind="stable")[:k]
    share = np.zeros(N_PLACES)
    share[nearest] = 1 / np.maximum(distance[nearest], 1e-6) ** power
    return share / share.sum()


DATABASE = {
    "start": "database_start.npy",
    "ap": "database_ap.npy",
    "dbm": "database_dbm.npy",
    "kind": "float32",
}


def database_members(rssi_dbm):
    """Fingerprints (M, N) as the lists of their readings."""
    row, ap = np.nonzero(~np.isnan(rssi_dbm))
    start = np.searchsorted(row, np.arange(len(rssi_dbm) + 1))
    return {
        "database_start.npy": npy(start, "<i4"),
        "database_ap.npy": npy(ap, "<u2"),
        "database_dbm.npy": npy(rssi_dbm[row, ap], "<f4"),
    }


def neighbours_parts(k=5, power=2.0):
    """Manifest and members of a nearest-neighbours bundle."""
    rng = np.random.default_rng(3)
    golden = survey()[::7] + rng.normal(0, 2, (6, N_APS)).astype(np.float32)
    members = place_members()
    members |= database_members(survey())
    members["place_of_row.npy"] = npy(np.arange(N_PLACES), "<i4")
    members["golden_rssi_dbm.npy"] = npy(golden, "<f4")
    answers = [knn_probability(row, k, power) for row in golden]
    members["golden_probability.npy"] = npy(answers, "<f8")
    return manifest(
        system="neighbours",
        output=output(
            positioner="neighbours",
            database=DATABASE,
            place_of_row="place_of_row.npy",
            metric="l2",
            k=k,
            weight_power=power,
            value_form={"kind": "linear", "not_heard_dbm": NOT_HEARD_DBM},
        ),
    ), members
