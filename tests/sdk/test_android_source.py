"""Scans of an Android phone, against a fake phone that throttles as Android does."""

import sys

import fake_android as fake
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.errors import SourceError
from sdk.sources.android import SCANS, WINDOW_S, AndroidSource, Throttle, ask_permission


@pytest.fixture
def phone(monkeypatch):
    phone = fake.Phone()
    fake.install(monkeypatch, phone)
    return phone


def opened(phone):
    return AndroidSource(clock=lambda: phone.now_s, pause=phone.wait)


def test_scans_come_with_ages_and_normal_names(phone):
    source = opened(phone)
    scan = source.poll()
    assert dict(zip(scan.bssids, scan.rssi_dbm, strict=True)) == {
        "aa:bb:cc:00:00:01": -60.0,
        "aa:bb:cc:00:00:02": -71.0,
    }
    assert scan.ages_ms == (0, 0)
    assert scan.frequencies_mhz == (2412, 5180)
    assert scan.timestamp_ms == phone.elapsedRealtime()
    assert source.poll() is None, "the same results are not served twice"


def test_the_scans_of_others_are_used(phone):
    source = opened(phone)
    assert source.poll() is not None
    phone.now_s += 7
    asked = phone.asked
    phone._scan()
    assert source.poll() is not None
    assert phone.asked <= asked + 1


def test_a_scan_every_thirty_seconds_and_a_countdown(phone):
    source = opened(phone)
    times = []
    end = phone.now_s + 600
    while phone.now_s < end:
        if source.poll() is not None:
            times.append(phone.now_s)
        phone.wait(0.25)
    assert phone.refused == 0, "it keeps to the rule and does not ask in vain"
    assert len(times) == 600 / 120 * 4
    assert np.diff(times).max() == 30
    assert source.throttle.ready_in_s() == pytest.approx(times[-1] + 30 - phone.now_s)


def test_an_app_that_used_up_the_scans_makes_us_wait_and_not_ask_in_vain(phone):
    phone.started.extend([phone.now_s] * 4)
    source = opened(phone)
    assert source.poll() is None
    assert not source.granted
    assert source.scan().rssi_dbm, "scan() waits until Android grants one"
    assert source.granted
    assert phone.now_s == 1000 + 120
    assert phone.refused == 4


@given(st.lists(st.floats(0, 60), max_size=60))
@settings(max_examples=100, deadline=None)
def test_the_throttle_never_allows_a_fifth_scan(waits):
    now = 0.0
    throttle = Throttle(lambda: now)
    started = []
    for wait in waits:
        now += wait
        if throttle.ready_in_s() == 0:
            throttle.asked()
            started.append(now)
    for first, fifth in zip(started, started[SCANS:], strict=False):
        assert fifth - first > WINDOW_S - 1e-6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"permission": -1}, "allow it the precise location"),
        ({"wifi_on": False}, "Wi-Fi is switched off"),
        ({"location_on": False}, "location is switched off"),
    ],
)
def test_what_is_switched_off_is_said_and_mended_later(phone, change, words):
    source = opened(phone)
    before = {name: getattr(phone, name) for name in change}
    for name, value in change.items():
        setattr(phone, name, value)
    with pytest.raises(SourceError, match=words) as caught:
        source.poll()
    assert caught.value.again
    with pytest.raises(SourceError, match=words):
        opened(phone)
    for name, value in before.items():
        setattr(phone, name, value)
    assert source.poll() is not None


def test_wifi_off_but_scanning_always_available_is_fine(phone):
    phone.wifi_on, phone.scan_always = False, True
    assert opened(phone).poll() is not None


def test_an_old_phone_has_no_location_switch(phone, monkeypatch):
    phone.version, phone.location_on = 27, False
    fake.install(monkeypatch, phone)
    assert opened(phone).poll() is not None


def test_networks_that_opted_out_are_left_out(phone):
    source = opened(phone)
    source.poll()
    phone.wait(1)
    phone._scan()
    phone.results[0].SSID = "mine_nomap"
    assert source.poll().bssids == ("aa:bb:cc:00:00:02",)


def test_one_access_point_gives_a_hint(phone):
    phone.heard = lambda: [("aa:bb:cc:00:00:01", -60, 2412)]
    source = opened(phone)
    source.poll()
    assert "only one access point" in source.hint


def test_outside_android(monkeypatch):
    monkeypatch.setitem(sys.modules, "jnius", None)
    with pytest.raises(SourceError, match="no Android app"):
        AndroidSource()
    with pytest.raises(SourceError, match="no Android app"):
        ask_permission()


def test_the_permission_is_asked_for(phone):
    ask_permission()
    assert phone.asked_permission == ["android.permission.ACCESS_FINE_LOCATION"]
