"""Small Hapi bundles for the tests, and what they must answer in plain numpy.

Three floors of 6 x 5 m at 1 m with a courtyard that nobody walks, nine access points; the floor
network, where there is one, is linear.
"""

import numpy as np
import small_bundles as small

from sdk import Scan, native

COLUMNS, ROWS, PITCH_M = 6, 5, 1.0
FLOORS = (-1, 0, 1)
ORIGIN_M = (10.0, 20.0)
EDGES_DBM = [-80.0, -70.0, -60.0, -50.0, -40.0]
MEAN_M = [12.0, 9.0, 6.0, 4.0, 2.5, 1.0]
SIGMA_M = [4.0, 3.0, 2.0, 1.5, 1.0, 0.7]
THRESHOLD, CAP_DBM, FAF_DB = 0.7, -30.0, 15.0
TEMPERATURE = 2.0
QUALITY = {
    "intercept_m": 1.0,
    "coefficients": [-0.05, 0.01, -0.02, 0.1],
    "threshold": 0.5,
    "least_m": 0.5,
    "most_m": 50.0,
}
N_APS = 9
BSSIDS = [f"aa:bb:cc:00:01:{i:x}0" for i in range(N_APS)]
AP_FLOOR = np.repeat(FLOORS, 3)
AP_XY_M = np.array(ORIGIN_M) + np.random.default_rng(2).uniform(0, [5, 4], (N_APS, 2))


def walkable():
    """bool (rows, columns): the courtyard is two cells."""
    free = np.ones((ROWS, COLUMNS), dtype=bool)
    free[2, 2:4] = False
    return free


def places():
    """xy (G, 2) and floor (G,), floor by floor and row by row."""
    row, column = np.nonzero(walkable())
    xy = np.stack([ORIGIN_M[0] + column * PITCH_M, ORIGIN_M[1] + row * PITCH_M], axis=1)
    return np.tile(xy, (len(FLOORS), 1)), np.repeat(FLOORS, len(xy))


def levels(x_m, y_m, floor):
    """What a device hears there (N,): dBm, NaN where too faint."""
    away = np.hypot(AP_XY_M[:, 0] - x_m, AP_XY_M[:, 1] - y_m)
    level = -38 - 25 * np.log10(np.maximum(away, 1)) - FAF_DB * np.abs(AP_FLOOR - floor)
    return np.where(level < -95, np.nan, level).astype(np.float32)


def rows():
    """A scan of every seventh place."""
    xy, floor = places()
    return np.stack([levels(*xy[i], floor[i]) for i in range(0, len(xy), 7)])


def scan_of(row, timestamp_ms=1000, names=BSSIDS):
    """A scan that hears a fingerprint row."""
    heard = np.flatnonzero(~np.isnan(row))
    return Scan.from_dict({names[i]: float(row[i]) for i in heard}, timestamp_ms)


def floor_weights(seed=6):
    """Weight (4, 32) and bias (4,) of the linear floor network, float32."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (4, 32)).astype(np.float32), np.zeros(4, np.float32)


def scaling():
    """Mean and standard deviation (32,) of the features."""
    one = np.array([3, -60, -65, 50, -80, -85, -80, 4.0])
    return np.tile(one, 4), np.tile([2, 15, 15, 40, 15, 15, 15, 2.0], 4)


def chances(row):
    """{floor: probability}, best two of at least a twentieth of the best."""
    start, features = native.floor_features(
        row, AP_XY_M, np.searchsorted(FLOORS, AP_FLOOR), len(FLOORS)
    )
    mean, std = scaling()
    weight, bias = floor_weights()
    score = (weight @ ((features.ravel() - mean) / std) + bias)[: len(FLOORS) - start]
    p = np.exp(score / TEMPERATURE)
    p /= p.max()
    best = [i for i in np.argsort(-p)[:2] if p[i] >= 0.05]
    return {FLOORS[start + i]: p[i] / p[best].sum() for i in best}


def density(row, floor, strongest=None):
    """Of the walkable cells of a floor (cells,), highest = 1: the sum of the ranks' normals."""
    xy, of = places()
    xy = xy[of == floor]
    heard = ~np.isnan(row)
    level = np.minimum(row[heard] + FAF_DB * np.abs(AP_FLOOR[heard] - floor), CAP_DBM)
    at = AP_XY_M[heard]
    if strongest is not None and strongest < len(level):
        kept = level >= np.sort(level)[-strongest]
        level, at = level[kept], at[kept]
    total = np.zeros(len(xy))
    for one, place in zip(level, at, strict=True):
        rank = sum(one >= edge for edge in EDGES_DBM)
        away = np.hypot(*(xy - place).T)
        total += np.exp(-(((away - MEAN_M[rank]) / SIGMA_M[rank]) ** 2) / 2) / SIGMA_M[rank]
    return total / total.max()


