"""The tools as programs: scripts that print what real ones do, and the real ones where they are."""

import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from sdk import SourceError, sources
from sdk.sources import tool
from sdk.sources.wpa_cli import SCAN_TIMEOUT_S

WIFI = Path(__file__).parent / "wifi"
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """An empty folder that alone is the PATH, and a machine with the interface wlan0."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.setattr(tool, "ALSO", ())
    monkeypatch.setattr(tool, "NETWORK_INTERFACES", tmp_path / "net")
    for name in ("lo", "eth0"):
        (tmp_path / "net" / name).mkdir(parents=True)
    (tmp_path / "net" / "wlan0" / "phy80211").mkdir(parents=True)
    return folder


def script(folder, name, *, prints="", complains="", status=0, body=""):
    """A tool that prints, complains and ends so; its arguments go to NAME.log."""
    path = folder / name
    (folder / f"{name}.out").write_text(prints)
    (folder / f"{name}.err").write_text(complains)
    path.write_text(
        f'#!/bin/sh\necho "$LC_ALL $*" >>{path}.log\n{body}\n'
        f"/bin/cat {path}.out; /bin/cat {path}.err >&2; exit {status}\n"
    )
    path.chmod(0o755)


def calls(folder, name):
    return (folder / f"{name}.log").read_text().splitlines()


def test_iw_scans(bin_folder):
    script(bin_folder, "iw", prints=(WIFI / "iw_5.txt").read_text())
    source = sources.open_source("iw")
    before = time.time_ns() // 1_000_000
    scan = source.scan()
    assert before <= scan.timestamp_ms <= time.time_ns() // 1_000_000
    assert scan.bssids == ("70:f0:96:d2:e0:62", "70:f0:96:d2:e0:6d")
    assert scan.rssi_dbm == (-64.0, -71.5)
    assert scan.ages_ms == (0, 556)
    assert source.hint is None
    assert not source.coarse
    sources.open_source("iw", cached=True).scan()
    assert calls(bin_folder, "iw") == ["C dev wlan0 scan", "C dev wlan0 scan dump"]


@pytest.mark.parametrize(
    ("complaint", "advice", "again"),
    [
        ("command failed: Operation not permitted (-1)", "run with sudo, or as a service", False),
        ("command failed: No such device (-19)", "Wi-Fi interfaces here: wlan0", False),
        ("command failed: Network is down (-100)", "sudo ip link set wlan0 up", False),
        ("command failed: Operation not possible due to RF-kill (-132)", "rfkill unblock", False),
        ("command failed: Device or resource busy (-16)", "try again", True),
        ("command failed: Operation not supported (-95)", "is it an access point", False),
        ("nl80211 not found.", "use another machine", False),
        ("command failed: Something new (-77)", "Something new", False),
    ],
)
def test_iw_refusals_say_what_to_do(bin_folder, complaint, advice, again):
    script(bin_folder, "iw", complains=complaint, status=240)
    with pytest.raises(SourceError, match=advice) as caught:
        sources.open_source("iw").scan()
    assert caught.value.again is again


def test_a_missing_tool_is_named_with_its_package(bin_folder):
    for name, package in (("iw", "iw"), ("wpa_cli", "wpasupplicant"), ("nmcli", "network-manager")):
        with pytest.raises(
            SourceError, match=f"{name} is not installed: sudo apt install {package}"
        ):
            sources.open_source(name).scan()


def test_tools_are_found_where_debian_keeps_them(bin_folder, tmp_path, monkeypatch):
    script(tmp_path, "iw", prints=(WIFI / "iw_5.txt").read_text())
    monkeypatch.setattr(tool, "ALSO", (str(tmp_path),))
    assert len(sources.open_source("iw").scan()) == 2


def test_a_tool_that_hangs_or_cannot_start(bin_folder):
    script(bin_folder, "iw", body="exec /bin/sleep 60")
    with pytest.raises(SourceError, match=r"iw has not answered within 0.2 s") as caught:
        tool.run(["iw"], timeout_s=0.2)
    assert caught.value.again
    (bin_folder / "iw").write_text("#!/no/such/shell\n")
    with pytest.raises(SourceError, match="cannot be started: No such file"):
        tool.run(["iw"])


def test_which_interface(bin_folder, tmp_path):
    (tmp_path / "net" / "wlan1" / "wireless").mkdir(parents=True)
    with pytest.raises(SourceError, match="choose one, --interface wlan0 or wlan1"):
        sources.open_source("iw")
    assert sources.open_source("iw", interface="wlan1").interface == "wlan1"
    for name in ("wlan0", "wlan1"):
        shutil.rmtree(tmp_path / "net" / name)
    with pytest.raises(SourceError, match="no Wi-Fi interface: see `ip link`"):
        sources.open_source("wpa_cli")
    for name in ("foo", "replay", "replay:", "iw:wlan0", ""):
        with pytest.raises(SourceError, match="expected one of iw, wpa_cli, nmcli, replay:PATH"):
            sources.open_source(name)


def test_one_or_no_access_point_gets_a_hint(bin_folder):
    connected = (WIFI / "iw_5.txt").read_text().split("BSS 70:f0:96:d2:e0:6d")[1]
    script(bin_folder, "iw", prints="BSS 70:f0:96:d2:e0:6d" + connected)
    source = sources.open_source("iw", cached=True)
    assert len(source.scan()) == 1
    assert "connected to is listed: nothing has scanned lately; run without --cac" in source.hint
    source = sources.open_source("iw")
    source.scan()
    assert "only one access point heard, too few" in source.hint
    script(bin_folder, "iw")
    assert len(source.scan()) == 0
    assert "rfkill list" in source.hint
    script(bin_folder, "nmcli", prints=(WIFI / "nmcli_1_42.txt").read_text().split("\n")[1])
    source = sources.open_source("nmcli")
    source.scan()
    assert "use sudo, or iw" in source.hint
    assert source.coarse
    script(bin_folder, "nmcli")
    source.scan()
    assert "nmcli radio wifi on" in source.hint


def test_a_driver_without_dbm_is_refused(bin_folder):
    text = (WIFI / "iw_centos7.txt").read_text().replace("-45.00 dBm", "57/100")
    script(bin_folder, "iw", prints=text)
    with pytest.raises(SourceError, match="gives no dBm, only a quality"):
        sources.open_source("iw").scan()


def test_wpa_cli_refusals_say_what_to_do(bin_folder):
    source = sources.open_source("wpa_cli", pause=lambda _: None)
    for complaint, advice in (
        ("Failed to connect to non-global ctrl_ifname: wlan0  error: No such file", "--source iw"),
        ("Failed to connect to non-global ctrl_ifname: wlan0  error: Permission denied", "netdev"),
    ):
        script(bin_folder, "wpa_cli", complains=complaint, status=255)
        with pytest.raises(SourceError, match=advice):
            source.scan()
    script(bin_folder, "wpa_cli", prints="FAIL\n")
    with pytest.raises(SourceError, match="sudo ip link set wlan0 up"):
        source.scan()


class Supplicant(threading.Thread):
    """wpa_supplicant's control socket, as the real wpa_cli talks to it: 4 kB a reply."""

    def __init__(self, folder, bss, old=False):
        super().__init__(daemon=True)
        self.bss, self.old, self.asked = bss, old, []
        self.scanned_at = None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "wlan0"))
        self.start()

    def run(self):
        while True:
            command, client = self.socket.recvfrom(4096)
            text = command.decode()
            self.asked.append(text)
            self.socket.sendto(self.answer(text).encode(), client)

    def answer(self, command):
        if command == "SCAN":
            self.scanned_at = time.monotonic()
            return "OK\n"
        if command == "SCAN_RESULTS":
            return (WIFI / "wpa_scan_results.txt").read_text().split("\n", 1)[1]
        if not command.startswith("BSS RANGE=") or self.old:
            return "UNKNOWN COMMAND\n"
        first = int(command.split("=")[1].split("-")[0])
        # Results of a scan are there 0.7 s after it began; before, those of a minute ago.
        age_s = 60
        if self.scanned_at is not None and time.monotonic() - self.scanned_at > 0.7:
            age_s = int(time.monotonic() - self.scanned_at - 0.7)
        page = ""
        for number, (mac, level) in enumerate(self.bss):
            entry = (
                f"id={number}\nbssid={mac}\nfreq=2412\nlevel={level}\nage={age_s}\nflags=[ESS]\n"
            )
            entry += "ssid=" + "x" * 32 + "\n====\n"
            if number >= first:
                if len(page) + len(entry) > 4096:
                    return page
                page += entry
        return page[:-5] + "####\n" if page else ""


