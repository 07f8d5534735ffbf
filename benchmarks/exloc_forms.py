"""Times eXLoc's two forms side by side: circular N x N maps, and the exact 1-D rewrite.

    python benchmarks/exloc_forms.py            a table
    python benchmarks/exloc_forms.py --json     the same for machines
    python benchmarks/exloc_forms.py --write    writes benchmarks/exloc_forms.md

The paper's shape (six layers of 3 x 3) with random weights, batch 1, one thread, numpy in, numpy
out, logits and features fetched. Both forms are converted from one network by `rssfix export`'s own
steps and take turns, run by run, so that drift of the machine falls on both. The time is that of
the processor, which on an idle machine is the time that passes: on a shared one, long runs are
interrupted and short ones are not. Ratios are ratios of medians. fp32 answers are compared in the
same run. Models are kept under build/exloc_forms.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from export.conversion import SCORES
from export.exloc import FEATURES, _Graph
from export.forms import to_2d
from export.onnx_model import quantize_onnx, to_onnx
from export.tflite_model import quantize_tflite, to_tflite
from sdk.bench import machine
from sdk.runtimes import ModelShape
from sdk.runtimes.onnx import OnnxRuntime
from sdk.runtimes.tflite import TfliteRuntime, interpreters
from training.networks.exloc import ExLocNet

CACHE = Path(__file__).parents[1] / "build" / "exloc_forms"
LAST = CACHE / "last.json"
APS, WIDTHS, HEADS = (10, 16, 27, 64), (64, 512), ("gap", "per_ap")
DEPTH, KERNEL, CELLS = 6, 3, 100
RUNTIMES = ("onnxruntime", "ai-edge-litert", "tflite-runtime")
PRECISIONS = ("fp32", "int8")
SLOWEST_S = 10.0
LONGEST_CONVERSION_S = 180.0
# Time spent on a pair of models, and the fewest and most runs of each.
BUDGET_S, FEWEST, MOST = 4.0, 3, 400
ROWS = 4
AIM_APS, AIM_WIDTH, AIM = 27, 512, 15.0

Both = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Case:
    """One network, in one form, format and precision."""

    n_aps: int
    width: int
    head: str
    form: str
    model: str
    precision: str

    @property
    def path(self) -> Path:
        name = f"{self.n_aps}_{self.width}_{self.head}_{self.form}_{self.precision}.{self.model}"
        return CACHE / name

    def network(self) -> ExLocNet:
        """Random weights, the same function in both forms; activations keep their size."""
        torch.manual_seed(self.n_aps)
        net = ExLocNet(self.n_aps, CELLS, self.width, DEPTH, KERNEL, "circular", self.head)
        for name, p in net.named_parameters():
            if name.endswith("conv.weight"):
                torch.nn.init.kaiming_normal_(p, nonlinearity="relu")
        return (net if self.form == "1d" else to_2d(net)).eval()

    def images(self, rows: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(self.n_aps)
        vectors = rng.normal(size=(rows, self.n_aps)).astype(np.float32)
        if self.form == "1d":
            return vectors[:, None, :]
        index = np.arange(self.n_aps)
        return vectors[:, (index[None] - index[:, None]) % self.n_aps][:, None]

    def bytes(self) -> bytes:
        """The model file, converted on first use. Raises TimeoutError where that took too long."""
        marker = self.path.with_suffix(self.path.suffix + ".slow")
        if marker.exists():
            raise TimeoutError(marker.read_text())
        if not self.path.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            data = self._converted()
            partial = self.path.with_suffix(".partial")
            partial.write_bytes(data)
            partial.rename(self.path)
            taken = time.perf_counter() - started
            print(f"# converted {self.path.name} in {taken:.0f} s", flush=True)
            if taken > LONGEST_CONVERSION_S:
                marker.write_text(f"its conversion took {taken:.0f} s")
                raise TimeoutError(marker.read_text())
        return self.path.read_bytes()

    def _converted(self) -> bytes:
        if self.precision == "int8":
            whole = Case(self.n_aps, self.width, self.head, self.form, self.model, "fp32").bytes()
            # The calibrator keeps every map of every row.
            images = self.images(4 if self.n_aps**2 * self.width > 300_000 else 32)
            quantize = quantize_onnx if self.model == "onnx" else quantize_tflite
            return quantize(whole, images)
        graph, shape = _Graph(self.network()), (1, *self.images(1).shape[1:])
        if self.model == "onnx":
            return to_onnx(graph, shape, (SCORES, FEATURES))
        return to_tflite(graph, shape)

    def runner(self, runtime: str) -> Callable[[NDArray[np.float32]], Both]:
        shape = ModelShape(
            (1, *self.images(1).shape[1:]), CELLS, (self.width, self.n_aps), SCORES, FEATURES
        )
        if runtime == "onnxruntime":
            return OnnxRuntime(self.bytes(), shape, 1).scores_and_features
        found = [i for i in interpreters(most=2) if i[1].startswith(runtime)]
        if not found:
            raise LookupError(f"{runtime} is not installed")
        return TfliteRuntime(self.bytes(), shape, 1, found[0]).scores_and_features


def pairs(aps: Sequence[int], widths: Sequence[int]) -> Iterator[tuple[Case, Case, str]]:
    """The 1-D and the 2-D case of every combination, and the runtime."""
    for width, n, head, precision, runtime in itertools.product(
        widths, aps, HEADS, PRECISIONS, RUNTIMES
    ):
        model = "onnx" if runtime == "onnxruntime" else "tflite"
        one, two = (Case(n, width, head, form, model, precision) for form in ("1d", "2d"))
        yield one, two, runtime


def measure(one: Case, two: Case, runtime: str) -> dict[str, Any]:
    """Both forms in turns. Raises TimeoutError where the 2-D one is too slow to be timed."""
    cases = (one, two)
    runs = [case.runner(runtime) for case in cases]
    images = [case.images(ROWS) for case in cases]
    once = []
    for run, rows in zip(runs, images, strict=True):
        run(rows[:1])
        started = time.process_time()
        run(rows[:1])
        once.append(time.process_time() - started)
    if once[1] > SLOWEST_S:
        raise TimeoutError(f"one 2-D inference takes {once[1]:.1f} s")
    count = int(np.clip(BUDGET_S / sum(once), FEWEST, MOST))
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(count):
        for run, rows, taken in zip(runs, images, times, strict=True):
            row = rows[turn % ROWS][None]
            started = time.process_time_ns()
            run(row)
            taken.append((time.process_time_ns() - started) / 1e3)
    row = {
        "n_aps": one.n_aps,
        "width": one.width,
        "head": one.head,
        "precision": one.precision,
        "runtime": runtime,
        "runs": count,
    }
    for case, taken in zip(cases, times, strict=True):
        row[f"median_us_{case.form}"] = statistics.median(taken)
        row[f"p90_us_{case.form}"] = float(np.percentile(taken, 90))
        row[f"bytes_{case.form}"] = case.path.stat().st_size
    row["ratio"] = row["median_us_2d"] / row["median_us_1d"]
    if one.precision == "fp32":
        row |= compared(one, runs, images)
    return row


def compared(
    case: Case, runs: Sequence[Callable[[NDArray[np.float32]], Both]], images: Sequence[Any]
) -> dict[str, float]:
    """Largest differences between the two forms' answers, and the largest values."""
    network = case.network()
    told: list[list[NDArray[Any]]] = []
    for run, rows in zip(runs, images, strict=True):
        answers = [run(row[None]) for row in rows]
        scores = np.stack([a[0] for a in answers])
        features = torch.from_numpy(np.stack([a[1] for a in answers]))
        told.append([scores, network.impact(features).numpy()])
    found = {}
    for name, a, b in zip(("logits", "impact"), *told, strict=True):
        found[f"{name}_difference"] = float(np.abs(a - b).max())
        found[f"{name}_largest"] = float(np.abs(a).max())
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| N | width | head | precision | runtime | MB 2-D | MB 1-D | 2-D median µs | p90 "
        "| 1-D median µs | p90 | ratio | runs | logits differ | Impact Scores differ |",
        "|--:|--:|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in rows:
        start = f"| {r['n_aps']} | {r['width']} | {r['head']} | {r['precision']} | {r['runtime']} |"
        if "skipped" in r:
            lines.append(f"{start} skipped: {r['skipped']} ||||||||||")
            continue
        differ = ["", ""]
        if "logits_difference" in r:
            differ = [
                f"{r[f'{name}_difference']:.0e} of {r[f'{name}_largest']:.2g}"
                for name in ("logits", "impact")
            ]
        lines.append(
            f"{start} {r['bytes_2d'] / 1e6:.2f} | {r['bytes_1d'] / 1e6:.2f} "
            f"| {r['median_us_2d']:.0f} | {r['p90_us_2d']:.0f} "
            f"| {r['median_us_1d']:.0f} | {r['p90_us_1d']:.0f} | {r['ratio']:.1f} "
            f"| {r['runs']} | {differ[0]} | {differ[1]} |"
        )
    return "\n".join(lines)


