"""The golden cases through cffi and through pybind11; results in the order of their digest."""

from __future__ import annotations

import numpy as np

from sdk import native
from sdk.capi import check, ffi, lib, pointer

COMBINE = {"sum": lib.RSSFIX_SUM, "product": lib.RSSFIX_PRODUCT, "tempered": lib.RSSFIX_TEMPERED}
METRIC = {"l1": lib.RSSFIX_L1, "l2": lib.RSSFIX_L2, "sorensen": lib.RSSFIX_SORENSEN}


def digest(arrays):
    """FNV-1a over the bytes, as golden.hpp and golden.c have it."""
    state = 14695981039346656037
    for array in arrays:
        for byte in np.ascontiguousarray(array).tobytes():
            state = (state ^ byte) * 1099511628211 % 2**64
    return f"{state:016x}"


def f4(values):
    return np.array(values, dtype=np.float32)


def f8(values):
    return np.array(values, dtype=np.float64)


def i4(values):
    return np.array(values, dtype=np.int32)


def u2(values):
    return np.array(values, dtype=np.uint16)


def grid(case, shape):
    return ffi.new("rssfix_grid *", [*case["origin_m"], case["pitch_m"], *shape])


def call(function, *arguments):
    """Arrays become pointers."""
    check(function(*(pointer(a) if isinstance(a, np.ndarray) else a for a in arguments)))


def cyclic_map(case):
    rssi = f4(case["rssi"])
    out = np.empty((len(rssi), len(rssi)), np.float32)
    call(lib.rssfix_cyclic_map, rssi, 1, len(rssi), out)
    return [out]


def diagonal_mean(case):
    out = np.empty(len(case["expected"]), np.float32)
    call(lib.rssfix_diagonal_mean, f4(case["maps"]), 1, len(out), out)
    return [out]


def ratio_image(case):
    rssi = f4(case["rssi"])
    out = np.empty((len(rssi), len(rssi)), np.float32)
    call(lib.rssfix_ratio_image, rssi, len(rssi), out)
    return [out]


def floor_features(case):
    floors, scans = i4(case["ap_floor"]), len(case["start"])
    start = np.empty(scans, np.int32)
    features = np.empty((scans, case["span"], 8), np.float32)
    call(
        lib.rssfix_floor_features, f4(case["rssi_dbm"]), scans, f8(case["ap_xy_m"]), floors,
        len(floors), case["n_floors"], case["silent_dbm"], case["span"], start, features,
    )  # fmt: skip
    return [start, features]


def rank_pdf(case):
    out = np.empty(case["shape"], np.float32)
    call(
        lib.rssfix_rank_pdf, f8(case["ap_xy_m"]), i4(case["ranks"]), len(case["ranks"]),
        f8(case["mean_m"]), f8(case["sigma_m"]), len(case["mean_m"]), grid(case, case["shape"]),
        COMBINE[case["combine"]], out,
    )  # fmt: skip
    return [out]


def path_loss_pdf(case):
    out = np.empty(case["shape"], np.float32)
    names = ("reference_dbm", "exponent", "sigma_db", "offset_sigma_db", "silence_dbm")
    call(
        lib.rssfix_path_loss_pdf, f8(case["ap_xy_m"]), f8(case["rssi_dbm"]), f8(case["weight"]),
        f8(case["extra_loss_db"]), len(case["rssi_dbm"]),
        ffi.new("rssfix_path_loss *", [case[name] for name in names]),
        grid(case, case["shape"]), out,
    )  # fmt: skip
    return [out]


def threshold_centroid(case):
    pdf = f4(case["pdf"])
    out = ffi.new("rssfix_centroid *")
    call(lib.rssfix_threshold_centroid, pdf, grid(case, pdf.shape), case["threshold"], out)
    return [f8([out.x_m, out.y_m, out.area_m2])]


