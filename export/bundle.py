"""Writes the one file a device loads (DESIGN section 5): a stored zip with aligned members."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

FORMAT = 1
OLDEST_READER = 1
ALIGNMENT_BYTES = 64
MANIFEST = "manifest.json"
_LOCAL_HEADER_BYTES = 30
# The extra-field id that zip aligners use for padding; its data starts after 4 bytes of header.
_PADDING_ID = 0xD935


def npy_bytes(array: np.ndarray[Any, Any]) -> bytes:
    """The array as a .npy file, C order."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def model_id(members: Mapping[str, bytes]) -> str:
    """16 hex digits that change when any member does."""
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(name.encode())
        digest.update(hashlib.sha256(members[name]).digest())
    return digest.hexdigest()[:16]


def bundle_bytes(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes:
    """The bundle as bytes: manifest.json first, then every member at a multiple of 64 bytes.

    The same input gives the same bytes. The manifest gains `format`, `oldest_reader`, `model_id`
    and the size and SHA-256 of every member.
    """
    complete = {
        "format": FORMAT,
        "oldest_reader": OLDEST_READER,
        "model_id": model_id(members),
        **manifest,
        "members": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in members.items()
        },
    }
    text = json.dumps(complete, indent=1, allow_nan=False).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [(MANIFEST, text), *members.items()]:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            start = buffer.tell() + _LOCAL_HEADER_BYTES + len(name.encode()) + 4
            padding = -start % ALIGNMENT_BYTES
            info.extra = (
                _PADDING_ID.to_bytes(2, "little") + padding.to_bytes(2, "little") + bytes(padding)
            )
            archive.writestr(info, data)
    return buffer.getvalue()
