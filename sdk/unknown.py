"""The APs that a site has masked, kept beside the bundle: `<bundle>.unknown.json` and
`<bundle>.silent.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from .bssid import normalise
from .errors import BundleError, ScanError

MAX_BYTES = 1 << 20
MAX_MASKED = 4096


def mask_file(bundle_path: str | os.PathLike[str]) -> Path:
    """Where the masked APs of a bundle stand."""
    return Path(f"{os.fspath(bundle_path)}.unknown.json")


def silent_file(bundle_path: str | os.PathLike[str]) -> Path:
    """Where those stand that `Localizer.mask_silent` masked by itself."""
    return Path(f"{os.fspath(bundle_path)}.silent.json")


def load(path: Path) -> frozenset[str]:
    """The masked APs; none where there is no file.

    Raises:
        BundleError: the file is damaged. It is not skipped, because that would bring APs back
            into use that somebody has found untrustworthy.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error}") from None
    try:
        names = json.loads(data)
        if len(data) > MAX_BYTES or not isinstance(names, list) or len(names) > MAX_MASKED:
            raise BundleError(f"{path}: must be a JSON list of at most {MAX_MASKED} BSSIDs")
        return frozenset(map(normalise, names))
    except (ScanError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: must be a JSON list of BSSIDs: {error}") from None


def save(path: Path, names: Iterable[str]) -> None:
    """Write beside and rename into place, so that a power cut leaves the old list or the new.

    Raises:
        BundleError: the folder cannot be written.
    """
    from .atomic import write_file

    try:
        write_file(path, json.dumps(sorted(names), indent=1))
    except OSError as error:
        raise BundleError(f"{path}: the masked APs cannot be kept: {error}") from None
