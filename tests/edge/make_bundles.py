"""Writes bundles of every runtime, scans, and what this machine answers: `on_arm.py` compares.

python tests/edge/make_bundles.py FOLDER
"""

import json
import sys
import warnings
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "sdk"))

import small_bundles as small

from sdk import Localizer


def main(folder: Path) -> None:
    """Bundles, `scans.jsonl`, and `expected.json`: {bundle: {"track": [...], "why": {...}}}."""
    folder.mkdir(parents=True, exist_ok=True)
    scans = [small.scan_of(row, 1000 * i) for i, row in enumerate(small.survey())]
    (folder / "scans.jsonl").write_text("".join(scan.to_json() + "\n" for scan in scans))
    with warnings.catch_warnings():
        # The converter and torch warn about each other.
        warnings.simplefilter("ignore")
        tflite = {"model.tflite": small.tflite_model("per_ap")}
    parts = {
        "neighbours": small.neighbours_parts(),
        "onnx": small.cells_parts("per_ap"),
        "tflite": small.cells_parts("per_ap", tflite),
    }
    expected = {}
    for name, (manifest, members) in parts.items():
        path = folder / f"{name}.rssfix"
        path.write_bytes(small.pack(manifest, members))
        with Localizer.open(path) as localizer:
            track = localizer.start_track()
            expected[name] = {
                "track": [track.update(scan).to_dict() for scan in scans],
                "why": localizer.explain(scans[7]).scores,
            }
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
