"""`rssfix scan`, `record` and `run` as they are called; iw is a script that prints what iw does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_bundles as small
from click.testing import CliRunner
from mqtt_broker import Broker, Subscriber, until

from sdk import Localizer, Scan, cli
from sdk.sources import tool
from sdk.store import Store

DEMO = Path(__file__).parents[2] / "examples" / "data" / "uji_library_floor3"


def rssfix(*arguments, **options):
    return CliRunner().invoke(cli.main, list(map(str, arguments)), **options)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def air(tmp_path, monkeypatch):
    """An iw that hears the small building's access points, and the interface wlan0."""
    folder = tmp_path / "bin"
    folder.mkdir()
    row = small.survey()[7]
    text = "".join(
        f"BSS {bssid}(on wlan0)\n\tfreq: 2412\n\tsignal: {dbm:.2f} dBm\n\tlast seen: 20 ms ago\n"
        for bssid, dbm in zip(small.BSSIDS, row, strict=True)
        if dbm == dbm
    )
    (folder / "out").write_text(text)
    iw = folder / "iw"
    iw.write_text(
        f"#!/bin/sh\n[ -e {folder}/fails ] && {{ echo broken >&2; exit 1; }}\ncat {folder}/out\n"
    )
    iw.chmod(0o755)
    (tmp_path / "net" / "wlan0" / "phy80211").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(tool, "NETWORK_INTERFACES", tmp_path / "net")
    return folder


@pytest.fixture
def bundle(tmp_path, neighbours_bundle):
    path = tmp_path / "small.rssfix"
    path.write_bytes(neighbours_bundle)
    return path


def test_scan_shows_what_is_in_the_air(air):
    result = rssfix("scan")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["bssid", "dBm", "MHz", "seen", "s", "ago"]
    levels = [int(line.split()[1]) for line in lines[1:]]
    assert levels == sorted(levels, reverse=True)
    assert lines[1].split()[2:] == ["2412", "0.0"]
    scan = Scan.from_json(rssfix("scan", "--json").stdout)
    assert len(scan) == len(levels)


def test_scan_says_what_to_do(air):
    (air / "iw").write_text(
        "#!/bin/sh\necho 'command failed: Operation not permitted (-1)' >&2\nexit 255\n"
    )
    result = rssfix("scan")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: iw may not start a scan as this user: run with sudo")
    assert "Traceback" not in result.output


def test_record_writes_what_replay_reads(air, tmp_path):
    out = tmp_path / "walk.jsonl"
    spot = ("--at", 1.5, -2, 0, "--session", "monday", "--device", "pi")
    result = rssfix("record", out, "--count", 2, "--interval", 0, *spot)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[-1] == f"2 scans in {out}"
    first, second = json_lines(out.read_text())
    assert first.keys() == {
        "timestamp_ms", "readings", "source", "device", "session", "x_m", "y_m", "floor",
    }  # fmt: skip
    assert (first["x_m"], first["y_m"], first["floor"]) == (1.5, -2.0, 0)
    assert (first["source"], first["device"], first["session"]) == ("iw", "pi", "monday")
    assert second["timestamp_ms"] >= first["timestamp_ms"]

    again = rssfix("record", out, "--count", 1)
    assert again.exit_code == 1
    assert "is there already; --append goes on" in again.stderr
    # A power cut in the middle of a line, then another session.
    with out.open("a") as file:
        file.write('{"timestamp_ms": 17, "read')
    assert rssfix("record", out, "--count", 1, "--append").exit_code == 0
    assert len(json_lines(out.read_text())) == 3
    copy = tmp_path / "copy.jsonl"
    assert rssfix("record", copy, "--source", f"replay:{out}").exit_code == 0
    assert [Scan.from_json(line) for line in copy.read_text().splitlines()] == [
        Scan.from_json(line) for line in out.read_text().splitlines()
    ]


def test_a_record_that_fails_leaves_nothing_behind(air, tmp_path):
    out = tmp_path / "new" / "walk.jsonl"
    (air / "fails").touch()
    failed = rssfix("record", out)
    assert failed.exit_code == 1
    assert "iw failed on wlan0: broken" in failed.stderr
    assert not out.exists()
    (air / "fails").unlink()
    assert "finite metres" in rssfix("record", out, "--at", "nan", 0, 0).output
    assert rssfix("record", out, "--count", 1).exit_code == 0
    assert len(json_lines(out.read_text())) == 1


def test_run_gives_the_fixes_of_locate(bundle, scans, tmp_path):
    lines = tmp_path / "scans.jsonl"
    lines.write_text("\n".join(scan.to_json() for scan in scans))
    replay = ("--source", f"replay:{lines}", "--device", "pi")
    with Localizer.open(bundle) as localizer:
        for options, position in (
            ((), localizer.locate),
            (("--track",), localizer.start_track().update),
        ):
            result = rssfix("run", bundle, *replay, *options)
            assert result.exit_code == 0, result.output
            expected = [
                {**position(scan).to_dict(), "device": "pi", "source": "replay"} for scan in scans
            ]
            assert json_lines(result.stdout) == expected


def test_run_keeps_scans_for_later_updates(bundle, air, tmp_path):
    store = tmp_path / "scans.db"
    options = ("--count", 3, "--interval", 0, "--device", "pi")
    result = rssfix("run", bundle, "--store", store, *options)
    assert result.exit_code == 0, result.output
    fixes = json_lines(result.stdout)
    assert [fix["status"] for fix in fixes] == ["OK"] * 3
    with Store(store, read_only=True) as kept:
        rows = list(kept.rows())
    assert [row.scan.timestamp_ms for row in rows] == [fix["timestamp_ms"] for fix in fixes]
    assert {row.device for row in rows} == {"pi"}
    # An estimate is never kept as a label.
    assert {row.place for row in rows} == {None}


