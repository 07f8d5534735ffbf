"""A small invented hall whose boxes change their power from month to month."""

import numpy as np

from sdk.venue import Floor
from training import itoloc
from training.itoloc_cotraining import Rules
from training.itoloc_guard import guard_of, judged, mask_of
from training.survey import Header, from_rows

APS, SIDE = 12, 4
RULES = Rules(sigma=0.7, rounds=8, most_drop=0.03)


def month(number, scans, seed, dead=()):
    """Scans of a 12 x 12 m hall, spots 3 m apart. Each month some boxes change their power."""
    return survey_of(rows_of(number, scans, seed, dead))


def survey_of(rows):
    return from_rows(Header("hall", "CC0-1.0", "metres", (Floor(0),)), rows)


def rows_of(number, scans, seed, dead=()):
    """The rows of a month."""
    drift = np.random.default_rng(5).normal(0, 4.5, APS) * number
    place = np.random.default_rng(4).uniform(0, 12, (APS, 2))
    rng = np.random.default_rng(100 + seed)
    rows = []
    for one in range(scans):
        for spot in range(SIDE * SIDE):
            x, y = 3.0 * (spot % SIDE) + 1.5, 3.0 * (spot // SIDE) + 1.5
            distance = np.hypot(*(place - (x, y)).T) + 1.0
            level = -38 - 28 * np.log10(distance) + drift + rng.normal(0, 2.0, APS)
            heard = [i for i in range(APS) if level[i] > -80 and i not in dead]
            rows.append({
                "timestamp_ms": 1000 * len(rows) + number * 10**9, "x_m": x, "y_m": y, "floor": 0,
                "device": "phone", "session": f"m{number}-{one % 4}",
                "split": "validation" if one % 4 == 3 else "train",
                "bssid": [f"02:00:00:00:00:{i:02x}" for i in heard],
                "rssi_dbm": [round(float(min(level[i], -21.0)), 1) for i in heard],
            })  # fmt: skip
    return rows


CHANGES = {
    "width": 6, "cap": APS, "epochs": 20, "patience": 20, "batch": 32, "soften_m": 0.0,
    "dropout": 0.1, "learning_rate": 1e-2, "ap_unknown": 0.0, "ap_lost": 0.0, "noise_db": 1.0,
    "estimate": "mode", "min_share": 0.0,
}  # fmt: skip


def trained():
    """A run of month 0; a few seconds."""
    return itoloc.train(month(0, 24, 0), "small", seed=0, changes=CHANGES, threads=1)


def error_m(run, survey, unknown=()):
    """Mean error of a run on a survey."""
    guard = guard_of(run, survey)
    return judged(run, itoloc.load_network(run), guard, mask_of(run, unknown))[0]
