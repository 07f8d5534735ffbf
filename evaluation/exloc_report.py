"""Tables of the explanation study in Markdown, from the records of its runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

# eXLoc, Tables I and II: accuracy %, loose accuracy %, distance error m, access points, scans.
PAPER = (
    ("Hall", 82.1, 90.4, 0.46, 10, 21_606), ("Lounge", 81.6, 90.1, 0.40, 12, 6_112),
    ("Office-A", 73.2, 86.5, 0.58, 16, 8_536), ("Office-B", 70.4, 88.2, 0.53, 10, 7_560),
    ("B1-A", 57.2, 75.7, 0.82, 11, 491), ("B1-B", 40.1, 63.3, 0.93, 27, 495),
    ("1F", 57.1, 78.6, 0.69, 11, 277), ("2F", 39.1, 59.0, 1.36, 11, 947),
)  # fmt: skip
NOT_THE_PAPERS = (
    "These are not the paper's places: its University sets are not public, and the public sample "
    "of the Microsoft set has too few scans in any small box. Numbers of the two halves of this "
    "table cannot be compared as if they were of one place."
)
_SCORES = ("CAM", "CAM beyond silence", "occlusion", "LIME", "random", "probability")
_DELETION = ("CAM", "CAM beyond silence", "occlusion", "LIME")


def tables(records: Sequence[dict], made_by: Sequence[str]) -> str:
    """The whole report; ``made_by``: a line with command, commit and date per call."""
    groups = _grouped(records)
    parts = [
        "# eXLoc's explanations on public data: tables\n",
        "Made by\n", *(f"* {line}" for line in made_by),
        "\nwith one JSON per network in `runs/`. Means over seeds. A place marked * is split by "
        "row: scans of one visit stand on both sides, so its figures flatter.\n",
        "## In short\n",
        "Means over the places of a data set. AUC and rho of the top-3 mean as below; harm = "
        "accuracy points lost beyond random order in the deletion test; agreement = rank "
        "correlation of CAM with the logit drop of occlusion.\n",
        _summary(records),
        "## Localization in the paper's protocol (its Table II)\n", NOT_THE_PAPERS + "\n",
        _localization(groups),
        "## Do right answers have higher scores? (Figs. 2, 5, 6)\n",
        "One number per scan: the mean of its three highest scores for the predicted cell. "
        "`probability` is the posterior's maximum, for comparison. rho: mean where right / mean "
        "at 2 m and more (paper: up to 5.11 for CAM, 0.94 for LIME; - where a mean is not "
        "positive or a group is empty). AUC: chance that a right answer scores higher than a "
        "wrong one (0.5 = no information). Spearman: with the cell error (negative = the claim "
        "holds).\n",
        _claim(groups),
        "## Deletion test\n",
        "Harm beyond random order, per removal (mean over 1 to 10 removals of heard access "
        "points, highest score first). Positive = the score names access points that matter; "
        "0 = no better than chance. p: probability of the cell predicted at first.\n",
        _deletion(groups),
        "## Agreement with occlusion\n",
        "Rank correlation over the heard access points of a scan, mean over scans.\n",
        _agreement(groups),
        "## Near access points (Fig. 3)\n",
        "Only uji_library has positions: two devices per floor, four columns each. Rank "
        "correlations over scans, mean over columns.\n",
        _nearness(groups),
    ]  # fmt: skip
    return "\n".join(parts)


def _summary(records: Sequence[dict]) -> str:
    """A row per network, data set and kind of split; its places weigh alike."""
    kinds: dict[tuple[str, str], dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        kind = record["place"].split("-")[0] + (", by row*" if record["leaks"] else "")
        kinds[record["variant"], kind][record["place"]].append(record)
    scores = ("CAM", "LIME", "occlusion", "probability")
    paths = (
        (("localization", "accuracy"), 100, ".1f"),
        *((("explained", "scores", name, "auc"), 1, ".2f") for name in scores),
        *((("explained", "scores", name, "ratio"), 1, ".2f") for name in ("CAM", "LIME")),
        *((("explained", "deletion", "beyond_random", name, "accuracy"), 100, "+.1f")
          for name in ("CAM", "LIME", "occlusion")),
        (("explained", "agreement", "CAM, logit drop"), 1, ".2f"),
    )  # fmt: skip
    rows = []
    for (variant, split), places in sorted(kinds.items(), key=lambda kind: kind[0][1]):
        row = [variant, split, str(len(places))]
        for path, scale, form in paths:
            means = [_mean(found, *path) for found in places.values()]
            known = [scale * m for m in means if m is not None]
            row.append(_cell(float(np.mean(known)) if known else None, form))
        rows.append(row)
    head = ["network", "data", "places", "accuracy %", *(f"AUC {name}" for name in scores),
            "rho CAM", "rho LIME", "harm CAM", "harm LIME", "harm occlusion",
            "agreement"]  # fmt: skip
    return _table(head, rows)


def _grouped(records: Sequence[dict]) -> dict[tuple[str, str], list[dict]]:
    groups: dict[tuple[str, str], list[dict]] = defaultdict(list)
    for record in records:
        groups[record["title"] + ("*" if record["leaks"] else ""), record["variant"]].append(record)
    return groups


def _mean(found: list[dict], *path: str) -> float | None:
    """Mean over seeds of the value at a path; None where no seed has one."""
    values = []
    for one in found:
        for key in path:
            one = None if one is None else one[key]
        if one is not None:
            values.append(one)
    return float(np.mean(values)) if values else None


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    left = 2
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(r) + " |" for r in [head, rule, *rows]) + "\n"


def _localization(groups: dict) -> str:
    rows = [
        [f"paper: {name}", "paper", str(aps), str(n), f"{acc:.1f}", f"{loose:.1f}", f"{m:.2f}", "-"]
        for name, acc, loose, m, aps, n in PAPER
    ]
    for (title, variant), found in groups.items():
        where = "localization"
        rows.append([
            title, variant, str(found[0]["training"]["access_points"]),
            str(found[0]["training"]["rows"] + found[0][where]["scans"]),
            _cell(100 * _mean(found, where, "accuracy"), ".1f"),
            _cell(100 * _mean(found, where, "loose_accuracy"), ".1f"),
            _cell(_mean(found, where, "distance_m"), ".2f"),
            _cell(_mean(found, where, "expectation_m"), ".2f"),
        ])  # fmt: skip
    head = ["place", "network", "APs", "scans", "accuracy %", "loose %", "cell error m",
            "expectation m"]  # fmt: skip
    return _table(head, rows)


def _claim(groups: dict) -> str:
    rows = []
    for (title, variant), found in groups.items():
        for name in _SCORES:
            at = ("explained", "scores", name)
            rows.append([
                f"{title}, {variant}", name,
                *(_cell(_mean(found, *at, "mean", g), ".3g")
                  for g in found[0]["explained"]["scores"][name]["mean"]),
                _cell(_mean(found, *at, "ratio"), ".2f"), _cell(_mean(found, *at, "auc"), ".2f"),
                _cell(_mean(found, *at, "ks"), ".2f"), _cell(_mean(found, *at, "spearman"), "+.2f"),
            ])  # fmt: skip
    head = ["place, network", "score", "mean at 0 m", "under 1 m", "1 to 2 m", "2 m and more",
            "rho", "AUC", "KS", "Spearman"]  # fmt: skip
    return _table(head, rows)


def _deletion(groups: dict) -> str:
    rows = []
    for (title, variant), found in groups.items():
        for name in _DELETION:
            at = ("explained", "deletion", "beyond_random", name)
            rows.append([
                f"{title}, {variant}", name, _cell(100 * _mean(found, *at, "accuracy"), "+.1f"),
                _cell(_mean(found, *at, "error_m"), "+.2f"),
                _cell(_mean(found, *at, "probability"), "+.3f"),
            ])  # fmt: skip
    return _table(["place, network", "order", "accuracy, points", "cell error m", "p"], rows)


def _agreement(groups: dict) -> str:
    names = list(next(iter(groups.values()))[0]["explained"]["agreement"])
    rows = [
        [title, variant, *(_cell(_mean(found, "explained", "agreement", n), ".2f") for n in names)]
        for (title, variant), found in groups.items()
    ]
    return _table(["place", "network", *names], rows)


def _nearness(groups: dict) -> str:
    keys = {
        "score_distance": "score, distance", "level_distance": "RSSI, distance",
        "score_level": "score, RSSI", "top3_share": "scans with one in the top 3",
        "top3_distance_m": "median m to it", "all_distance_m": "median m to the nearest",
    }  # fmt: skip
    rows = [
        [title, variant, *(_cell(_mean(found, "explained", "nearness", k), ".2f") for k in keys)]
        for (title, variant), found in groups.items()
        if any(one["explained"]["nearness"] is not None for one in found)
    ]
    return _table(["place", "network", *keys.values()], rows)
