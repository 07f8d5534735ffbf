"""Does the order of access points on the cyclic map matter for accuracy? And the padding?

    python -m evaluation.ap_order SURVEY... --out evaluation/results/exloc

Small networks with every order and head, several seeds, one fit each (no refit): mean error on the
test split. Held out for early stopping: the split of ``training.split``. Training scans are thinned
(a spot's scans of one visit are alike), which costs every order the same. With ``--padding`` the
second question: the same heads on N x N maps with zero padding, the paper's, beside circular ones,
and these trained in their exact 1-D form.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evaluation.provenance import commit, today
from sdk.atomic import write_file
from training import exloc
from training.decode import decode, softmax
from training.fingerprints import Vectors
from training.progress import steps
from training.run import Run
from training.split import validation_of
from training.survey import Survey
from training.survey_file import read_survey

ORDERS = (
    "pseudo_positions", "positions", "correlation", "name", "random:0", "random:1", "random:2",
)  # fmt: skip
HEADS = ("per_ap", "gap_embedding", "gap")
SMALL = {"width": 24, "depth": 3, "kernel": 3, "cap": 27, "epochs": 15}
PADDED = {"width": 16, "depth": 3, "kernel": 3, "cap": 16, "epochs": 12}
# One Adam step moves a tap of the 1-D form by one rate, in the 2-D form by 9/5 in the mean.
PADDINGS: dict[str, dict[str, object]] = {
    "circular": {"padding": "circular", "form": "2d"},
    "zero": {"padding": "zero", "form": "2d"},
    "circular, trained in 1-D": {"padding": "circular", "form": "1d"},
    "circular, trained in 1-D at 9/5 of the rate": {
        "padding": "circular", "form": "1d", "learning_rate": 6e-3 * 9 / 5,
    },
}  # fmt: skip
KEEP_EVERY = 3
NOTES = "## How to read it\n"


def thinned(survey: Survey, every: int) -> Survey:
    """Every ``every``-th scan that is not a test scan, with the held-out ones as validation."""
    test = survey.rows("test")
    place = np.cumsum(~test)
    kept = survey.take(test | (place % every == 0))
    split = kept.split.copy()
    split[validation_of(kept).rows] = "validation"
    return kept.with_split(split)


def test_error_m(run: Run, survey: Survey) -> float:
    """Mean error on the test split, decoded as a device does."""
    part = survey.take(survey.rows("test"))
    rssi = Vectors(run.merge_virtual_aps, run.limits["max_age_ms"]).of(part, run.bssids)
    network = exloc.load_network(run)
    with torch.inference_mode():
        images = torch.from_numpy(run.input_recipe.images(rssi)).split(256)
        logits = torch.cat([network(rows) for rows in images]).numpy()
    places = run.arrays["places_xy_m"], run.arrays["places_floor"]
    found = decode(softmax(logits, run.temperature), *places, run.estimate)
    return float(np.linalg.norm(found.xy_m - part.xy_m, axis=1).mean())


def variants(padding: bool) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Head, what is varied, and the settings of every row of the table."""
    if padding:
        for head, (name, changes) in itertools.product(HEADS, PADDINGS.items()):
            yield head, name, {**PADDED, "head": head, **changes}
        return
    for head, order in itertools.product(HEADS, ORDERS):
        yield head, order, {**SMALL, "head": head, "order": order}


def study(survey: Survey, seeds: int, padding: bool, shown: bool) -> list[dict[str, Any]]:
    """One row per variant, with the test errors of all seeds; by position where some are known."""
    made = thinned(survey, 2 * KEEP_EVERY if padding else KEEP_EVERY)
    known = bool(survey.access_points)
    wanted = [v for v in variants(padding) if known or v[1] != "positions"]
    rows = []
    with steps(survey.header.name, len(wanted) * seeds, shown) as advance:
        for head, name, changes in wanted:
            errors = []
            for seed in range(seeds):
                run = exloc.train(made, "small", seed, changes=changes, threads=1)
                errors.append(test_error_m(run, made))
                advance(f"{head} {name} {errors[-1]:.2f} m")
            row = {"survey": survey.header.name, "head": head, "varied": name, "mean_m": errors}
            rows.append(row | {"n_aps": len(run.bssids)})
    return rows


