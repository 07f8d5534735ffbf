"""What iw, wpa_cli and nmcli print, read back: real samples, and printers written from their C."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import Scan, ScanError
from sdk.bssid import is_mac
from sdk.sources import iw, nmcli, wpa_cli
from sdk.sources.source import Heard, scan_of

WIFI = Path(__file__).parent / "wifi"
NEW_IW, OLD_IW, NMCLI, SCAN_RESULTS, BSS_PAGE = (
    (WIFI / name).read_text()
    for name in (
        "iw_5.txt", "iw_centos7.txt", "nmcli_1_42.txt", "wpa_scan_results.txt", "wpa_bss.txt"
    )
)  # fmt: skip


def test_iw_as_it_is_now():
    assert iw.parse(NEW_IW) == [
        Heard("70:f0:96:d2:e0:62", -64.0, 2412, 0, "WIFI_IUTB_IOT"),
        Heard("70:f0:96:d2:e0:6d", -71.5, 5180, 556, "", connected=True),
    ]


def test_iw_as_it_was():
    assert iw.parse(OLD_IW) == [Heard("00:19:a9:cd:c6:80", -45.0, 2462, 429, "Cafe \\xc3\\xa9")]


def test_iw_ages_from_the_time_since_boot():
    text = "\n".join(line for line in NEW_IW.split("\n") if "ms ago" not in line)
    ages = [one.age_ms for one in iw.parse(text, boot_ns=lambda: 711_456_000_000)]
    assert ages == [1000, 1556]
    # The kernel's clock may be read a moment after ours.
    assert [one.age_ms for one in iw.parse(text, boot_ns=lambda: 0)] == [0, 0]


def test_iw_says_quality_where_the_driver_has_no_dbm():
    (one,) = iw.parse(OLD_IW.replace("-45.00 dBm", "57/100"))
    assert one.rssi_dbm is None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (1, "\tfreq: 2412\n"),
        (1, "BSS nonsense\n"),
        (2, "BSS 70:f0:96:d2:e0:62(on wlan0)\n\tsignal: loud\n"),
        (2, "BSS 70:f0:96:d2:e0:62(on wlan0)\n\tlast seen: yesterday\n"),
        (3, "BSS 70:f0:96:d2:e0:62(on wlan0)\n\tTSF: 1\n\tfreq: two\n"),
    ],
)
def test_iw_lines_that_are_not_understood_are_named(line, text):
    with pytest.raises(ScanError, match=f"iw's output, line {line}: not understood"):
        iw.parse(text)


def test_wpa_cli():
    heard, last = wpa_cli.parse_bss(BSS_PAGE)
    assert heard == [
        Heard("68:7f:74:d7:1b:6e", -43.0, 2412, 26_000, "zubyb"),
        Heard("68:5f:74:d7:1a:6f", -73.0, 5180, 0, "a=b"),
    ]
    assert last == 4
    # A page that ends in the middle: what is complete counts.
    assert wpa_cli.parse_bss(BSS_PAGE.replace("####\n", "====\n"))[1] == 4
    assert [one[:5] for one in wpa_cli.parse_scan_results(SCAN_RESULTS)] == [
        ("34:31:c4:e1:d3:97", -60.0, 2462, None, "Canto do Chimarrao"),
        ("34:31:c4:e1:d3:98", -71.0, 5180, None, ""),
        ("34:31:c4:e1:d3:99", -72.0, 5180, None, ""),
    ]
    with pytest.raises(ScanError, match="line 3: not understood: 'level=loud'"):
        wpa_cli.parse_bss("id=1\nbssid=68:7f:74:d7:1b:6e\nlevel=loud\n")
    with pytest.raises(ScanError, match="line 3: an entry has no bssid"):
        wpa_cli.parse_bss("id=1\nlevel=-40\n====\n")
    with pytest.raises(ScanError, match="line 1: not understood: 'FAIL'"):
        wpa_cli.parse_scan_results("FAIL")


def test_nmcli():
    assert nmcli.parse(NMCLI) == [
        Heard("00:23:F8:7E:12:BB", -51.0, 2462, None, "Cafe:1\\x"),
        Heard("70:F0:96:D2:E0:62", -78.0, 5180, None, "eduroam", connected=True),
    ]
    scan = scan_of(nmcli.parse(NMCLI), 5)
    assert scan.bssids == ("00:23:f8:7e:12:bb", "70:f0:96:d2:e0:62")
    assert scan.frequencies_mhz == (2462, 5180)
    assert scan.ages_ms is None
    for bad in ("x", r"a\:b:2462 MHz:82:no:", r"00\:23\:F8\:7E\:12\:BB:2462 MHz:101:no:"):
        with pytest.raises(ScanError, match="nmcli's output, line 1: not understood"):
            nmcli.parse(bad)


def quality(dbm):
    """NetworkManager's `nm_wifi_utils_level_to_quality` for dBm, with C's truncation."""
    away = abs(max(-100, min(-40, dbm)) + 40)
    return 100 - int(100.0 * away / 60.0)


def test_percent_is_turned_back_without_loss():
    for dbm in range(-100, -39):
        assert nmcli.dbm_of_percent(quality(dbm)) == dbm
    found = [nmcli.dbm_of_percent(percent) for percent in range(101)]
    assert found == sorted(found)
    assert (found[0], found[100]) == (-100, -40)


def test_who_opts_out_and_impossible_levels_stay_out():
    mac = "aa:bb:cc:00:00:0{}".format
    heard = [
        Heard(mac(1), -60.0, 2412, 10, "home"),
        Heard(mac(2), -60.0, 2412, 10, "home_nomap"),
        Heard(mac(3), 0.0, 2412, 10),
        Heard(mac(4), -256.0, 2412, 10),
        Heard(mac(5), None, 2412, 10),
    ]
    scan = scan_of(heard, 7)
    assert scan.bssids == (mac(1),)
    assert scan.ages_ms == (10,)
    with pytest.raises(ScanError, match="'hello' is not a MAC address"):
        scan_of([Heard("hello", -60.0, None, None)], 7)


macs = st.integers(0, 2**48 - 1).map(
    lambda n: ":".join(f"{n:012x}"[i : i + 2] for i in range(0, 12, 2))
)
names = st.binary(max_size=32)
access_points = st.lists(
    st.tuples(macs, st.integers(-15000, -1), st.integers(2400, 7200), st.integers(0, 10**6), names),
    max_size=8,
)


def remainder(mbm):
    """C's mbm / 100 and mbm % 100 with "%d.%.2d"."""
    whole, rest = abs(mbm) // 100, abs(mbm) % 100
    sign = "-" if mbm < 0 else ""
    return f"{sign if whole else ''}{whole}.{sign if rest else ''}{rest:02d}"


