import json
import math
import pickle
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import Reading, Scan, ScanError
from sdk import bssid as ids

MAC = "aa:bb:cc:00:11:22"


@pytest.mark.parametrize(
    "text", [MAC, MAC.upper(), MAC.replace(":", "-"), "AABBCC001122", "aAbBcC001122"]
)
def test_macs_are_normalised(text):
    assert Scan.from_dict({text: -60}, 0).bssids == (MAC,)
    assert ids.normalise_mac(text) == MAC


@pytest.mark.parametrize("text", ["WAP001", "x", "aa:bb:cc:00:11", "aa:bb-cc:00:11:22", "ｗ", " a"])
def test_other_text_is_kept_but_not_from_live_sources(text):
    assert Scan.from_dict({text: -60}, 0).bssids == (text,)
    live = [{"BSSID": text, "level": -60, "timestamp": 5}]
    with pytest.raises(ScanError, match="is not a MAC address"):
        Scan.from_android(live)
    with pytest.raises(ScanError, match="is not a MAC address"):
        Scan.from_google({"wifiAccessPoints": [{"macAddress": text, "signalStrength": -60}]})


@pytest.mark.parametrize("name", ["", "  ", 5, None, ["a"], b"aa", ("a",), {"a": 1}])
def test_bad_bssids_are_refused_and_shown(name):
    with pytest.raises(ScanError, match="BSSID must"):
        Scan(0, [{"bssid": name, "rssi_dbm": -60}])


@pytest.mark.parametrize(
    "level",
    [
        *(0, 0.0, 1, 100, 127, True, False, math.nan, math.inf, -math.inf, -150.1, -999),
        *(None, "-60", [-60], 10**400, -(10**400), 1j, np.nan),
    ],
)
def test_bad_levels_are_refused_with_bssid_and_value(level):
    with pytest.raises(ScanError, match=r"reading 'aa:bb:cc:00:11:22': rssi_dbm must be"):
        Scan.from_dict({MAC: level}, 0)


def test_numpy_numbers_are_numbers():
    scan = Scan.from_dict({MAC: np.float32(-61.5)}, np.int64(7))
    assert scan == Scan.from_dict({MAC: -61.5}, 7)
    assert type(scan.timestamp_ms) is int
    assert type(scan.rssi_dbm[0]) is float


@pytest.mark.parametrize("time", [1.0, True, "1", None, 2**63, -(2**63) - 1, math.nan])
def test_timestamps_are_whole_milliseconds(time):
    with pytest.raises(ScanError, match="timestamp_ms"):
        Scan.from_dict({MAC: -60}, time)


def test_freshest_duplicate_wins_then_the_strongest():
    readings = [
        Reading(MAC, -50, 2412, 900),
        Reading(MAC.upper(), -70, 5180, 100),
        Reading("other", -80),
        Reading("AABBCC001122", -60, None, 100),
    ]
    assert Scan(0, readings).readings == (Reading(MAC, -60, None, 100), Reading("other", -80))
    assert Scan.from_dict({MAC: -70, MAC.upper(): -50}, 0).readings == (Reading(MAC, -50),)


def test_an_empty_scan_is_fine():
    for scan in (Scan(0), Scan(0, []), Scan.from_dict({}, 0), Scan.from_google({}, 0)):
        assert (len(scan), scan.readings, bool(scan)) == (0, (), True)
    assert Scan.from_android([]).timestamp_ms > 0


def test_locally_administered_is_flagged_not_dropped():
    scan = Scan.from_dict({"02:00:00:00:00:01": -60, MAC: -60, "WAP02": -60}, 0)
    assert [reading.locally_administered for reading in scan.readings] == [True, True, False]
    assert not Reading("a8:bb:cc:00:11:22", -60).locally_administered


def test_android_results_become_readings_with_ages():
    results = [
        {"BSSID": MAC, "level": -61, "frequency": 2412, "timestamp": 5_000_000, "SSID": "x"},
        SimpleNamespace(BSSID="AA:BB:CC:00:11:33", level=-70, frequency=5180, timestamp=4_200_000),
    ]
    scan = Scan.from_android(results)
    assert scan.timestamp_ms == 5000
    assert scan.readings == (
        Reading(MAC, -61, 2412, 0),
        Reading("aa:bb:cc:00:11:33", -70, 5180, 800),
    )
    later = Scan.from_android(results, timestamp_ms=99, elapsed_realtime_ms=65_000)
    assert (later.timestamp_ms, later.ages_ms) == (99, (60_000, 60_800))
    assert Scan.from_android(results, elapsed_realtime_ms=6000).timestamp_ms == 6000


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"level": -60}, "no 'BSSID'"),
        ({"BSSID": MAC}, "no 'level'"),
        ({"BSSID": MAC, "level": -60}, "give timestamp_ms"),
        ({"BSSID": MAC, "level": -60, "timestamp": "1"}, "timestamp of"),
        ({"BSSID": MAC, "level": 0, "timestamp": 1}, "rssi_dbm must be"),
        ({"BSSID": MAC, "level": -6, "timestamp": 1, "frequency": "x"}, "frequency_mhz of"),
    ],
)
def test_bad_android_results_are_named(result, message):
    with pytest.raises(ScanError, match=message):
        Scan.from_android([result])