def reading(rows: Sequence[dict[str, Any]], head: str, padding: bool) -> str:
    """One sentence about a head: two variants seed by seed, since a seed gives both one start."""
    groups: dict[str, list[list[float]]] = {}
    for row in rows:
        if row["head"] == head:
            groups.setdefault(row["varied"].partition(":")[0], []).append(row["mean_m"])
    one, other = ("circular", "zero") if padding else ("pseudo_positions", "random")
    a, b = (np.mean(groups[name], axis=0) for name in (one, other))
    gain = b - a
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    verdict = "no clear difference"
    if abs(gain.mean()) > 2 * error and len(set(np.sign(gain))) == 1:
        verdict = f"{one if gain.mean() > 0 else other} is better with every seed"
    return (
        f"{head}: {one} {a.mean():.2f} m, {other} {b.mean():.2f} m; seed by seed {one} is "
        f"{gain.mean():+.2f} ± {error:.2f} m ahead: {verdict}."
    )


def table(rows: Sequence[dict[str, Any]], padding: bool) -> str:
    """One table per survey: variants down, heads across; mean ± standard deviation of the seeds."""
    parts = []
    for survey in dict.fromkeys(row["survey"] for row in rows):
        here = [row for row in rows if row["survey"] == survey]
        cells = {(r["varied"], r["head"]): np.array(r["mean_m"]) for r in here}
        heads = list(dict.fromkeys(r["head"] for r in here))
        lines = [
            f"### {survey}, {here[0]['n_aps']} access points\n",
            f"| {'padding' if padding else 'order'} | {' | '.join(heads)} |",
            f"|---|{'--:|' * len(heads)}",
        ]
        for varied in dict.fromkeys(r["varied"] for r in here):
            values = (cells[varied, head] for head in heads)
            shown = " | ".join(f"{v.mean():.2f} ± {v.std(ddof=1):.2f}" for v in values)
            lines.append(f"| {varied} | {shown} |")
        lines += ["", *(f"- {reading(here, head, padding)}" for head in heads)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("surveys", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--padding", action="store_true", help="zero padding instead of orders")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    made_at = commit()
    for path in arguments.surveys:
        rows += study(read_survey(path), arguments.seeds, arguments.padding, shown=True)
        print(write(rows, arguments, made_at))


def write(rows: Sequence[dict[str, Any]], arguments: argparse.Namespace, made_at: str) -> str:
    """The figures so far as JSON and Markdown in the output folder; the Markdown."""
    padding, seeds = arguments.padding, arguments.seeds
    settings = PADDED if padding else SMALL
    surveys = " ".join(map(str, arguments.surveys))
    flags = f"--seeds {seeds}{' --padding' if padding else ''}"
    record = {
        "command": f"python -m evaluation.ap_order {surveys} --out {arguments.out} {flags}",
        "commit": made_at,
        "date": today(),
        "settings": settings,
        "rows": rows,
    }
    title = "Zero and circular padding" if padding else "The order of access points"
    page = arguments.out / f"{'ap_order_padding' if padding else 'ap_order'}.md"
    # What follows this heading is written by hand and kept.
    notes = page.read_text().partition(NOTES)[2] if page.exists() else "\n"
    text = (
        f"# {title}\n\n`{record['command']}`, commit {record['commit']}, {record['date']}.\n\n"
        f"Mean error in metres on the test split, mean ± standard deviation of {seeds} seeds; "
        f"preset small with {', '.join(f'{k} {v}' for k, v in settings.items())}, thinned training "
        f"scans, one fit.\n\n{table(rows, padding)}\n\n{NOTES}{notes}"
    )
    write_file(page.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    write_file(page, text)
    return text


if __name__ == "__main__":
    main()