@pytest.fixture
def real_wpa_cli(bin_folder, tmp_path):
    program = shutil.which("wpa_cli", path="/usr/sbin:/sbin:/usr/bin")
    if program is None:
        pytest.skip("wpa_cli is not installed (wpasupplicant)")
    run = tmp_path / "run"
    run.mkdir()
    wrapper = bin_folder / "wpa_cli"
    wrapper.write_text(f'#!/bin/sh\nexec {program} -p {run} "$@"\n')
    wrapper.chmod(0o755)
    return run


def test_the_real_wpa_cli_pages_through_more_than_a_reply_holds(real_wpa_cli):
    bss = [(f"aa:bb:cc:00:00:{i:02x}", -30 - i) for i in range(70)]
    supplicant = Supplicant(real_wpa_cli, bss)
    source = sources.open_source("wpa_cli")
    scan = source.scan()
    assert list(zip(scan.bssids, scan.rssi_dbm, strict=True)) == bss
    assert supplicant.asked[0] == "SCAN"
    assert sum(one.startswith("BSS RANGE=0-") for one in supplicant.asked) > 1
    # Not the list of a minute ago.
    assert max(scan.ages_ms) < 30_000
    supplicant.asked.clear()
    sources.open_source("wpa_cli", cached=True).scan()
    assert "SCAN" not in supplicant.asked


