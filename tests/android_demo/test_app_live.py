"""Live scans in the app: what is switched off, and the wait that Android imposes, in words."""

import ast
import sys
from pathlib import Path

import fake_android as fake
import pytest
from fixmap import live
from fixmap.live import AndroidFeed, ToolFeed, live_feed

from sdk.errors import SourceError
from sdk.sources.android import AndroidSource

APP = Path(__file__).parents[2] / "android_demo"


@pytest.fixture
def phone(monkeypatch):
    phone = fake.Phone()
    fake.install(monkeypatch, phone)
    monkeypatch.setattr(
        live, "AndroidSource", lambda: AndroidSource(lambda: phone.now_s, phone.wait)
    )
    return phone


def test_a_phone_counts_down_to_its_next_scan(phone):
    feed = AndroidFeed()
    assert feed.words() == "asking for permission"
    assert feed.poll().rssi_dbm
    assert phone.asked_permission
    assert feed.words() == "next scan in 30 s (Android allows 4 in 2 minutes)"
    phone.wait(12.5)
    assert feed.poll() is None
    assert feed.words().startswith("next scan in 18 s")
    phone.wait(17.5)
    assert feed.poll() is not None


def test_what_is_switched_off_is_said_until_it_is_mended(phone):
    phone.permission = -1
    feed = AndroidFeed()
    assert feed.poll() is None
    assert "precise location" in feed.words()
    assert feed.wait_s() == live.RETRY_S
    phone.permission, phone.location_on = 0, False
    assert feed.poll() is None
    assert "location is switched off" in feed.words()
    phone.location_on = True
    assert feed.poll() is not None
    assert "switched off" not in feed.words()


def test_a_refused_scan_is_said(phone):
    phone.started.extend([phone.now_s] * 4)
    feed = AndroidFeed()
    assert feed.poll() is None
    assert feed.words().startswith("Android refused a scan; next scan in 30 s")


def test_tools_that_may_work_later_are_asked_again():
    errors = [SourceError("busy", again=True), SourceError("gone")]

    class Tool:
        name, live, coarse, hint = "nmcli", True, True, None

        def scan(self):
            raise errors.pop(0)

        def close(self):
            pass

    feed = ToolFeed(Tool())
    assert feed.words() == "levels are coarse"
    assert feed.poll() is None
    assert feed.words() == "busy"
    with pytest.raises(SourceError, match="gone"):
        feed.poll()


def test_a_machine_without_wifi_says_what_each_tool_said(monkeypatch):
    def none(name):
        raise SourceError(f"{name} is not there")

    monkeypatch.setattr(live, "open_source", none)
    with pytest.raises(SourceError, match=r"no live scans here\. iw: .*wpa_cli: .*nmcli: "):
        live_feed()


def test_the_app_stands_on_the_sdk_alone():
    roots = set()
    for file in [APP / "main.py", *sorted((APP / "fixmap").glob("*.py"))]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                roots |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                roots.add(node.module.split(".")[0])
    assert roots - set(sys.stdlib_module_names) == {"fixmap", "kivy", "numpy", "sdk"}
