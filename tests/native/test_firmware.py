"""`rssfix firmware`: the same bundle and scans in C and in Python give the same fixes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from test_cpp import ROOT, compiled, run, tool

sys.path.append(str(ROOT / "tests" / "sdk"))

import small_bundles as small
import small_ranks as hapi

from sdk import Localizer, Reading, Scan, Status, cli
from sdk.bundle import Bundle
from sdk.errors import BundleError
from sdk.firmware import ap_id, header

PATH_LOSS = {
    "method": "path_loss", "reference_dbm": -38.0, "exponent": 2.5, "sigma_db": 6.0,
    "offset_sigma_db": 2.0, "silence_dbm": -95.0, "silence_weight": 0.1, "strongest": 4,
    "weight_scale_db": 30.0,
}  # fmt: skip
RANKS = {**hapi.rules()["position"], "strongest": 3, "combine": "tempered"}
STATUS = list(Status)[:5]
BUILDINGS = {
    "ranks": {},
    "the three strongest, tempered": {"position": RANKS, "offset_db": 4.0},
    "path loss": {"position": PATH_LOSS, "floor_attenuation_db": 20.0},
    "no quality": {"quality": None},
}


def packed(**changes):
    """Without a network; the golden pair is that of other rules."""
    record, members = hapi.parts(network=False, **changes)
    record["golden"]["tolerance"] = 1.0
    return small.pack(record, members)


def walk():
    """Scans of somebody who walks, with strangers, old readings, pauses and silence."""
    rng = np.random.default_rng(4)
    rows, time_ms, scans = hapi.rows(), 0, []
    for step in range(60):
        lost = step // 4 in (5, 8, 11)  # for a while: only strangers, nothing, old readings
        time_ms += 7000 if lost else int(rng.choice([300, 1000, 2500, 7000, 70_000],
                                                    p=[0.2, 0.5, 0.2, 0.08, 0.02]))  # fmt: skip
        row = np.round(rows[step // 5 % len(rows)] + rng.normal(0, 2, hapi.N_APS))
        heard = [i for i in range(hapi.N_APS) if not np.isnan(row[i]) and rng.random() < 0.8]
        age_ms = 20_000 if step // 4 == 11 else 150
        readings = [Reading(hapi.BSSIDS[i], float(row[i]), None, age_ms) for i in heard]
        if step // 4 in (5, 8):
            readings = []
        if step // 4 == 5 or (step % 7 == 3 and not lost):
            readings += [Reading(f"02:00:00:00:00:{i:02x}", -50.0, None, 10) for i in range(3)]
        scans.append(Scan(time_ms, readings))
    return scans


def replayed(text, folder, scans):
    """What the C locator says of the scans: rows of locate and update in turns."""
    (folder / "site.h").write_text(text)
    (folder / "rssfix.h").write_text((ROOT / "native" / "c_api" / "rssfix.h").read_text())
    source = ROOT / "native" / "tests" / "c" / "replay.c"
    program = folder / "replay"
    run(
        tool("cc"), "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror",
        f"-I{folder}", str(source), str(compiled("werror") / "librssfix.a"), "-lm",
        "-o", str(program),
    )  # fmt: skip
    lines = []
    for scan in scans:
        words = [f"{scan.timestamp_ms} {len(scan.readings)}"]
        words += [f"{ap_id(r.bssid):x} {r.rssi_dbm} {r.age_ms}" for r in scan.readings]
        lines.append(" ".join(words))
    done = subprocess.run(
        [program], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 2 * len(scans)
    return rows[::2], rows[1::2]


def assert_same(row, fix):
    status, has_position, floor, matched = map(int, row[:4])
    assert STATUS[status] is fix.status
    assert bool(has_position) is bool(fix)
    assert matched == fix.matched_aps
    if fix:
        assert floor == fix.floor
        found = [float(value) for value in row[4:]]
        assert found == pytest.approx([fix.x_m, fix.y_m, fix.accuracy_m], abs=2e-5)
    else:
        assert [float(value) for value in row[4:]] == [0, 0, 0]


@pytest.mark.parametrize("changes", BUILDINGS.values(), ids=BUILDINGS)
def test_c_and_python_give_the_same_fixes(changes, tmp_path):
    data, scans = packed(**changes), walk()
    (tmp_path / "house.rssfix").write_bytes(data)
    arguments = ["firmware", str(tmp_path / "house.rssfix"), "-o", str(tmp_path / "site.h")]
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 0, result.output
    alone, tracked = replayed((tmp_path / "site.h").read_text(), tmp_path, scans)
    with Localizer.open(data) as localizer:
        track = localizer.start_track()
        statuses = set()
        for scan, one, other in zip(scans, alone, tracked, strict=True):
            assert_same(one, localizer.locate(scan))
            fix = track.update(scan)
            assert_same(other, fix)
            statuses.add(fix.status)
    assert statuses >= {Status.TOO_FEW_APS, Status.OUT_OF_AREA, Status.STALE_SCAN}
    assert statuses & {Status.OK, Status.LOW_CONFIDENCE}


def test_masked_access_points_are_not_installed(tmp_path):
    masked = {"unknown": [hapi.BSSIDS[0], hapi.BSSIDS[4]]}
    data, scans = packed(table=masked), walk()[:20]
    alone, _ = replayed(header(Bundle.open(data)), tmp_path, scans)
    with Localizer.open(data) as localizer:
        for scan, row in zip(scans, alone, strict=True):
            assert_same(row, localizer.locate(scan))


def test_a_floor_network_is_left_out_only_when_asked():
    bundle = Bundle.open(hapi.bundle())
    with pytest.raises(BundleError, match="--strongest-floor"):
        header(bundle)
    assert "static const rssfix_site lab = {" in header(bundle, "lab", strongest_floor=True)


def test_what_c_does_not_do_is_refused():
    with pytest.raises(BundleError, match="only Hapi's"):
        header(Bundle.open(small.pack(*small.neighbours_parts())))
    table = {"physical": {"aa:bb:cc:00:09:99": hapi.BSSIDS[0]}}
    with pytest.raises(BundleError, match="virtual access points"):
        header(Bundle.open(packed(table=table)))
    merged = {"merge_virtual_aps": "last_hex_digit"}
    assert "#define SITE_AP_ID_MASK" in header(Bundle.open(packed(table=merged)))
    with pytest.raises(BundleError, match="'lobby' has no MAC"):
        ap_id("lobby")


def test_a_bad_name_is_refused(tmp_path):
    (tmp_path / "house.rssfix").write_bytes(packed())
    arguments = ["firmware", str(tmp_path / "house.rssfix"), "-o", str(tmp_path / "site.h")]
    result = CliRunner().invoke(cli.main, [*arguments, "--name", "1; x"])
    assert result.exit_code == 2
    assert not (tmp_path / "site.h").exists()