def kalman_filter(case):
    out = ffi.new("rssfix_kalman **")
    call(
        lib.rssfix_kalman_create, f8(case["state"]), f8(case["covariance"]), case["accel_sigma"],
        out,
    )  # fmt: skip
    kalman = ffi.gc(out[0], lib.rssfix_kalman_destroy)
    results = []
    for step in case["steps"]:
        state, covariance = np.empty(4), np.empty((4, 4))
        call(lib.rssfix_kalman_predict, kalman, step["dt_s"])
        call(lib.rssfix_kalman_update, kalman, f8(step["z"]), f8(step["variance"]), len(step["z"]))
        call(lib.rssfix_kalman_read, kalman, state, covariance)
        results += [state, covariance]
    return results


def weighted_knn(case):
    database, query, k = f4(case["database"]), f4(case["query"]), case["k"]
    indices = np.empty((len(query), k), np.int64)
    distances = np.empty((len(query), k), np.float32)
    call(
        lib.rssfix_weighted_knn, database, *database.shape, query, len(query), k,
        METRIC[case["metric"]], indices, distances,
    )  # fmt: skip
    return [indices, distances]


def level_sums(case):
    maps, tables = u2(case["maps"]), f4(case["tables"])
    out = np.empty(maps.shape[1], np.float32)
    call(lib.rssfix_level_sums, maps, *maps.shape, tables, tables.shape[1], out)
    return [out]


SCATTER = ("mean_db", "sigma_db", "tail_factor", "narrow", "wide", "outliers", "silent")


def level_likelihoods(case):
    measured, arrays = f4(case["measured_db"]), [f4(case[name]) for name in SCATTER]
    scatter = ffi.new("rssfix_scatter *", [*map(pointer, arrays), len(arrays[0])])
    out = np.empty((len(measured), len(arrays[0])), np.float32)
    call(lib.rssfix_level_likelihoods, measured, len(measured), scatter, case["power"], out)
    return [out]


def geometric_median(case):
    out = np.empty(2)
    call(
        lib.rssfix_geometric_median, *(f8(case[name]) for name in ("x_m", "y_m", "weight")),
        len(case["x_m"]), f8(case["start_m"]), case["soft_m"], case["steps"], out,
    )  # fmt: skip
    return [out]


def site_of(case):
    """A `rssfix_site *`, and what must stay alive beside it."""
    kept = {
        "ap_id": np.array(case["ap_id"], np.uint64), "ap_xy_m": f8(case["ap_xy_m"]),
        "ap_floor": i4(case["ap_floor"]), "spread_m": f8(case["spread_m"]),
        "radius_m": f8(case["radius_m"]),
    }  # fmt: skip
    site = ffi.new("rssfix_site *", {name: pointer(array) for name, array in kept.items()})
    same = (
        "floor_attenuation_db", "cap_dbm", "strongest", "offset_db", "min_matched_aps",
        "max_age_ms", "low_confidence_m", "floor_window_ms", "position_window_ms",
    )  # fmt: skip
    for name in same:
        setattr(site, name, case[name])
    cells = np.array(case["floor_cells"], np.uint32)
    floors = ffi.new("rssfix_floor[]", len(case["floor"]))
    first = 0
    for i, count in enumerate(case["floor_cell_count"]):
        shape = [case["floor_height"][i], case["floor_width"][i]]
        box = [*case["floor_origin_m"][i], case["floor_pitch_m"][i], *shape]
        walkable = pointer(cells) + first if count else ffi.NULL
        floors[i] = [case["floor"][i], box, walkable, count]
        first += count
    site.floors, site.floor_count = floors, len(floors)
    site.ap_count, site.accuracy_count = len(case["ap_id"]), len(case["spread_m"])
    kept |= {"cells": cells, "floors": floors}
    if "mean_m" in case:
        arrays = [f8(case[name]) for name in ("edges_dbm", "mean_m", "sigma_m")]
        rest = [len(case["mean_m"]), lib.RSSFIX_SUM, case["threshold"]]
        site.ranks = kept["ranks"] = ffi.new("rssfix_rank_method *", [*map(pointer, arrays), *rest])
        kept["arrays"] = arrays
    else:
        site.path_loss = kept["path_loss"] = ffi.new(
            "rssfix_path_loss_method *", [[-35, 3, 8, 2, -90], 0.05, 30]
        )
    if case["quality"]:
        site.quality = kept["quality"] = ffi.new(
            "rssfix_quality *", [1, [-0.05, 0.01, -0.02, 0.1], 0.5, 0.5, 50]
        )
    return site, kept


