"""rssfix_bench prints and writes what a benchmark must, and its accuracy is no accident."""

from __future__ import annotations

import json
import subprocess

import pytest
from test_cpp import compiled


@pytest.fixture(scope="module")
def program():
    return compiled("werror") / "native" / "bench" / "rssfix_bench"


def bench(program, *options):
    return subprocess.run([program, *options], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("method", "mean_m"), [("ranks", 4.0), ("path_loss", 2.5)])
def test_the_report(program, tmp_path, method, mean_m):
    path = tmp_path / "bench.json"
    options = ("--method", method, "--num-runs", "480", "--warmup-runs", "0", "--json", path)
    done = bench(program, *options)
    assert done.returncode == 0, done.stderr
    report = json.loads(path.read_text())
    assert list(report["stages"]) == ["window", "locate", "filter", "total"]
    for times in report["stages"].values():
        assert list(times) == ["min_us", "p50_us", "p90_us", "p95_us", "p99_us", "max_us"]
        assert list(times.values()) == sorted(times.values())
    memory, accuracy = report["memory"], report["accuracy"]
    assert 0 < memory["start_bytes"] <= memory["after_init_bytes"] <= memory["peak_bytes"]
    assert report["init_us"] > 0
    assert report["first_us"] > 0
    assert 0 < report["model_bytes"] < report["locator_bytes"]
    assert (accuracy["n"], accuracy["answered"]) == (480, 480)
    assert 0.5 < accuracy["median_m"] < accuracy["p95_m"]
    assert 0.5 < accuracy["mean_m"] < mean_m
    assert accuracy["floor_hit"] > 0.9
    for words in ("kernels ", "model ", "init ", "first fix ", "p99", "peak ", "accuracy in this"):
        assert words in done.stdout
    again = bench(program, *options)
    assert again.returncode == 0
    assert json.loads(path.read_text())["accuracy"] == accuracy


@pytest.mark.parametrize(
    "options",
    [
        ("--method", "magic"),
        ("--num-runs", "0"),
        ("--num-runs", "-3"),
        ("--json",),
        ("--fast", "1"),
    ],
)
def test_wrong_options_get_the_usage(program, options):
    done = bench(program, *options)
    assert done.returncode == 2
    assert "usage: rssfix_bench" in done.stderr


def test_a_file_that_cannot_be_written_is_named(program, tmp_path):
    done = bench(program, "--num-runs", "1", "--json", str(tmp_path / "no" / "bench.json"))
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