def test_the_real_wpa_cli_gives_up_waiting_when_told(real_wpa_cli):
    Supplicant(real_wpa_cli, [("aa:bb:cc:00:00:01", -40)])
    began = time.monotonic()
    source = sources.open_source("wpa_cli", pause=lambda _: True)
    scan = source.scan()
    assert time.monotonic() - began < SCAN_TIMEOUT_S / 2
    # What there was: a minute old, which a localizer calls stale.
    assert scan.ages_ms == (60_000,)
    assert "only one access point heard" in source.hint


def test_an_old_wpa_supplicant_without_pages(real_wpa_cli):
    Supplicant(real_wpa_cli, [], old=True)
    scan = sources.open_source("wpa_cli", cached=True).scan()
    assert len(scan) == 3
    assert scan.ages_ms is None


MOCK = """
import dbus
bus = dbus.SystemBus()
manager = bus.get_object("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager")
mock = dbus.Interface(manager, "org.freedesktop.DBus.Mock")
device = mock.AddWiFiDevice("mock_wifi0", "wlan0", 100)
mock.AddAccessPoint(device, "AP0", "Cafe:1\\\\x", "00:23:F8:7E:12:BB", 2, 2462, 54000, 82, 0x100)
mock.AddAccessPoint(device, "AP1", "eduroam", "70:F0:96:D2:E0:62", 2, 5180, 130000, 37, 0x100)
mock.AddAccessPoint(device, "AP2", "not_me_nomap", "70:F0:96:D2:E0:63", 2, 5180, 1300, 50, 0x100)
"""


@pytest.fixture
def network_manager(monkeypatch):
    """NetworkManager, mocked, on a system bus of its own."""
    for name in ("nmcli", "dbus-daemon"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
    there = subprocess.run([SYSTEM_PYTHON, "-c", "import dbusmock"], capture_output=True)
    if there.returncode != 0:
        pytest.skip("python3-dbusmock is not installed")
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.stdout.readline().strip())
    mock = subprocess.Popen(
        [SYSTEM_PYTHON, "-m", "dbusmock", "--system", "--template", "networkmanager"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            added = subprocess.run([SYSTEM_PYTHON, "-c", MOCK], capture_output=True, text=True)
            if added.returncode == 0:
                break
            time.sleep(0.1)
        assert added.returncode == 0, added.stderr
        yield mock
    finally:
        for process in (mock, bus):
            process.terminate()
            process.wait()
        bus.stdout.close()


def test_the_real_nmcli(network_manager):
    source = sources.open_source("nmcli", cached=True)
    scan = source.scan()
    assert dict(zip(scan.bssids, scan.rssi_dbm, strict=True)) == {
        "00:23:f8:7e:12:bb": -51.0,
        "70:f0:96:d2:e0:62": -78.0,
    }
    assert scan.frequencies_mhz == (2462, 5180)
    assert scan.ages_ms is None
    assert len(sources.open_source("nmcli", "wlan0", cached=True).scan()) == 2
    with pytest.raises(SourceError, match="no Wi-Fi interface 'wlan9'"):
        sources.open_source("nmcli", "wlan9", cached=True).scan()
    network_manager.terminate()
    network_manager.wait()
    with pytest.raises(SourceError, match="sudo systemctl start NetworkManager"):
        source.scan()


def test_the_real_nmcli_without_a_bus(monkeypatch):
    if shutil.which("nmcli") is None:
        pytest.skip("nmcli is not installed")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus")
    with pytest.raises(SourceError, match="NetworkManager is not running"):
        sources.open_source("nmcli", cached=True).scan()


def test_the_real_iw_here(monkeypatch):
    program = shutil.which("iw", path=os.pathsep.join(["/usr/sbin", "/sbin", "/usr/bin"]))
    if program is None:
        pytest.skip("iw is not installed")
    with pytest.raises(SourceError, match=r"no Wi-Fi interface 'none9'|nl80211 not found"):
        sources.open_source("iw", "none9").scan()