def rank_locator(case):
    site, kept = site_of(case)
    rules = ffi.new("rssfix_track_rules *", lib.rssfix_default_track_rules())
    rules.accel_sigma, rules.gap_ms = case["accel_sigma"], case["gap_ms"]
    rules.floor_votes = case["floor_votes"]
    out = ffi.new("rssfix_locator **")
    call(lib.rssfix_locator_create, site, rules, out)
    locator = ffi.gc(out[0], lib.rssfix_locator_destroy)
    fix, results = ffi.new("rssfix_fix *"), []
    for step, time_ms in enumerate(case["time_ms"]):
        here = slice(case["start"][step], case["start"][step + 1])
        rows = zip(case["ap"][here], case["dbm"][here], case["age_ms"][here], strict=True)
        readings = ffi.new("rssfix_reading[]", list(rows))
        call(lib.rssfix_locator_update, locator, time_ms, readings, len(readings), fix)
        results.append(f8([fix.x_m, fix.y_m, fix.accuracy_m]))
    assert kept
    return results


CFFI = {
    "cyclic_map": cyclic_map, "diagonal_mean": diagonal_mean, "ratio_image": ratio_image,
    "floor_features": floor_features, "rank_pdf": rank_pdf, "path_loss_pdf": path_loss_pdf,
    "threshold_centroid": threshold_centroid, "kalman_filter": kalman_filter,
    "weighted_knn": weighted_knn, "level_sums": level_sums,
    "level_likelihoods": level_likelihoods, "geometric_median": geometric_median,
    "rank_locator": rank_locator,
}  # fmt: skip


def arguments(case):
    given = {key: case[key] for key in case if key not in ("name", "expected")}
    return given | {"rssi_dbm": f8(case["rssi_dbm"])} if "rssi_dbm" in case else given


def kalman_filter_pybind11(case):
    ours = native.KalmanFilter(case["state"], case["covariance"], case["accel_sigma"])
    results = []
    for step in case["steps"]:
        ours.predict(step["dt_s"])
        ours.update(step["z"], step["variance"])
        results += [ours.state, ours.covariance]
    return results


PYBIND11 = {
    "cyclic_map": lambda case: [native.cyclic_map(case["rssi"])],
    "diagonal_mean": lambda case: [native.diagonal_mean(case["maps"])],
    "ratio_image": lambda case: [native.ratio_image(case["rssi"])],
    "floor_features": lambda case: native.floor_features(
        f8(case["rssi_dbm"]), case["ap_xy_m"], case["ap_floor"], case["n_floors"],
        case["silent_dbm"], case["span"],
    ),
    "rank_pdf": lambda case: [native.rank_pdf(**arguments(case))],
    "path_loss_pdf": lambda case: [native.path_loss_pdf(**arguments(case))],
    "threshold_centroid": lambda case: [
        f8(native.threshold_centroid(
            f4(case["pdf"]), case["origin_m"], case["pitch_m"], case["threshold"]
        ))
    ],
    "kalman_filter": kalman_filter_pybind11,
    "weighted_knn": lambda case: native.weighted_knn(
        f8(case["database"]), f8(case["query"]), case["k"], case["metric"]
    ),
    "level_sums": lambda case: [native.level_sums(u2(case["maps"]), f4(case["tables"]))],
    "level_likelihoods": lambda case: [
        native.level_likelihoods(**arguments(case) | {"measured_db": f4(case["measured_db"])})
    ],
    "geometric_median": lambda case: [f8(native.geometric_median(**arguments(case)))],
}  # fmt: skip
