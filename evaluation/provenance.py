"""What made a result: the command, the commit and the date."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
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


def without_folders(argv: Sequence[str], paper: str) -> list[str]:
    """The command's words with folders of this machine left out."""
    words = list(argv[argv.index(paper) :]) if paper in argv else [paper]
    out = []
    for i, word in enumerate(words):
        if word.startswith("--data="):
            word = "--data=DATA"
        elif i and words[i - 1] == "--data":
            word = "DATA"
        elif i and words[i - 1] == "--keep":
            word = "MODELS"
        elif (i and words[i - 1] == "--out") or word.startswith("--out="):
            plain = word.removeprefix("--out=")
            word = word.replace(plain, "OUT") if Path(plain).is_absolute() else word
        out.append(word)
    return out
