"""Install size and memory of each inference runtime on 64-bit Arm, as tables."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

# What the tests on the target need; versions by constraints.txt.
PACKAGES = (
    "numpy", "click", "onnxruntime", "ai-edge-litert", "tflite-runtime", "cffi", "pytest",
    "hypothesis", "paho-mqtt",
)  # fmt: skip
ROWS = {
    "neighbours": ("none (weighted kNN)", ()),
    "tflite_runtime": ("tflite-runtime", ("tflite-runtime",)),
    "ai_edge_litert": ("LiteRT", ("ai-edge-litert",)),
    "onnxruntime": ("onnxruntime", ("onnxruntime",)),
}
# Run in a process of its own: python -c MEASURE runtime folder; prints resident kB.
MEASURE = """
import sys
runtime, folder = sys.argv[1], sys.argv[2]
if runtime != "nothing":
    other = {"ai_edge_litert": "tflite_runtime", "tflite_runtime": "ai_edge_litert"}.get(runtime)
    if other:
        sys.modules[other] = sys.modules[other + ".interpreter"] = None
    from sdk import Localizer, Scan
    name = {"neighbours": "neighbours", "onnxruntime": "onnx"}.get(runtime, "tflite")
    localizer = Localizer.open(f"{folder}/{name}.rssfix")
    track = localizer.start_track()
    with open(f"{folder}/scans.jsonl") as lines:
        for line in lines:
            track.update(Scan.from_json(line))
with open("/proc/self/status") as file:
    print(next(line for line in file if line.startswith("VmRSS")).split()[1])
"""
NOTES = """\
- Install: what the wheels unpack to, with all that they need, without compiled Python files.
  `rssfix` is the whole wheel; a device uses its folder `sdk`.
- Memory: resident after 40 fixes of a tiny bundle (8 access points, 40 places), less a bare
  Python's: what numpy, the SDK and the runtime cost; a model's own size comes on top. On x86-64 it
  is measured directly. Under qemu translated code counts too, so a device should need less.
- Nothing was timed: under qemu latency means nothing. Measure on the device, `rssfix bench`.
- armv6 (Raspberry Pi Zero 1) is not covered: Debian's armhf is armv7.
"""


def costs(wheels: Path, own: Path, emulated: dict[str, str], here: dict[str, str]) -> str:
    """Both tables as Markdown."""
    sizes = {_name(path): (_unpacked(path), _needs(path)) for path in wheels.glob("*.whl")}
    with zipfile.ZipFile(own) as archive:
        device = sum(i.file_size for i in archive.infolist() if i.filename.startswith("sdk/"))
    base = {"numpy", "click"}
    lines = [
        "| runtime | install MB | of it the runtime | memory MB, x86-64 | aarch64 in qemu |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, (label, extra) in ROWS.items():
        wanted = _closure({*base, *extra}, sizes)
        total = sum(sizes[one][0] for one in wanted) + _unpacked(own)
        added = sum(sizes[one][0] for one in wanted - _closure(base, sizes))
        lines.append(
            f"| {label} | {total / 1e6:.1f} | {added / 1e6:.1f} | {_more(here, name):.1f} | "
            f"{_more(emulated, name):.1f} |"
        )
    numpy = sizes["numpy"][0] / 1e6
    facts = f"- Of every install: numpy {numpy:.1f} MB, rssfix {_unpacked(own) / 1e6:.1f} MB"
    return "\n".join([*lines, "", f"{facts} (`sdk` {device / 1e6:.1f} MB).", NOTES])


def _more(steps: dict[str, str], name: str) -> float:
    """MB over a bare Python."""
    return (int(steps[name].split()[-1]) - int(steps["nothing"].split()[-1])) / 1e3


def _name(path: Path) -> str:
    return path.name.split("-")[0].lower().replace("_", "-").replace(".", "-")


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(one.file_size for one in archive.infolist())


def _needs(path: Path) -> list[str]:
    """What a wheel requires without extras."""
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        text = archive.read(name).decode()
    lines = re.findall(r"^Requires-Dist: ([\w.-]+)(.*)$", text, flags=re.MULTILINE)
    return [re.sub(r"[._]", "-", found.lower()) for found, rest in lines if "extra ==" not in rest]


def _closure(names: set[str], sizes: dict[str, tuple[int, list[str]]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        one = waiting.pop()
        # Requirements of other platforms were not downloaded.
        if one in sizes and one not in found:
            found.add(one)
            waiting += sizes[one][1]
    return found