def test_google_bodies():
    point = {"macAddress": MAC.upper(), "signalStrength": -61, "age": 20, "channel": 6}
    body = {"considerIp": False, "wifiAccessPoints": [point], "timestamp": 77}
    assert Scan.from_google(body) == Scan(77, [Reading(MAC, -61, None, 20)])
    assert Scan.from_google(body, 5).timestamp_ms == 5
    assert Scan.from_google({"wifiAccessPoints": []}).timestamp_ms > 1.6e12
    for bad in ([], {"wifiAccessPoints": {}}, {"wifiAccessPoints": [{"macAddress": MAC}]}):
        with pytest.raises(ScanError):
            Scan.from_google(bad)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "not a line of JSON"),
        ("[]", "must be a JSON object, got list"),
        ("[" * 100_000, "not a line of JSON"),
        ('{"readings": []}', "no 'timestamp_ms'"),
        ('{"timestamp_ms": 1}', "no 'readings'"),
        ('{"timestamp_ms": 1, "readings": {}}', "readings must be a list"),
        ('{"timestamp_ms": 1, "readings": [1]}', "every reading must be a JSON object"),
        ('{"timestamp_ms": 1, "readings": [{"bssid": "a"}]}', "no 'rssi_dbm'"),
        ('{"timestamp_ms": 1.5, "readings": []}', "timestamp_ms must be an int"),
        ('{"timestamp_ms": 1, "readings": [{"bssid": "a", "rssi_dbm": NaN}]}', "got nan"),
        ('{"timestamp_ms": 1, "readings": [{"bssid": "a", "rssi_dbm": -1, "age_ms": -1}]}', "age"),
        (b"\xff", "not a line of JSON"),
    ],
)
def test_bad_json_lines_are_named(line, message):
    with pytest.raises(ScanError, match=message):
        Scan.from_json(line)


def test_scans_are_values():
    scan = Scan(3, [Reading(MAC, -60.5, 2412, 9), {"bssid": "x", "rssi_dbm": -70}])
    assert pickle.loads(pickle.dumps(scan)) == scan
    assert len({scan, Scan(3, scan.readings)}) == 1
    assert scan != Scan(4, scan.readings)
    assert scan != 5
    assert repr(scan) == "Scan(timestamp_ms=3, 2 readings)"
    with pytest.raises(AttributeError, match="immutable"):
        scan.timestamp_ms = 4
    for readings in (5, [5], ["abcd"[:3]], [(1, 2)]):
        with pytest.raises(ScanError, match="readings must be"):
            Scan(0, readings)
    with pytest.raises(ScanError, match="no 'rssi_dbm'"):
        Scan(0, [{"bssid": "x"}])
    with pytest.raises(ScanError, match=r"expected \{bssid: dBm\}, got list"):
        Scan.from_dict([], 0)


def test_the_cache_of_identifiers_is_bounded():
    for i in range(3 * ids.CACHE_ENTRIES):
        Scan.from_dict({f"AP {i}": -60}, 0)
    Scan.from_dict({"long" * 1000: -60}, 0)
    assert len(ids.known_ids) <= ids.CACHE_ENTRIES
    assert "long" * 1000 not in ids.known_ids


names = st.one_of(st.text(min_size=1).filter(str.strip), st.from_regex(r"\A[0-9a-fA-F]{12}\Z"))
numbers = st.one_of(st.none(), st.integers(0, 2**62))
levels = st.floats(-150, -1e-6)
readings = st.lists(
    st.fixed_dictionaries(
        {"bssid": names, "rssi_dbm": levels, "frequency_mhz": numbers, "age_ms": numbers}
    ),
    max_size=20,
)


@given(st.integers(-(2**63), 2**63 - 1), readings)
def test_json_round_trip(time, values):
    scan = Scan(time, values)
    assert Scan.from_json(scan.to_json()) == scan
    assert Scan.from_json(json.dumps({"timestamp_ms": time, "readings": values})) == scan
    assert len(set(scan.bssids)) == len(scan)


@given(st.one_of(st.text(), st.binary()))
def test_any_text_is_a_scan_or_a_scan_error(text):
    with suppress(ScanError):
        Scan.from_json(text)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=6,
)


@given(anything, anything, anything, anything)
def test_any_values_are_a_scan_or_a_scan_error(time, name, level, extra):
    reading = {"bssid": name, "rssi_dbm": level, "age_ms": extra, "frequency_mhz": extra}
    point = {"macAddress": name, "signalStrength": level, "age": extra, "frequency": extra}
    result = {"BSSID": name, "level": level, "timestamp": extra, "frequency": extra}
    for build in (
        lambda: Scan(time, [reading]),
        lambda: Scan(0, extra if isinstance(extra, list | dict) else [extra]),
        lambda: Scan.from_google({"wifiAccessPoints": [point], "timestamp": time}),
        lambda: Scan.from_google(extra),
        lambda: Scan.from_android([result], time),
        lambda: Scan.from_android([result]),
    ):
        with suppress(ScanError):
            build()
