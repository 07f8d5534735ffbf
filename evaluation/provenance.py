"""What made a result: the commit and the date; and files that are whole or not there."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def commit() -> str:
    """The commit of the source tree, "unknown" outside one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def today() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).date().isoformat()


def write(file: Path, text: str) -> None:
    """Written beside and renamed into place."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, file)