def summary(rows: Sequence[dict[str, Any]]) -> str:
    about = machine()
    text = (
        f"{about['cpu']} ({about['cores']} cores, load {os.getloadavg()[2]:.1f} over 15 minutes), "
        f"processor time, Python {about['python']}, numpy {about['numpy']}; {DEPTH} layers of "
        f"{KERNEL} x {KERNEL}, {CELLS} cells, random weights, batch 1, one thread, forms in turns."
    )
    aim = [r for r in rows if (r["n_aps"], r["width"]) == (AIM_APS, AIM_WIDTH) and "ratio" in r]
    if aim:
        least, most = min(aim, key=itemgetter("ratio")), max(aim, key=itemgetter("ratio"))
        text += (
            f"\n\nThe aim, {AIM:.0f}x at N = {AIM_APS} and width {AIM_WIDTH}: met in "
            f"{sum(r['ratio'] >= AIM for r in aim)} of {len(aim)} combinations, from "
            f"{least['ratio']:.1f}x ({least['runtime']}, {least['precision']}, {least['head']}) to "
            f"{most['ratio']:.1f}x ({most['runtime']}, {most['precision']}, {most['head']})."
        )
    same = [r for r in rows if "logits_difference" in r]
    if same:
        share = {
            name: max(r[f"{name}_difference"] / r[f"{name}_largest"] for r in same)
            for name in ("logits", "impact")
        }
        text += (
            f" In fp32 the logits of the two forms differ by at most {share['logits']:.1e} of the "
            f"largest, their Impact Scores by {share['impact']:.1e} ({len(same)} pairs)."
        )
    return text


