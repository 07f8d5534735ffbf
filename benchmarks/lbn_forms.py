"""Times the LBN-CNN on a device, norm by norm and form by form, and a step of its training.

    python benchmarks/lbn_forms.py            tables
    python benchmarks/lbn_forms.py --json     the same for machines
    python benchmarks/lbn_forms.py --write    writes benchmarks/lbn_forms.md

The paper's network (side 16, 74 places) with random weights and the statistics of random images,
batch 1, one thread, numpy in, numpy out. "as trained" converts the network as it stands, formulas
of its norm included; the others are the forms of export/lbn_folding.py. All models of a runtime,
fp32 and int8, take turns in random order, so that drift of the machine and what the model before
left in the caches fall on all. The time is that of the processor, which on an idle machine is the
time that passes. Ratios are ratios of medians. Training: forward, backward and Adam at batch 128,
norms in turns. Models are kept under build/lbn_forms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.lbn import NORM_PATTERN
from export.lbn_folding import folded
from export.onnx_model import quantize_onnx, to_onnx
from export.tflite_model import quantize_tflite, to_tflite
from sdk.bench import machine
from sdk.runtimes import ModelShape
from sdk.runtimes.onnx import OnnxRuntime
from sdk.runtimes.tflite import TfliteRuntime, interpreters
from training.fitting import arithmetic
from training.networks.lbn import LbnNet

CACHE = Path(__file__).parents[1] / "build" / "lbn_forms"
PLACES, SIDE = 74, 16
RUNTIMES = ("ai-edge-litert", "onnxruntime", "tflite-runtime")
PRECISIONS = ("fp32", "int8")
TURNS, WARM_UP = 600, 20
STEPS, BATCH = 12, 128
# Of the rows that norms see before they are converted, and of the quantizers' calibration.
ROWS = 64


class _AsTrained(nn.Module):
    def __init__(self, network: LbnNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.scores(x)


@dataclass(frozen=True)
class Case:
    """A norm, its layer, the form it is converted in, and LBN's scope."""

    norm: str
    layer: int = 1
    form: str = "as trained"
    scope: str = "batch"

    @property
    def depends_on_the_scan(self) -> bool:
        """Then the norm stays float32 in TFLite, as in bundles."""
        return self.norm == "ln" or self.scope == "sample"

    @property
    def title(self) -> str:
        if self.norm == "none":
            return self.norm
        norm = self.norm + (" by scan" if self.scope == "sample" else "")
        return f"{norm}, layer {self.layer}, {self.form}"

    def module(self) -> nn.Module:
        torch.manual_seed(0)
        network = LbnNet(PLACES, SIDE, self.norm, self.layer, scope=self.scope, momentum=0.5)
        with torch.no_grad():
            for seed in range(8):
                network(torch.from_numpy(images(seed)))
        network.eval()
        return _AsTrained(network) if self.form == "as trained" else folded(network, self.form)

    def file(self, model: str, precision: str) -> bytes:
        """The model, converted on first use."""
        name = f"{self.title.replace(', ', '_').replace(' ', '_')}_{precision}.{model}"
        path = CACHE / name
        if not path.exists():
            if precision == "int8":
                source, rows = self.file(model, "fp32"), images(99)
                data = (
                    quantize_onnx(source, rows)
                    if model == "onnx"
                    else quantize_tflite(source, rows, [NORM_PATTERN] * self.depends_on_the_scan)
                )
            else:
                convert = to_tflite if model == "tflite" else _onnx
                data = convert(self.module(), (1, 1, SIDE, SIDE))
            CACHE.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".partial").write_bytes(data)
            path.with_suffix(".partial").rename(path)
            print(f"# converted {name}", flush=True)
        return path.read_bytes()


CASES = (
    Case("none"),
    *(Case("bn", 1, form) for form in ("as trained", "multiply_add", "crossed")),
    *(Case("lbn", 1, form) for form in ("as trained", "multiply_add", "crossed", "depthwise")),
    Case("bn", 2, "multiply_add"), Case("lbn", 2, "multiply_add"),
    Case("bn", 3, "multiply_add"), Case("lbn", 3, "multiply_add"),
    Case("ln"), Case("lbn", scope="sample"),
)  # fmt: skip


def images(seed: int) -> NDArray[np.float32]:
    """Like those of a survey: two thirds of the cells are not heard."""
    rng = np.random.default_rng(seed)
    level = rng.random((ROWS, 1, SIDE, SIDE), dtype=np.float32) * 0.6
    often = np.random.default_rng(0).random((1, 1, SIDE, SIDE)) ** 2
    return np.where(rng.random(level.shape) < often, level, np.float32(0.0))


def _onnx(module: nn.Module, shape: tuple[int, ...]) -> bytes:
    return to_onnx(module, shape, ("logits",))


