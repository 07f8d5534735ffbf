"""A small LocUNet bundle for the tests, and what it must answer with scipy.

Five transmitters on a square of 12 x 10 pixels of 4 m with one house; users stand in the middle.
"""

import numpy as np
import small_bundles as small
from scipy import stats

from sdk import Scan

H, W, PITCH_M, ORIGIN_M = 10, 12, 4.0, (2.0, 2.0)
N = 5
BSSIDS = [f"aa:bb:cc:00:02:{i:02x}" for i in range(N)]
POWER_DBM = [20.0, 17.0, 20.0, 23.0, 20.0]
LOW_DB, HIGH_DB, FLOOR_DB = -147.0, -47.0, -100.0
MEAN_DB, SIGMA_DB = [-145.0, -98.0, -49.0], [3.0, 4.0, 2.0]
OUTLIERS, TENSION = 0.02, 0.9
PIXELS = np.array([[2, 2], [9, 2], [5, 5], [2, 8], [10, 8]])
XY_M = np.array(ORIGIN_M) + PIXELS * PITCH_M


def outdoors():
    free = np.ones((H, W), dtype=bool)
    free[4:7, 7:10] = False
    return free


def maps():
    """Levels (N, H, W): log-distance, 25 dB less in the shade of the house."""
    column, row = np.meshgrid(np.arange(W), np.arange(H))
    away = np.hypot(column - PIXELS[:, 0, None, None], row - PIXELS[:, 1, None, None]) * PITCH_M
    loss = -48 - 26 * np.log10(np.maximum(away, 1))
    loss -= 25 * ((column > 8) & (np.arange(N)[:, None, None] < 2))
    share = np.clip((loss - LOW_DB) / (HIGH_DB - LOW_DB), 0, 1)
    return np.round(share * 255).astype(np.uint8)


def allowed():
    inside = np.zeros((H, W), dtype=bool)
    inside[1:9, 1:11] = True
    return inside & outdoors()


def places():
    row, column = np.nonzero(allowed())
    return np.stack([ORIGIN_M[0] + column * PITCH_M, ORIGIN_M[1] + row * PITCH_M], axis=1)


def rssi(x_m, y_m):
    """Levels (N,) that a receiver hears there, dBm; NaN below the noise floor."""
    column, row = np.round((np.array([x_m, y_m]) - ORIGIN_M) / PITCH_M).astype(int)
    loss = LOW_DB + maps()[:, row, column] * (HIGH_DB - LOW_DB) / 255
    return np.where(loss < FLOOR_DB, np.nan, loss + POWER_DBM).astype(np.float32)


def scan_of(row, timestamp_ms=0):
    heard = np.flatnonzero(np.isfinite(row))
    return Scan.from_dict({BSSIDS[i]: float(row[i]) for i in heard}, timestamp_ms)


def posterior(row, masked=()):
    """(G,) in scipy, pixel by pixel."""
    knots = np.linspace(LOW_DB, HIGH_DB, len(MEAN_DB))
    log = np.zeros(allowed().sum())
    for j in range(N):
        if j in masked:
            continue
        shown = LOW_DB + maps()[j][allowed()] * (HIGH_DB - LOW_DB) / 255
        normal = stats.norm(np.interp(shown, knots, MEAN_DB), np.interp(shown, knots, SIGMA_DB))
        if np.isnan(row[j]):
            outside = (FLOOR_DB - LOW_DB) / (HIGH_DB - LOW_DB)
            likely = (1 - OUTLIERS) * normal.cdf(FLOOR_DB) + OUTLIERS * outside
        else:
            density = normal.pdf(row[j] - POWER_DBM[j])
            likely = (1 - OUTLIERS) * density + OUTLIERS / (HIGH_DB - LOW_DB)
        log += TENSION * np.log(likely)
    raised = np.exp(log - log.max())
    return raised / raised.sum()


def rows():
    return np.stack([rssi(*place) for place in places()[5::17]]).astype(np.float32)


def rules(**changes):
    """The part of the manifest that a run has as well."""
    base = {
        "grid": {"floor": 0, "origin_m": list(ORIGIN_M), "shape": [H, W]},
        "path_loss": {"low_db": LOW_DB, "high_db": HIGH_DB, "noise_floor_db": FLOOR_DB},
        "transmit_power_dbm": POWER_DBM,
        "likelihood": {"mean_db": MEAN_DB, "sigma_db": SIGMA_DB, "outliers": OUTLIERS,
                       "power": TENSION},
        "network": None,
        "temperature": 1.0,
    }  # fmt: skip
    return {**base, **changes}


def members(xy_m=XY_M):
    golden = rows()
    return {
        "places_xy_m.npy": small.npy(places(), "<f8"),
        "places_floor.npy": small.npy(np.zeros(len(places())), "<i4"),
        "radio_maps.npy": small.npy(maps(), "|u1"),
        "outdoors.npy": small.npy(outdoors(), "|u1"),
        "transmitter_xy_m.npy": small.npy(xy_m, "<f8"),
        "golden_rssi_dbm.npy": small.npy(golden, "<f4"),
        "golden_probability.npy": small.npy([posterior(row) for row in golden], "<f8"),
    }


def manifest(**output):
    from hashlib import sha256

    names = {
        "levels": "radio_maps.npy", "outdoors": "outdoors.npy", "xy_m": "transmitter_xy_m.npy",
    }  # fmt: skip
    where = {"xy_m": "places_xy_m.npy", "floor": "places_floor.npy", "pitch_m": PITCH_M}
    return small.manifest(
        system="locunet",
        ap_table={
            "bssids": BSSIDS, "sha256": sha256("\n".join(BSSIDS).encode()).hexdigest(),
            "unknown": [], "merge_virtual_aps": "none",
        },
        venue={"name": "Square", "frame": "", "floors": [{"floor": 0}]},
        accuracy={"percentile": 68, "spread_m": [0.0, 40.0], "radius_m": [2.0, 60.0], "n": 9,
                  "split": "validation"},
        limits={"min_matched_aps": 1, "max_age_ms": 10000, "low_confidence_m": 30.0},
        output={"positioner": "heatmap", "estimate": "median", "places": where,
                "radio_maps": names, **rules(**output)},
    )  # fmt: skip


def bundle(**output):
    return small.pack(manifest(**output), members())
