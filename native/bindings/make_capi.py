"""Writes the C source of sdk._capi from rssfix.h: python make_capi.py rssfix.h _capi.c (cffi)."""

import re
import sys
from pathlib import Path

from cffi import FFI


def declarations(header: str) -> str:
    """What cffi reads of the header: neither comments, preprocessor nor export marks."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif", "", text, flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    return text.replace("RSSFIX_API ", "")


def main(header: str, source: str) -> None:
    ffi = FFI()
    ffi.cdef(declarations(Path(header).read_text(encoding="utf-8")))
    ffi.set_source("sdk._capi", '#include "rssfix.h"')
    ffi.emit_c_code(source)


if __name__ == "__main__":
    main(*sys.argv[1:])