def runner(case: Case, runtime: str, precision: str) -> Callable[[NDArray[np.float32]], Any]:
    shape = ModelShape((1, 1, SIDE, SIDE), PLACES, None, "logits", None)
    if runtime == "onnxruntime":
        return OnnxRuntime(case.file("onnx", precision), shape, 1).scores
    found = [i for i in interpreters(most=2) if i[1].startswith(runtime)]
    if not found:
        raise LookupError(f"{runtime} is not installed")
    return TfliteRuntime(case.file("tflite", precision), shape, 1, found[0]).scores


def inference(runtime: str) -> list[dict[str, Any]]:
    """All cases in both precisions, in turns. Raises LookupError without the runtime."""
    runs = {(case, p): runner(case, runtime, p) for case in CASES for p in PRECISIONS}
    rows = images(7)
    taken: dict[tuple[Case, str], list[float]] = {key: [] for key in runs}
    for turn in range(TURNS + WARM_UP):
        row = rows[turn % ROWS][None]
        for key in random.sample(list(runs), len(runs)):
            started = time.process_time_ns()
            runs[key](row)
            if turn >= WARM_UP:
                taken[key].append((time.process_time_ns() - started) / 1e3)
    model = "onnx" if runtime == "onnxruntime" else "tflite"
    return [
        {
            "runtime": runtime,
            "case": case.title,
            **{f"us_{p}": statistics.median(taken[case, p]) for p in PRECISIONS},
            **{f"bytes_{p}": len(case.file(model, p)) for p in PRECISIONS},
        }
        for case in CASES
    ]


def training() -> list[dict[str, Any]]:
    """Scans per second of a training step, one thread."""
    torch.manual_seed(0)
    nets = {norm: LbnNet(PLACES, SIDE, norm) for norm in ("none", "bn", "ln", "lbn")}
    adams = {norm: torch.optim.AdamW(net.parameters()) for norm, net in nets.items()}
    taken: dict[str, list[float]] = {norm: [] for norm in nets}
    x = torch.from_numpy(np.concatenate([images(0), images(1)]))
    y = torch.arange(BATCH) % PLACES
    with arithmetic(1):
        for _ in range(STEPS):
            for norm, net in nets.items():
                started = time.process_time()
                loss = nn.functional.cross_entropy(net(x), y)
                adams[norm].zero_grad()
                loss.backward()
                adams[norm].step()
                taken[norm].append(time.process_time() - started)
    return [
        {"norm": norm, "scans_per_s": BATCH / statistics.median(times[2:])}
        for norm, times in taken.items()
    ]


def tables(report: dict[str, Any]) -> str:
    lines = []
    for runtime in RUNTIMES:
        rows = [r for r in report["inference"] if r["runtime"] == runtime]
        if not rows:
            lines += [f"{runtime}: not installed here.", ""]
            continue
        lines += [
            f"| {runtime} | MB fp32 | MB int8 | fp32 µs | int8 µs | int8 / fp32 | fp32 / none "
            "| int8 / none |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for r in rows:
            lines.append(
                f"| {r['case']} | {r['bytes_fp32'] / 1e6:.2f} | {r['bytes_int8'] / 1e6:.2f} "
                f"| {r['us_fp32']:.0f} | {r['us_int8']:.0f} | {r['us_int8'] / r['us_fp32']:.2f} "
                f"| {r['us_fp32'] / rows[0]['us_fp32']:.2f} "
                f"| {r['us_int8'] / rows[0]['us_int8']:.2f} |"
            )
        lines.append("")
    lines += ["| training, norm on layer 1 | scans/s |", "|---|--:|"]
    lines += [f"| {r['norm']} | {r['scans_per_s']:.0f} |" for r in report["training"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--write", action="store_true", help="write benchmarks/lbn_forms.md")
    arguments = parser.parse_args()
    rows = []
    for runtime in RUNTIMES:
        try:
            rows += inference(runtime)
        except LookupError as error:
            print(f"# {error}", flush=True)
    about = machine()
    report = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{about['cpu']} ({about['cores']} cores, load {os.getloadavg()[2]:.1f} over 15 "
        f"minutes), processor time, Python {about['python']}, torch {torch.__version__}",
        "inference": rows,
        "training": training(),
    }
    print(json.dumps(report, indent=1) if arguments.json else tables(report))
    if arguments.write:
        page = Path(__file__).parent / "lbn_forms.md"
        notes = page.read_text().partition(NOTES)[2] if page.exists() else "\n"
        page.write_text(
            f"# The LBN-CNN on a device, norm by norm\n\n"
            f"`python benchmarks/lbn_forms.py --write`, {report['date']}.\n{report['machine']}; "
            f"side {SIDE}, {PLACES} places, batch 1, one thread, models in turns.\n\n"
            f"{tables(report)}\n\n{NOTES}{notes}"
        )


# What follows this heading in lbn_forms.md is written by hand and kept.
NOTES = "## How to read it\n"

if __name__ == "__main__":
    main()
