"""`rssfix bench`: what one fix costs on this machine, stage by stage, and how good it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import click
import numpy as np

from ._core import Motion
from .atomic import write_file
from .bundle import Bundle
from .errors import ScanError
from .fix import Fix
from .localizer import Localizer
from .machine import current_bytes, machine, peak_bytes
from .runtimes import RUNTIMES, RuntimeChoice
from .scan import Scan
from .scan_lines import at, read_lines
from .truths import Truth, accuracy, truth_of

STAGES = ("parse", "fingerprint", "image", "model", "decode", "total")
PERCENTILES = (50, 90, 95, 99)
# What a track adds to a fix, as sdk.Track does by default: m/s^2, ms, votes.
_MOTION = (0.3, 60_000, 5)


def golden_lines(bundle: Bundle) -> list[str]:
    """The golden inputs as scans in JSON Lines."""
    table = bundle.manifest.table
    lines = []
    for number, row in enumerate(bundle.golden_rssi_dbm):
        heard = np.flatnonzero(~np.isnan(row))
        levels = {table.bssids[i]: float(np.clip(row[i], -149.0, -1.0)) for i in heard}
        lines.append(Scan.from_dict(levels, number).to_json())
    return lines


def measure(
    localizer: Localizer,
    raw: Sequence[Any],
    warmup: int,
    runs: int,
    parse: Callable[[Any], Scan] = Scan.from_json,
    fixes: dict[int, Fix | None] | None = None,
) -> dict[str, Any]:
    """Times per stage in microseconds over `runs` fixes, the raw scans taken in turn.

    `image` makes the model's input (for Hapi what the scan says about its floors), `model` is what
    computes the answer: network, neighbours, or Hapi's network and maps. Beside the stages of a fix
    stand `filter`, what a track adds, and `sdk`: all of the fix but `model`.

    Args:
        fixes: gets the timed fix of every scan, or None where it gave no position, by the scan's
            number in `raw`.
    """
    model = localizer._serving()
    positioner = model.positioner
    clock = time.perf_counter_ns
    times = np.zeros((runs, len(STAGES) + 2))
    motion = Motion(*_MOTION)
    done, tries = -warmup, 0
    while done < runs:
        number = tries % len(raw)
        one = raw[number]
        tries += 1
        begin = clock()
        scan = parse(one)
        parsed = clock()
        fingerprint = model.fingerprint(scan)
        matched = clock()
        if model.refusal(fingerprint) is not None:
            if tries > 10 * (warmup + runs) + 100:
                raise ScanError("none of these scans gives a position: nothing to time")
            if fixes is not None:
                fixes[number] = None
            continue
        refused = clock()
        prepared = positioner.prepare(fingerprint)
        imaged = clock()
        answer = positioner.invoke(prepared)
        invoked = clock()
        posterior = positioner.decode(answer)
        fix = model.fix(posterior, scan.timestamp_ms, fingerprint.matched)
        end = clock()
        # A second between fixes, whatever the recording says: it is served over and over.
        motion.advance(1000 * tries)
        if fix.x_m is not None and fix.y_m is not None and fix.floor is not None and fix.accuracy_m:
            motion.measure(fix.x_m, fix.y_m, fix.floor, fix.accuracy_m)
        filtered = clock()
        if done >= 0:
            if fixes is not None:
                fixes[number] = fix
            times[done] = (
                parsed - begin,
                matched - parsed,
                imaged - refused,
                invoked - imaged,
                end - invoked,
                end - begin,
                filtered - end,
                end - begin - (invoked - imaged),
            )
        done += 1
    names = (*STAGES, "filter", "sdk")
    return {stage: _spread(times[:, i] / 1000) for i, stage in enumerate(names)}


def _first_us(localizer: Localizer, lines: list[str]) -> float:
    """The first fix with a position; what comes before it does not run the model."""
    elapsed_us = 0.0
    for line in lines:
        begin = time.perf_counter_ns()
        fix = localizer.locate(Scan.from_json(line))
        elapsed_us = (time.perf_counter_ns() - begin) / 1000
        if fix:
            break
    return elapsed_us


def _spread(times_us: Any) -> dict[str, float]:
    marks = np.percentile(times_us, PERCENTILES)
    return {
        "min_us": float(times_us.min()),
        **{f"p{p}_us": float(mark) for p, mark in zip(PERCENTILES, marks, strict=True)},
        "max_us": float(times_us.max()),
    }


@click.command()
@click.argument("bundle", type=click.Path())
@click.option(
    "--scans",
    type=click.File("r", encoding="utf-8"),
    help="JSON Lines, with x_m, y_m and floor where known; default the golden pair.",
)
@click.option("--warmup-runs", type=click.IntRange(0), default=50, show_default=True)
@click.option("--num-runs", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--num-threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", show_default=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write JSON here.")
def bench(
    bundle: str,
    scans: TextIO | None,
    warmup_runs: int,
    num_runs: int,
    num_threads: int,
    runtime: RuntimeChoice,
    json_file: str | None,
) -> None:
    """Time and memory of one fix with BUNDLE on this machine."""
    start = current_bytes()
    begin = time.perf_counter_ns()
    localizer = Localizer.open(bundle, runtime, num_threads)
    init_us = (time.perf_counter_ns() - begin) / 1000
    after_init = current_bytes()
    with localizer:
        truths: list[Truth | None] = []
        lines = []
        if scans is not None:
            for place, line in read_lines(scans):
                lines.append(at(place, Scan.from_json, line).to_json())
                truths.append(at(place, truth_of, line))
        else:
            lines = golden_lines(Bundle.open(bundle))
        if not lines:
            raise ScanError("there are no scans to time")
        first_us = _first_us(localizer, lines)
        fixes: dict[int, Fix | None] = {}
        stages = measure(localizer, lines, warmup_runs, num_runs, fixes=fixes)
        del stages["sdk"]
        info = localizer.info
    used = "model.onnx" if info.runtime.startswith("onnxruntime") else "model.tflite"
    model = Bundle.open(bundle).models.get(used)
    report = {
        "runtime": info.runtime,
        "machine": machine(),
        "model_bytes": len(model) if model else info.bundle_bytes,
        "init_us": init_us,
        "first_us": first_us,
        "stages": stages,
        "memory": {
            "start_bytes": start,
            "after_init_bytes": after_init,
            "peak_bytes": peak_bytes(),
        },
        "accuracy": accuracy(fixes, truths),
        "measured": info.measured,
    }
    _show(report, info.name, num_runs, num_threads)
    if json_file is not None:
        write_file(json_file, json.dumps(report, indent=1) + "\n")


def _show(report: dict[str, Any], name: str, runs: int, threads: int) -> None:
    about, memory = report["machine"], report["memory"]
    click.echo(f"{about['cpu']}, {about['cores']} cores, {about['os']}")
    click.echo(
        f"rssfix {about['rssfix']}, Python {about['python']}, numpy {about['numpy']}, "
        f"{report['runtime']}, {threads} thread{'s' if threads > 1 else ''}"
    )
    click.echo(f"native core: {about['core']}")
    click.echo(f"{name}: model {report['model_bytes'] / 1e6:.3f} MB")
    click.echo(f"init {report['init_us'] / 1000:.1f} ms, first fix {report['first_us']:.0f} us")
    click.echo(f"\n{'us per fix':12}" + "".join(f"{c:>9}" for c in _COLUMNS) + f"   ({runs} runs)")
    for stage, times in report["stages"].items():
        click.echo(f"{stage:12}" + "".join(f"{value:9.1f}" for value in times.values()))
    click.echo(
        f"\nmemory: start {memory['start_bytes'] / 1e6:.1f} MB, after init "
        f"{memory['after_init_bytes'] / 1e6:.1f} MB, peak {memory['peak_bytes'] / 1e6:.1f} MB"
    )
    told = _facts(report["accuracy"]) if report["accuracy"] else "no scan says where it was taken"
    click.echo(f"accuracy in this run:            {told}")
    click.echo(f"accuracy held out before export: {_facts(report['measured'])}")
    if isinstance(beside := report["measured"].get("wknn"), dict):
        click.echo(f"weighted kNN on the same scans:  {_facts(beside)}")


_COLUMNS = ("min", *(f"p{p}" for p in PERCENTILES), "max")


def _facts(measured: dict[str, Any]) -> str:
    """The recorded figures in one line."""
    shown = [
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in measured.items()
        if not isinstance(value, dict)
    ]
    return ", ".join(shown) or "none"