def escaped(name):
    """iw's print_ssid_escaped."""
    return "".join(
        chr(b)
        if (32 < b < 127 and b != 92) or (b == 32 and 0 < i < len(name) - 1)
        else f"\\x{b:02x}"
        for i, b in enumerate(name)
    )


@given(access_points, st.booleans())
def test_iw_round_trip(points, old):
    tab, space = ("    ", " ") if old else ("\t", "")
    text = ""
    for mac, mbm, mhz, age_ms, name in points:
        text += f"BSS {mac}{space}(on wlan0)\n{tab}freq: {mhz}\n{tab}signal: {remainder(mbm)} dBm\n"
        text += f"{tab}last seen: {age_ms} ms ago\n{tab}SSID: {escaped(name)}\n"
        text += f"{tab}Vendor specific: OUI 00:50:f2\n{tab}{tab}SSID: BSS {mac}(on wlan0)\n"
    heard = iw.parse(text)
    assert [(one.bssid, one.frequency_mhz, one.age_ms) for one in heard] == [
        (mac, mhz, age_ms) for mac, _, mhz, age_ms, _ in points
    ]
    assert [one.rssi_dbm for one in heard] == pytest.approx([mbm / 100 for _, mbm, *_ in points])


@given(access_points)
def test_nmcli_round_trip(points):
    lines = []
    for mac, mbm, mhz, _, name in points:
        fields = (mac.upper(), f"{mhz} MHz", str(quality(mbm // 100)), "no", name.hex().upper())
        lines.append(":".join(f.replace("\\", "\\\\").replace(":", "\\:") for f in fields) + "\n")
    heard = nmcli.parse("".join(lines))
    assert [(one.bssid.lower(), one.frequency_mhz) for one in heard] == [
        (mac, mhz) for mac, _, mhz, _, _ in points
    ]
    for one, (_, mbm, *_) in zip(heard, points, strict=True):
        assert one.rssi_dbm == max(-100, min(-40, mbm // 100))
        assert one.age_ms is None


def printf_encoded(name):
    """wpa_supplicant's printf_encode."""
    special = {34: '\\"', 92: "\\\\", 27: "\\e", 10: "\\n", 13: "\\r", 9: "\\t"}
    return "".join(special.get(b, chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in name)


@given(access_points)
def test_wpa_cli_round_trip(points):
    page = "".join(
        f"id={i}\nbssid={mac}\nfreq={mhz}\nlevel={mbm // 100}\nage={age}\nflags=[ESS]\n"
        f"ssid={printf_encoded(name)}\n====\n"
        for i, (mac, mbm, mhz, age, name) in enumerate(points)
    )
    table = "bssid / frequency / signal level / flags / ssid\n" + "".join(
        f"{mac}\t{mhz}\t{mbm // 100}\t[ESS]\t{printf_encoded(name)}\n"
        for mac, mbm, mhz, _, name in points
    )
    heard, last = wpa_cli.parse_bss(page)
    assert last == (len(points) - 1 if points else None)
    assert [one.age_ms for one in heard] == [min(age * 1000, 2**31) for *_, age, _ in points]
    expected = [(mac, mbm // 100, mhz) for mac, mbm, mhz, _, _ in points]
    assert [one[:3] for one in heard] == expected
    assert [one[:3] for one in wpa_cli.parse_scan_results(table)] == expected


PARSERS = {
    "iw": (iw.parse, NEW_IW),
    "bss": (lambda text: wpa_cli.parse_bss(text)[0], BSS_PAGE),
    "scan_results": (wpa_cli.parse_scan_results, SCAN_RESULTS),
    "nmcli": (nmcli.parse, NMCLI),
}


@pytest.mark.parametrize("which", PARSERS)
@given(data=st.data())
def test_damaged_output_is_read_or_refused(which, data):
    parse, sample = PARSERS[which]
    at = data.draw(st.integers(0, len(sample)))
    cut = data.draw(st.integers(0, 40))
    text = sample[:at] + data.draw(st.text(max_size=20)) + sample[at + cut :]
    try:
        scan = scan_of(parse(text), 0)
    except ScanError as error:
        assert str(error)  # noqa: PT017 - either is right.
    else:
        assert all(map(is_mac, scan.bssids))
        assert all(-150 <= dbm < 0 for dbm in scan.rssi_dbm)
        assert Scan.from_json(scan.to_json()) == scan


@pytest.mark.parametrize("which", PARSERS)
@given(text=st.text())
def test_any_text_is_read_or_refused(which, text):
    with contextlib.suppress(ScanError):
        PARSERS[which][0](text)
