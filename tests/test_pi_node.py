"""The service file of a node: systemd takes it, its sandbox is tight, and rssfix works inside."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "examples" / "pi" / "rssfix.service"
RSSFIX = Path(sys.executable).parent / "rssfix"

sys.path.append(str(ROOT / "tests" / "sdk"))

import small_bundles as small  # noqa: E402

# 0 to 10, less is tighter; what is left is the network, netlink and CAP_NET_ADMIN.
MOST_EXPOSED = 1.7
# In a process of its own: a fork of this one would be a fork of whatever other tests loaded.
PR_SET_MDWE = 65
DENIED = f"""
import ctypes, os, sys
if ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0) != 0:
    sys.exit("no PR_SET_MDWE")
os.execv(sys.argv[1], sys.argv[1:])
"""


def settings():
    lines = UNIT.read_text().splitlines()
    return [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]


@pytest.fixture(scope="module")
def analyze(tmp_path_factory):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path_factory.mktemp("unit") / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/rssfix/bin/rssfix", str(RSSFIX)))

    def run(*arguments):
        command = [program, *arguments, str(unit)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_systemd_understands_every_line(analyze):
    done = analyze("verify", "--man=no")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_sandbox_is_tight(analyze):
    done = analyze("security", "--offline=true", f"--threshold={round(MOST_EXPOSED * 10)}")
    assert done.returncode == 0, done.stdout[-400:]
    (level,) = re.findall(r"Overall exposure level for rssfix.service: ([\d.]+)", done.stdout)
    assert float(level) <= MOST_EXPOSED


def test_the_measure_of_sandboxes_is_awake(analyze, tmp_path):
    bare = tmp_path / UNIT.name
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    program = shutil.which("systemd-analyze")
    command = [program, "security", "--offline=true", "--threshold=80", bare]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_command_line_is_one_that_rssfix_takes():
    from sdk.live_cli import run

    (command,) = [value for name, value in settings() if name == "ExecStart"]
    values = {"RSSFIX_SOURCE": "iw", "RSSFIX_INTERVAL": "5"}
    env = (UNIT.parent / "node.env").read_text()
    values |= dict(re.findall(r"^(RSSFIX_\w+)=(\S+)$", env, flags=re.MULTILINE))
    words = shlex.split(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], command))
    assert words[:2] == ["/opt/rssfix/bin/rssfix", "run"]
    context = run.make_context("run", words[2:])
    assert context.params["url"] == values["RSSFIX_MQTT"]
    assert context.params["track"] is True
    assert context.params["output"] == "mqtt"


def test_rssfix_works_without_memory_that_is_writable_and_executable(tmp_path):
    """MemoryDenyWriteExecute=yes, by the kernel's own switch."""
    assert ["MemoryDenyWriteExecute", "yes"] in settings()
    if tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < (6, 3):
        pytest.skip("this kernel has no PR_SET_MDWE (6.3)")
    scans = tmp_path / "scans.jsonl"
    scans.write_text(small.scan_of(small.survey()[7]).to_json())
    for name, parts in (
        ("neighbours", small.neighbours_parts()),
        ("network", small.cells_parts("per_ap")),
    ):
        bundle = tmp_path / f"{name}.rssfix"
        bundle.write_bytes(small.pack(*parts))
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                DENIED,
                RSSFIX,
                "run",
                bundle,
                "--source",
                f"replay:{scans}",
                "--track",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["status"] == "OK"
