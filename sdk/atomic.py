"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_file(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write beside and rename into place: after a crash, a power cut or Ctrl-C the old file or the
    new one stands there, never a part. Missing folders are made; text is UTF-8.

    Raises:
        OSError: the folder cannot be written; what stood there is untouched.
    """
    # Here and not above: most apps never write.
    import tempfile

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp's files are for their owner alone.
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
