"""Small surveys of an invented venue that the training tests share."""

import numpy as np

from sdk.venue import AccessPoint, Floor
from training.survey import Header, from_rows


def header(floors=(0, 1), **changes):
    record = {
        "name": "invented", "licence": "CC0-1.0", "frame": "metres",
        "floors": tuple(Floor(f, label=f"F{f}") for f in floors),
    }  # fmt: skip
    return Header(**(record | changes))


def invented_survey(sessions=5, side=4, floors=(0, 1), scans=2, seed=0, test_sessions=1):
    """Log-distance levels of 6 access points per floor; the last sessions are the test split."""
    rng = np.random.default_rng(seed)
    aps = {
        f"02:00:00:00:0{f}:{i:x}0": (*rng.uniform(0, side, 2), f) for f in floors for i in range(6)
    }
    rows = []
    for s in range(sessions):
        time = 1_000_000 * s
        for f in floors:
            for spot in range(side * side):
                x, y = spot % side + 0.5, spot // side + 0.5
                for _ in range(scans):
                    time += 1000
                    heard = {}
                    for name, (ax, ay, af) in aps.items():
                        distance = np.hypot(x - ax, y - ay) + 0.5
                        level = -40 - 30 * np.log10(distance) - 15 * abs(f - af) + rng.normal(0, 2)
                        if level > -75:
                            heard[name] = round(min(level, -1.0))
                    rows.append({
                        "timestamp_ms": time, "x_m": x, "y_m": y, "floor": f, "device": "phone",
                        "session": f"s{s}", "split": "test" if s >= sessions - test_sessions
                        else "train", "bssid": list(heard), "rssi_dbm": list(heard.values()),
                    })  # fmt: skip
    points = [AccessPoint(name, x, y, f) for name, (x, y, f) in aps.items()]
    return from_rows(header(floors), rows, points)
