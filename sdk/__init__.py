"""rssfix on the device: Wi-Fi and BLE signal strengths to a position, offline.

Names are loaded on first use, so that `import sdk` costs almost nothing and no inference
runtime is imported before a bundle needs one.
"""

from typing import TYPE_CHECKING, Any

from .errors import (
    BundleError,
    ClosedError,
    RssfixError,
    RuntimeUnavailableError,
    ScanError,
    SourceError,
)

if TYPE_CHECKING:
    from .explain import Explanation
    from .fix import Fix, Status
    from .localizer import Localizer
    from .posterior import Posterior
    from .scan import Reading, Scan
    from .track import Track

__version__ = "0.1.0"

__all__ = [
    "BundleError",
    "ClosedError",
    "Explanation",
    "Fix",
    "Localizer",
    "Posterior",
    "Reading",
    "RssfixError",
    "RuntimeUnavailableError",
    "Scan",
    "ScanError",
    "SourceError",
    "Status",
    "Track",
    "__version__",
]

_HOMES = {
    "Explanation": "explain",
    "Fix": "fix",
    "Localizer": "localizer",
    "Posterior": "posterior",
    "Reading": "scan",
    "Scan": "scan",
    "Status": "fix",
    "Track": "track",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
