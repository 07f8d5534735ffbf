"""The shortest use: one bundle, one moving device, its scans, its fixes.

python script.py site.rssfix scans.jsonl
"""

import sys

from sdk import Localizer, Scan


def main(bundle: str, scans: str) -> None:
    """Print where the device was at every scan."""
    with Localizer.open(bundle) as localizer, open(scans, encoding="utf-8") as lines:
        track = localizer.start_track()
        for line in lines:
            fix = track.update(Scan.from_json(line))
            if not fix:
                print(f"{fix.timestamp_ms}: no position, {fix.status}")
                continue
            print(
                f"{fix.timestamp_ms}: x {fix.x_m:.1f} m, y {fix.y_m:.1f} m, floor {fix.floor}, "
                f"within {fix.accuracy_m:.1f} m (68 %), {fix.status}"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