def probability(row, network=True, strongest=None):
    """Over all places (G,): the cut densities, mixed by the floors' probabilities."""
    _, floor = places()
    p = np.zeros(len(floor))
    loudest = int(AP_FLOOR[np.nanargmax(row)])
    for number, chance in (chances(row) if network else {loudest: 1.0}).items():
        cut = density(row, number, strongest)
        cut = np.where(cut >= THRESHOLD, cut, 0)
        p[floor == number] = chance * cut / cut.sum()
    return p


def expected_error_m(row, network=True):
    """The regression on the four features of the best floor's map."""
    mix = chances(row) if network else {int(AP_FLOOR[np.nanargmax(row)]): 1.0}
    area = np.count_nonzero(density(row, max(mix, key=mix.get)) >= QUALITY["threshold"])
    heard = row[~np.isnan(row)].astype(np.float64)
    features = [len(heard), heard.mean(), heard.max(), area * PITCH_M**2]
    return float(np.clip(QUALITY["intercept_m"] + QUALITY["coefficients"] @ np.array(features),
                         QUALITY["least_m"], QUALITY["most_m"]))  # fmt: skip


def onnx_model():
    """The linear floor network."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight, bias = floor_weights()
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["features", "w", "b"], ["logits"], transB=1)],
        "floor",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def rules(network=True, **changes):
    """`output` without the names of arrays, as it stands in a run."""
    mean, std = scaling()
    grid = {"origin_m": list(ORIGIN_M), "shape": [ROWS, COLUMNS]}
    return {
        "grids": [{"floor": floor, **grid} for floor in FLOORS],
        "floor_network": {
            "scores": "logits",
            "mean": mean.tolist(),
            "std": std.tolist(),
            "temperature": TEMPERATURE,
        }
        if network
        else None,
        "floor_attenuation_db": FAF_DB,
        "cap_dbm": CAP_DBM,
        "offset_db": 0.0,
        "position": {
            "method": "ranks",
            "edges_dbm": EDGES_DBM,
            "mean_m": MEAN_M,
            "sigma_m": SIGMA_M,
            "combine": "sum",
            "strongest": None,
            "threshold": THRESHOLD,
        },
        "windows": {"floor_ms": 60_000, "position_ms": 5000},
        "quality": QUALITY,
        **changes,
    }


def parts(network=True, table=None, **changes):
    """Manifest and members; `changes` are fields of `output`."""
    golden = rows()[:3]
    xy, floor = places()
    members = {
        "places_xy_m.npy": small.npy(xy, "<f8"),
        "places_floor.npy": small.npy(floor, "<i4"),
        "ap_xy_m.npy": small.npy(AP_XY_M, "<f8"),
        "ap_floor.npy": small.npy(AP_FLOOR, "<i4"),
        "golden_rssi_dbm.npy": small.npy(golden, "<f4"),
        "golden_probability.npy": small.npy([probability(row, network) for row in golden], "<f8"),
    }
    if network:
        members["model.onnx"] = onnx_model()
    base = small.manifest()
    return small.manifest(
        system="hapi",
        ap_table={
            "bssids": BSSIDS,
            "sha256": small.hashlib.sha256("\n".join(BSSIDS).encode()).hexdigest(),
            "unknown": [],
            "merge_virtual_aps": "none",
            **(table or {}),
        },
        venue={
            **base["venue"],
            "floors": [{"floor": number, "label": str(number)} for number in FLOORS],
        },
        limits={"min_matched_aps": 1, "max_age_ms": 10_000, "low_confidence_m": 4.0},
        golden={**base["golden"], "tolerance": 0.001},
        output={
            **small.output(positioner="ranks"),
            "access_points": {"xy_m": "ap_xy_m.npy", "floor": "ap_floor.npy"},
            **rules(network, **changes),
        },
    ), members


def bundle(network=True, table=None, **changes):
    """The bundle's bytes."""
    return small.pack(*parts(network, table, **changes))
