"""No kernel takes more instructions than benchmarks/instructions.json says, by over 5 %."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import instructions  # noqa: E402

RECORD = json.loads(instructions.RESULTS.read_text())


def test_no_kernel_has_grown():
    here = instructions.toolchain()
    if here != RECORD["toolchain"]:
        pytest.skip(f"counted with {RECORD['toolchain']}, here is {here}")
    try:
        now = instructions.count()
    except RuntimeError as error:
        if "apt-get" not in str(error):
            raise
        pytest.skip(str(error))
    assert set(now) == set(RECORD["instructions"]), "write benchmarks/instructions.py --write"
    assert instructions.grown(RECORD["instructions"], now) == []


def test_growth_is_seen():
    before = {"a": 1000, "b": 1000, "c": 1000, "gone": 5}
    now = {"a": 1050, "b": 1051, "c": 10, "new": 7}
    assert instructions.grown(before, now) == ["b: 1051 instructions, +5.1% over 1000"]


def test_the_table_is_that_of_the_record():
    text = instructions.RESULTS.with_suffix(".md").read_text()
    assert text == instructions.table(RECORD)
    for name, number in RECORD["instructions"].items():
        assert f"| {name} | {number:,} |" in text
