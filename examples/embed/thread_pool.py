"""Many devices at once: one localizer for all threads, one track for each device.

    python thread_pool.py site.rssfix walk1.jsonl walk2.jsonl ...

A `Localizer` may be shared by any number of threads, and its work runs outside Python's lock. A
`Track` belongs to one device and to one thread at a time: here each walk is followed by one task.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sdk import Fix, Localizer, Scan


def follow(localizer: Localizer, walk: Path) -> list[Fix]:
    """The fixes of one device, in the order of its scans."""
    track = localizer.start_track()
    with walk.open(encoding="utf-8") as lines:
        return [track.update(Scan.from_json(line)) for line in lines]


def main(bundle: str, *walks: str) -> None:
    """Follow all walks at the same time; say where each ended."""
    with Localizer.open(bundle) as localizer, ThreadPoolExecutor(os.cpu_count()) as pool:
        began = time.perf_counter()
        tracks = list(pool.map(lambda walk: follow(localizer, Path(walk)), walks))
        took_s = time.perf_counter() - began
    for walk, fixes in zip(walks, tracks, strict=True):
        last = next((fix for fix in reversed(fixes) if fix), None)
        where = "nowhere" if last is None else f"({last.x_m:.1f}, {last.y_m:.1f}) m"
        print(f"{Path(walk).name}: {len(fixes)} scans, ended at {where}")
    count = sum(map(len, tracks))
    print(f"{count} fixes in {took_s * 1000:.0f} ms", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
