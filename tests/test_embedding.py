"""The examples of embedding run, and answer what the SDK answers."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EMBED = ROOT / "examples" / "embed"

sys.path.append(str(ROOT / "tests" / "sdk"))

import small_bundles as small  # noqa: E402

from sdk import Localizer  # noqa: E402

SCANS = [small.scan_of(row, 1000 * i) for i, row in enumerate(small.survey())]


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "site.rssfix"
    path.write_bytes(small.pack(*small.neighbours_parts()))
    return path


def walk(path, scans):
    path.write_text("".join(scan.to_json() + "\n" for scan in scans))
    return path


def tracked(bundle, scans):
    with Localizer.open(bundle) as localizer:
        track = localizer.start_track()
        return [track.update(scan) for scan in scans]


def run(name, *arguments):
    command = [sys.executable, EMBED / name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_script(bundle, tmp_path):
    empty = small.scan_of(small.survey()[0] * float("nan"), 10**9)
    lines = run("script.py", bundle, walk(tmp_path / "walk.jsonl", [*SCANS, empty]))
    fixes = tracked(bundle, SCANS)
    assert len(lines) == len(SCANS) + 1
    for line, fix in zip(lines, fixes, strict=False):
        assert line.startswith(f"{fix.timestamp_ms}: x {fix.x_m:.1f} m, y {fix.y_m:.1f} m, floor")
    assert lines[-1] == f"{10**9}: no position, TOO_FEW_APS"


def test_thread_pool(bundle, tmp_path):
    walks = [walk(tmp_path / f"walk{i}.jsonl", SCANS[i : i + 20]) for i in range(8)]
    lines = run("thread_pool.py", bundle, *walks)
    for i, line in enumerate(lines):
        last = tracked(bundle, SCANS[i : i + 20])[-1]
        assert line == f"walk{i}.jsonl: 20 scans, ended at ({last.x_m:.1f}, {last.y_m:.1f}) m"


@pytest.fixture
def service(bundle):
    process = subprocess.Popen(
        [sys.executable, EMBED / "asyncio_service.py", bundle, "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    port = int(process.stdout.readline().split()[-1])
    yield process, port
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_asyncio_service(bundle, service):
    process, port = service
    devices = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(2)]
    files = [device.makefile("rw", encoding="utf-8", newline="\n") for device in devices]

    def ask(number, line):
        files[number].write(line + "\n")
        files[number].flush()
        return json.loads(files[number].readline())

    # Two devices in turns: each has its own track, whatever the other's time is.
    ways = [SCANS[:6], SCANS[20:26]]
    fixes = [tracked(bundle, way) for way in ways]
    for i in range(6):
        for number in (0, 1):
            assert ask(number, ways[number][i].to_json()) == fixes[number][i].to_dict()
    assert "not a line of JSON" in ask(0, "nonsense")["error"]
    assert "comes after" in ask(0, SCANS[0].to_json())["error"]
    asked = {**json.loads(SCANS[7].to_json()), "explain": True}
    with Localizer.open(bundle) as localizer:
        top = [list(pair) for pair in localizer.explain(SCANS[7]).top(3)]
    assert ask(0, json.dumps(asked))["why"] == top
    # A broken bundle is refused, and the service goes on.
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:100])
    os.kill(process.pid, signal.SIGHUP)
    assert process.stderr.readline().startswith("still serving")
    bundle.write_bytes(whole)
    os.kill(process.pid, signal.SIGHUP)
    assert process.stderr.readline().startswith("serving 0123456789abcdef")
    assert ask(1, SCANS[30].to_json())["status"] == "OK"
    for file, device in zip(files, devices, strict=True):
        file.close()
        device.close()
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""