def test_coarse_sources_are_marked(bundle, air, tmp_path):
    nmcli = air / "nmcli"
    lines = "".join(
        f"{bssid.upper()}".replace(":", "\\\\:") + ":2412 MHz:82:no:\\n" for bssid in small.BSSIDS
    )
    nmcli.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
    nmcli.chmod(0o755)
    options = ("--source", "nmcli", "--count", 1)
    result = rssfix("run", bundle, *options)
    assert result.exit_code == 0, result.output
    (fix,) = json_lines(result.stdout)
    assert (fix["source"], fix["coarse"]) == ("nmcli", True)
    assert "levels in percent, cut off at -40 and -100 dBm" in result.stderr
    assert rssfix("record", tmp_path / "coarse.jsonl", *options).exit_code == 0
    assert json.loads((tmp_path / "coarse.jsonl").read_text())["coarse"] is True


def test_run_of_a_survey_folder_in_the_order_of_time(bundle):
    result = rssfix("run", bundle, "--source", f"replay:{DEMO}", "--count", 50)
    assert result.exit_code == 0, result.output
    times = [fix["timestamp_ms"] for fix in json_lines(result.stdout)]
    assert len(times) == 50
    assert times == sorted(times)


def test_mistakes_are_named(bundle, tmp_path):
    lines = tmp_path / "back.jsonl"
    lines.write_text('{"timestamp_ms": 5, "readings": []}\n{"timestamp_ms": 4, "readings": []}\n')
    result = rssfix("run", bundle, "--track", "--source", f"replay:{lines}")
    assert result.exit_code == 1
    assert "back.jsonl, line 2: timestamp_ms 4 comes after 5" in result.output
    for options in (("--output", "mqtt"), ("--mqtt", "mqtt://broker")):
        result = rssfix("run", bundle, "--source", f"replay:{lines}", *options)
        assert result.exit_code == 2
        assert "--output mqtt and --mqtt ADDRESS go together" in result.output
    result = rssfix(
        "run", bundle, "--source", f"replay:{lines}", "--output", "mqtt", "--mqtt", "mqtt://a:b@c"
    )
    assert "set RSSFIX_MQTT_PASSWORD" in result.output


def start(air, *arguments, **environment):
    """The command as a process; its Wi-Fi interface is a made-up one."""
    code = (
        "import sys; from pathlib import Path; from sdk.sources import tool; "
        "tool.NETWORK_INTERFACES = Path(sys.argv.pop(1)); from sdk.cli import main; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(air.parent / "net"), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_cleanly(bundle, air, tmp_path, number):
    out, store = tmp_path / "walk.jsonl", tmp_path / "scans.db"
    processes = [
        start(air, "record", out, "--interval", 30),
        start(air, "run", bundle, "--interval", 30, "--store", store),
    ]
    until(lambda: out.exists() and out.read_bytes().endswith(b"\n"))
    first = processes[1].stdout.readline()
    began = time.monotonic()
    for process in processes:
        process.send_signal(number)
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
    assert time.monotonic() - began < 25
    assert json.loads(first)["status"] == "OK"
    assert output == ""
    assert len(json_lines(out.read_text())) == 1
    with Store(store, read_only=True) as kept:
        assert len(kept) == 1


def test_run_over_a_restart_of_the_broker(bundle, air, tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    subscriber = Subscriber(broker, "site/#")
    outbox = tmp_path / "outbox.db"
    url = f"mqtt://127.0.0.1:{broker.port}/site/pi"
    run = ("run", bundle, "--interval", 0.02, "--output", "mqtt", "--mqtt", url, "--track")
    node = start(air, *run, "--outbox", outbox, "--device", "pi")
    until(lambda: len(subscriber.messages) > 10)
    broker.stop()
    time.sleep(0.5)
    broker.start()
    away = len(subscriber.messages)
    until(lambda: len(subscriber.messages) > away + 10)
    node.terminate()
    _, errors = node.communicate(timeout=60)
    assert node.returncode == 0, errors
    # What the last moment left is sent by the next start.
    again = start(air, *run, "--outbox", outbox, "--device", "pi", "--count", 1)
    _, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    last = max(subscriber.numbers())
    until(lambda: set(subscriber.numbers()) == set(range(1, max(subscriber.numbers()) + 1)))
    assert last > 20
    message = subscriber.messages[-1]
    assert (message["status"], message["device"], message["source"]) == ("OK", "pi", "iw")
    assert subscriber.status[0] == "online"
    until(lambda: subscriber.status[-1] == "offline")
    subscriber.close()
    broker.stop()


def test_the_outbox_lies_where_systemd_says(bundle, air, tmp_path):
    options = ("--count", 1, "--output", "mqtt", "--mqtt", "mqtt://127.0.0.1:9")
    node = start(air, "run", bundle, *options, STATE_DIRECTORY=str(tmp_path / "state"))
    _, errors = node.communicate(timeout=60)
    assert node.returncode == 0, errors
    assert "127.0.0.1:9 cannot be reached; trying again" in errors
    node = start(air, "run", bundle, *options, STATE_DIRECTORY=str(tmp_path / "state"))
    assert f"1 fixes wait in {tmp_path}/state/outbox.db" in node.communicate(timeout=60)[1]
