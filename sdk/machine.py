"""What a machine says about itself, and what this process takes of it."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np

from . import __version__
from ._core import build_info


def current_bytes() -> int:
    """Resident memory of this process now; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def peak_bytes() -> int:
    """Highest resident memory of this process so far; 0 where the system does not say."""
    # Not getrusage: its maximum outlives exec, so a child starts with its parent's peak.
    try:
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def machine() -> dict[str, Any]:
    """CPU, system, versions, and how the native core was built."""
    core = build_info()
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("model name", "Model")):
                    cpu = line.split(":", 1)[1].strip()
                    break
    except OSError:
        pass
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "rssfix": __version__,
        "core": f"{core['compiler']}, {core['flags'].strip()}, {core['simd']}",
    }
