"""Rules for AP identifiers (DESIGN section 2).

A MAC address is written in lower case with colons; upper case, dashes and bare hex are
accepted. Any other non-empty text is kept as it is, except from live sources, which know
MAC addresses only.
"""

import re
from typing import Any

from .errors import ScanError

_MAC = re.compile(r"[0-9a-fA-F]{12}|[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}")
_NORMAL_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")

# Normalising costs more than the rest of parsing together, and a device meets the same few
# hundred APs again and again. Full caches are emptied: no bookkeeping per hit.
CACHE_ENTRIES = 4096
_CACHED_LENGTH = 64
known_ids: dict[str, str] = {}
known_macs: dict[str, str] = {}


def normalise(text: Any) -> str:
    """The canonical form of an AP identifier.

    Raises:
        ScanError: `text` is not text or is empty.
    """
    known = known_ids.get(text) if isinstance(text, str) else None
    return known if known is not None else _remember(known_ids, text, _canonical(text, live=False))


def normalise_mac(text: Any) -> str:
    """The canonical form of a MAC address; anything else is refused (live sources).

    Raises:
        ScanError: `text` is not a MAC address.
    """
    known = known_macs.get(text) if isinstance(text, str) else None
    return known if known is not None else _remember(known_macs, text, _canonical(text, live=True))


def is_mac(bssid: str) -> bool:
    """Whether a canonical identifier is a MAC address."""
    return _NORMAL_MAC.fullmatch(bssid) is not None


def is_locally_administered(bssid: str) -> bool:
    """Whether the MAC's local bit is set: a random address, or a virtual AP of a real box.

    Both exist in the field, so such readings are flagged and never dropped.
    """
    return is_mac(bssid) and bool(int(bssid[1], 16) & 2)


def without_last_digit(bssid: str) -> str:
    """The MAC with its last hex digit set to 0; other identifiers are untouched."""
    return f"{bssid[:-1]}0" if is_mac(bssid) else bssid


def _canonical(text: Any, live: bool) -> str:
    if not isinstance(text, str):
        raise ScanError(f"a BSSID must be text, got {text!r:.80} ({type(text).__name__})")
    if _MAC.fullmatch(text):
        digits = text.lower().replace(":", "").replace("-", "")
        return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    if live:
        raise ScanError(f"BSSID {text!r:.80} is not a MAC address (six hex pairs)")
    if not text.strip():
        raise ScanError(f"a BSSID must not be empty, got {text!r:.80}")
    return str(text)


def _remember(cache: dict[str, str], text: str, canonical: str) -> str:
    if len(text) <= _CACHED_LENGTH:
        if len(cache) >= CACHE_ENTRIES:
            cache.clear()
        cache[text] = canonical
    return canonical
