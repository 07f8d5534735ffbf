"""The whole way on the included survey: train, export int8, locate the held-out scans, draw.

Writes out/library.rssfix, out/demo.png and out/demo.json. Run by `make demo`.
"""

import json
import time
from pathlib import Path

import numpy as np

from evaluation.cli import table
from evaluation.evaluate import evaluate_bundle, evaluate_knn, split_of
from evaluation.plots import demo_figure
from export.build import export_run
from sdk import Localizer
from training import exloc
from training.progress import steps
from training.survey_file import read_survey
from training.survey_scans import scans_of

ROOT = Path(__file__).parent.parent
SURVEY = ROOT / "examples" / "data" / "uji_library_floor3"
OUT = ROOT / "out"


def main() -> None:
    """Print the figures of the int8 bundle beside tuned weighted kNN, and the time per fix."""
    survey = read_survey(SURVEY)
    test = split_of(survey, "test")
    print(f"1. {survey.header.name}: {len(survey)} scans, {len(test)} of them held out")

    print("2. training eXLoc, preset small")
    exloc.train(survey, "small", seed=0, progress=True).save(OUT / "run")

    print("3. exporting int8 ONNX")
    report = export_run(OUT / "run", OUT / "library.rssfix", ["onnx"], "int8", progress=True)
    verdict = report.verdicts[0]
    print(
        f"   {report.path.relative_to(ROOT)}: {report.bytes / 1e6:.2f} MB; fixes "
        f"{verdict.shift_m:.3f} m from the fp32 checkpoint's in the mean"
    )

    print("4. locating the held-out scans")
    with Localizer.open(report.path) as localizer:
        with steps("locate", len(test), True) as advance:
            ours = evaluate_bundle(localizer, test, advance)
        knn, _ = evaluate_knn(survey, test)
        print(table({"eXLoc int8": ours.figures, "tuned weighted kNN": knn.figures}))
        latency_us = _latency_us(localizer, list(scans_of(test)))
        print(f"   {np.median(latency_us):.0f} us per fix (median), {localizer.info.runtime}")
        _picture(localizer, survey, test, ours)
    record = {**ours.figures, "wknn": knn.figures, "latency_p50_us": float(np.median(latency_us))}
    (OUT / "demo.json").write_text(json.dumps(record, indent=1) + "\n")
    print("5. out/demo.png shows the floor, one posterior and its Impact Scores")


def _latency_us(localizer, scans) -> np.ndarray:
    """Microseconds of each `locate`, one thread, after every scan has been located once."""
    found = []
    for scan in scans:
        start = time.perf_counter_ns()
        localizer.locate(scan)
        found.append((time.perf_counter_ns() - start) / 1000)
    return np.array(found)


def _picture(localizer, survey, test, ours) -> None:
    # The scan whose error is the median: neither the best nor the worst.
    row = int(np.argsort(ours.error_m)[len(ours.error_m) // 2])
    scan = list(scans_of(test))[row]
    demo_figure(
        ours,
        localizer.posterior(scan),
        localizer.locate(scan),
        tuple(test.xy_m[row]),
        localizer.explain(scan),
        OUT / "demo.png",
        f"rssfix on {survey.header.name}: eXLoc, int8",
    )


if __name__ == "__main__":
    main()
