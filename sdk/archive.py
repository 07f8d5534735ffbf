"""The zip and .npy layers of a bundle, read strictly: any bytes give members or BundleError.

A bundle is a zip of stored members whose data start at multiples of 64 bytes. This reader
takes exactly that and no more; it never allocates by a size that the file merely declares.
"""

from __future__ import annotations

import re
import struct
import zlib
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .errors import BundleError

MAX_BUNDLE_BYTES = 256 << 20
MAX_MEMBERS = 256
ALIGNMENT = 64

_END = struct.Struct("<IHHHHIIH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_END_SIGNATURE, _CENTRAL_SIGNATURE, _LOCAL_SIGNATURE = 0x06054B50, 0x02014B50, 0x04034B50
_FLAG_SIZES_LATER, _FLAG_UTF8 = 1 << 3, 1 << 11
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_NPY_HEADER = re.compile(
    r"\{'descr': '(?P<descr>[^']+)', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>[0-9, ]*)\), \} *\n?"
)


def read_archive(data: bytes) -> dict[str, memoryview]:
    """The members of a bundle as views into `data`, by name.

    Raises:
        BundleError: not a zip, over a cap, compressed, encrypted, misaligned, overlapping or
            damaged members, or names that could lead out of a folder.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise BundleError(f"{len(data)} bytes are over the cap of {MAX_BUNDLE_BYTES}")
    count, offset, end = _directory(data)
    members: dict[str, memoryview] = {}
    spans: list[tuple[int, int, str]] = []
    for number in range(count):
        if offset + _CENTRAL.size > end:
            raise BundleError(f"the zip directory ends within entry {number} of {count}")
        entry = _CENTRAL.unpack_from(data, offset)
        if entry[0] != _CENTRAL_SIGNATURE:
            raise BundleError(f"the zip directory is damaged at entry {number}")
        flags, method, crc, packed, size = entry[3], entry[4], *entry[7:10]
        name_size, extra_size, comment_size, start = *entry[10:13], entry[16]
        raw_name = data[offset + _CENTRAL.size : offset + _CENTRAL.size + name_size]
        offset += _CENTRAL.size + name_size + extra_size + comment_size
        name = _checked_name(raw_name)
        if name in members:
            raise BundleError(f"member {name} stands twice in the bundle")
        if flags & ~(_FLAG_SIZES_LATER | _FLAG_UTF8):
            raise BundleError(f"member {name} is encrypted or patched (zip flags {flags:#x})")
        if method != 0 or packed != size:
            raise BundleError(f"member {name} is compressed (method {method}): it must be stored")
        begin = _data_start(data, start, raw_name, name, flags, (crc, packed, size))
        if begin + size > len(data):
            raise BundleError(f"member {name} is cut off: {size} bytes at {begin}")
        view = memoryview(data)[begin : begin + size]
        if zlib.crc32(view) != crc:
            raise BundleError(f"member {name} is damaged: its CRC-32 does not match")
        members[name] = view
        spans.append((start, begin + size, name))
    spans.sort()
    for (_, last, name), (first, _, other) in pairwise(spans):
        if first < last:
            raise BundleError(f"members {name} and {other} overlap")
    return members


def _directory(data: bytes) -> tuple[int, int, int]:
    """Number of entries, start and end of the central directory."""
    # The end record is the last thing in the file; a comment of up to 64 KiB may follow it.
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - 0xFFFF))
    if at < 0 or at + _END.size > len(data):
        raise BundleError("not a bundle: no zip directory (cut off, or another kind of file)")
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(data, at)
    if disk or first_disk or here != count or count == 0xFFFF or offset == 0xFFFFFFFF:
        raise BundleError("split and 64-bit zip files are not bundles")
    if count > MAX_MEMBERS:
        raise BundleError(f"{count} members are over the cap of {MAX_MEMBERS}")
    if offset + size > at:
        raise BundleError("the zip directory is damaged: it overlaps its own end record")
    return count, offset, offset + size


def _checked_name(raw: bytes) -> str:
    name = raw.decode("ascii", "replace")
    if not _NAME.fullmatch(name) or ".." in name:
        raise BundleError(
            f"member name {name!r:.80} is not allowed: parts of letters, digits, '_', '.' and "
            "'-', joined by '/', none of them '..'"
        )
    return name


def _data_start(
    data: bytes, start: int, raw_name: bytes, name: str, flags: int, sizes: tuple[int, int, int]
) -> int:
    if start + _LOCAL.size > len(data):
        raise BundleError(f"member {name} starts at {start}, past the end of the file")
    local = _LOCAL.unpack_from(data, start)
    name_at = start + _LOCAL.size
    # Two headers that disagree mean that two readers would see two different bundles.
    if (
        local[0] != _LOCAL_SIGNATURE
        or local[3] != 0
        or data[name_at : name_at + local[9]] != raw_name
        or not (tuple(local[6:9]) == sizes or flags & _FLAG_SIZES_LATER)
    ):
        raise BundleError(f"member {name}: its header does not agree with the zip directory")
    begin = name_at + int(local[9]) + int(local[10])
    if begin % ALIGNMENT:
        raise BundleError(f"member {name} starts at byte {begin}, not at a multiple of {ALIGNMENT}")
    return begin


def read_array(name: str, data: memoryview, dtype: str, ndim: int) -> NDArray[np.generic]:
    """The .npy member `name` as a read-only array of exactly this dtype and rank.

    Args:
        dtype: as numpy writes it, "<f4", "<f8" or "<i4".

    Raises:
        BundleError: another dtype or rank, Fortran order, or data that do not fill the shape.
    """
    if bytes(data[:6]) != b"\x93NUMPY" or len(data) < 12:
        raise BundleError(f"{name} is not a .npy array")
    if data[6] == 1:
        size, begin = int.from_bytes(data[8:10], "little"), 10
    else:
        size, begin = int.from_bytes(data[8:12], "little"), 12
    header = bytes(data[begin : begin + min(size, 4096)]).decode("latin-1")
    match = _NPY_HEADER.fullmatch(header)
    if match is None:
        raise BundleError(f"{name}: the .npy header is damaged: {header!r:.120}")
    lengths = [part.strip() for part in match["shape"].split(",")]
    if any(len(part) > 12 or not part.isdigit() for part in lengths if part):
        raise BundleError(f"{name}: the shape ({match['shape']:.80}) is damaged")
    shape = tuple(int(part) for part in lengths if part)
    if match["descr"] != dtype or len(shape) != ndim or match["fortran"] == "True":
        raise BundleError(
            f"{name} must be {dtype} with {ndim} axes in C order, "
            f"got {match['descr']!r:.40} {shape} fortran_order={match['fortran']}"
        )
    count = 1
    for length in shape:
        count *= length
    body = data[begin + size :]
    if count * np.dtype(dtype).itemsize != len(body):
        raise BundleError(f"{name}: {len(body)} bytes do not fill {dtype} {shape}")
    # Copied, so that the arrays are aligned and do not keep the whole file in memory.
    array = np.frombuffer(body, dtype=dtype).reshape(shape).copy()
    array.flags.writeable = False
    return array