def run(wanted: Iterator[tuple[Case, Case, str]], shown: bool) -> list[dict[str, Any]]:
    rows = []
    for one, two, runtime in wanted:
        try:
            row = measure(one, two, runtime)
        except (TimeoutError, LookupError) as error:
            row = {
                "n_aps": one.n_aps, "width": one.width, "head": one.head,
                "precision": one.precision, "runtime": runtime, "skipped": str(error),
            }  # fmt: skip
        rows.append(row)
        if shown:
            print(table([row]).splitlines()[-1], flush=True)
    return rows


def merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, and those of the last run for combinations that were not asked for this time."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("width", "n_aps", "head", "precision", "runtime"))

    old = json.loads(LAST.read_text())["rows"] if LAST.exists() else []
    made = {key(row): row for row in [*old, *rows]}
    return sorted(made.values(), key=lambda row: key(row)[:4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--write", action="store_true", help="write benchmarks/exloc_forms.md")
    parser.add_argument("--convert", action="store_true", help="only fill the cache")
    parser.add_argument("--last", action="store_true", help="the last run's figures once more")
    parser.add_argument("--aps", type=int, nargs="+", default=APS, help="these N only")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="these widths only")
    arguments = parser.parse_args()
    if arguments.convert:
        for pair in pairs(arguments.aps, arguments.widths):
            for case in pair[:2]:
                try:
                    case.bytes()
                except TimeoutError as error:
                    print(f"# {case.path.name}: {error}", flush=True)
        return
    if arguments.last:
        report = json.loads(LAST.read_text())
    else:
        rows = run(pairs(arguments.aps, arguments.widths), shown=not arguments.json)
        rows = merged(rows)
        report = {"date": time.strftime("%Y-%m-%d"), "summary": summary(rows), "rows": rows}
        LAST.write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1) if arguments.json else f"\n{report['summary']}")
    if arguments.write:
        page = Path(__file__).parent / "exloc_forms.md"
        notes = page.read_text().partition(NOTES)[2] if page.exists() else "\n"
        page.write_text(
            f"# eXLoc on N x N maps and in one dimension\n\n"
            f"`python benchmarks/exloc_forms.py --write`, {report['date']}.\n"
            f"{report['summary']}\n\n{table(report['rows'])}\n\n{NOTES}{notes}"
        )


# What follows this heading in exloc_forms.md is written by hand and kept.
NOTES = "## How to read it\n"

if __name__ == "__main__":
    main()
