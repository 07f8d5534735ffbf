"""What made a result: the commit and the date."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path


def commit(*rests_on: str) -> str:
    """The commit of the source tree, "-dirty" where it has changed since; "unknown" outside one.

    ``rests_on``: folders and files, from the root, that count for "-dirty"; default the packages.
    """
    paths = rests_on or ("native", "sdk", "training", "export", "evaluation/*.py")
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return head + ("-dirty" if _git("status", "--porcelain", "--", *paths) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def today() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).date().isoformat()


def _git(*words: str) -> str:
    root = Path(__file__).resolve().parent.parent
    found = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return found.stdout.strip()
