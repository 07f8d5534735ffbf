"""The C interface of the core through cffi: what firmware calls, called from Python.

For firmware engineers who try their site and scans before they flash it, and for whoever embeds
the C library beside Python. Applications use `sdk.Localizer` and `sdk.native`.

    from sdk.capi import check, ffi, lib

    state = ffi.new("double[4]")
    out = ffi.new("rssfix_kalman **")
    check(lib.rssfix_kalman_create(state, covariance, 0.3, out))
    kalman = ffi.gc(out[0], lib.rssfix_kalman_destroy)

`ffi` and `lib` are cffi's: every function and type of `native/c_api/rssfix.h` (docs/c_api.md)
under its own name. Memory from `ffi.new` and `ffi.from_buffer` must be kept as long as the handle
that points to it.

Raises:
    RuntimeUnavailableError: on import, where cffi is not installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import RuntimeUnavailableError

try:
    from ._capi import ffi, lib
except ModuleNotFoundError as error:
    if error.name not in ("_cffi_backend", "cffi"):
        raise
    raise RuntimeUnavailableError("sdk.capi needs cffi: pip install 'rssfix[cffi]'") from None

__all__ = ["build_info", "check", "ffi", "lib", "pointer", "status_text", "version"]


def version() -> str:
    """The C library's version."""
    return _text(lib.rssfix_version())


def build_info() -> str:
    """Its compiler and flags."""
    return _text(lib.rssfix_build_info())


def status_text(status: Any) -> str:
    """A rssfix_status in words: which argument, where, and what was expected."""
    size = lib.rssfix_status_text(status, ffi.NULL, 0) + 1
    text = ffi.new("char[]", size)
    lib.rssfix_status_text(status, text, size)
    return _text(text)


def check(status: Any) -> None:
    """Raises ValueError with the status in words unless it is ok."""
    if status.code != lib.RSSFIX_OK:
        raise ValueError(status_text(status))


def pointer(array: NDArray[Any]) -> Any:
    """The C pointer to an array's first element, `float *` for float32 and so on.

    The array must outlive the pointer's use.

    Raises:
        ValueError: the array is not contiguous, or its type has no name in the interface.
    """
    if not array.flags.c_contiguous:
        raise ValueError(f"the array has strides {array.strides}: expected C-contiguous")
    if array.dtype not in _C_TYPES:
        known = ", ".join(str(one) for one in _C_TYPES)
        raise ValueError(f"the array has dtype {array.dtype}: expected one of {known}")
    return ffi.cast(f"{_C_TYPES[array.dtype]} *", array.ctypes.data)


def _text(characters: Any) -> str:
    return str(ffi.string(characters).decode("utf-8"))


_C_TYPES = {
    np.dtype(np.uint8): "uint8_t",
    np.dtype(np.uint16): "uint16_t",
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.int32): "int32_t",
    np.dtype(np.int64): "int64_t",
    np.dtype(np.uint32): "uint32_t",
    np.dtype(np.uint64): "uint64_t",
}
