"""Fixes to a real broker: none is lost when it restarts, is away, or the process is killed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from mqtt_broker import Broker, Subscriber, until

from sdk.errors import StoreError
from sdk.mqtt import CLOSE_S, WINDOW, Address, MqttOutput
from sdk.outbox import Outbox


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def subscriber(broker):
    subscriber = Subscriber(broker)
    yield subscriber
    subscriber.close()


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db")
    yield outbox
    outbox.close()


def output(broker, outbox, **options):
    address = Address.of(f"mqtt://127.0.0.1:{broker.port}", "rssfix/pi")
    options = {"reconnect_s": (1, 1), "say": lambda _: None, **options}
    return MqttOutput(address, outbox, "rssfix-pi", **options)


def text(i):
    return json.dumps({"timestamp_ms": i, "status": "OK"})


def test_messages_arrive_in_order_once_each(broker, subscriber, outbox):
    mqtt = output(broker, outbox)
    for i in range(5 * WINDOW):
        mqtt.send(text(i))
    mqtt.close()
    until(lambda: len(subscriber.messages) == 5 * WINDOW and len(subscriber.status) == 2)
    assert [one["timestamp_ms"] for one in subscriber.messages] == list(range(5 * WINDOW))
    assert subscriber.numbers() == list(range(1, 5 * WINDOW + 1))
    assert subscriber.status == ["online", "offline"]
    assert len(outbox) == 0


def test_a_restart_of_the_broker_loses_none(broker, subscriber, outbox):
    said = []
    mqtt = output(broker, outbox, say=said.append)
    for i in range(300):
        mqtt.send(text(i))
        if i == 100:
            broker.stop()
        if i == 200:
            until(lambda: len(said) >= 2)
            assert len(outbox) >= 99
            broker.start()
        time.sleep(0.001)
    until(lambda: len(outbox) == 0)
    mqtt.close()
    until(lambda: len(set(subscriber.numbers())) == 300)
    assert sorted(set(subscriber.numbers())) == list(range(1, 301))
    first = {message["sequence"]: message["timestamp_ms"] for message in subscriber.messages}
    assert first == {i + 1: i for i in range(300)}
    assert said[0] == said[-1] == "connected to 127.0.0.1"
    assert any("lost" in one or "cannot be reached" in one for one in said[1:-1])


def test_a_broker_that_is_away_from_the_start(tmp_path, outbox):
    broker = Broker(tmp_path)
    said = []
    mqtt = output(broker, outbox, say=said.append)
    for i in range(30):
        mqtt.send(text(i))
    until(lambda: said == [f"127.0.0.1:{broker.port} cannot be reached; trying again"])
    began = time.monotonic()
    mqtt.close()
    assert time.monotonic() - began < CLOSE_S
    assert len(outbox) == 30
    # The next start of the node finds it there.
    broker.start()
    subscriber = Subscriber(broker)
    output(broker, outbox).close()
    until(lambda: len(subscriber.messages) == 30)
    assert len(outbox) == 0
    subscriber.close()
    broker.stop()


def test_a_killed_process_loses_none(broker, subscriber, tmp_path):
    code = """
        import json, sys
        from sdk.mqtt import Address, MqttOutput
        from sdk.outbox import Outbox
        outbox = Outbox(sys.argv[2])
        address = Address.of(sys.argv[1], "rssfix/pi")
        mqtt = MqttOutput(address, outbox, "rssfix-pi", say=lambda _: None)
        for i in range(10**9):
            mqtt.send(json.dumps({"i": i}))
            print("sent", i, flush=True)
    """
    url, path = f"mqtt://127.0.0.1:{broker.port}", tmp_path / "killed.db"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), url, path], stdout=subprocess.PIPE, text=True
    )
    sent = -1
    for line in process.stdout:
        if line.startswith("sent") and line.endswith("\n"):
            sent = int(line.split()[1])
        if sent == 100:
            os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    outbox = Outbox(path)
    output(broker, outbox).close()
    until(lambda: set(range(1, sent + 2)) <= set(subscriber.numbers()))
    assert len(outbox) == 0
    outbox.close()
    # The broker noticed that the first one went without a goodbye.
    until(lambda: subscriber.status[:2] == ["online", "offline"])


def test_a_wrong_password_is_told_and_nothing_is_lost(tmp_path, outbox):
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {passwords}")
    broker.start()
    said = []
    mqtt = output(broker, outbox, say=said.append, password="secret")
    mqtt.send(text(0))
    until(lambda: bool(said))
    assert "127.0.0.1 refuses: Not authorized" in said[0]
    mqtt.close()
    assert len(outbox) == 1
    broker.stop()


def test_a_failing_outbox_is_told_at_the_next_send(broker, outbox, monkeypatch):
    def full(*_):
        raise StoreError("disk full")

    mqtt = output(broker, outbox)
    monkeypatch.setattr(outbox, "after", full)
    mqtt.send(text(0))
    until(lambda: not mqtt._worker.is_alive())
    with pytest.raises(StoreError, match="disk full"):
        mqtt.send(text(1))
    mqtt.close(0.1)


def test_addresses():
    of = Address.of
    assert of("mqtt://broker", "a/b") == ("broker", 1883, False, None, "a/b")
    assert of("mqtts://me@broker:99/x/y/", "a") == ("broker", 99, True, "me", "x/y")
    assert of("mqtts://broker", "a").port == 8883
    assert of("mqtt://[::1]/t", "a").host == "::1"
    for bad in ("broker", "http://broker", "mqtt://", "mqtt://b:x/t", "mqtt://b/t?x=1"):
        with pytest.raises(ValueError, match="expected mqtt"):
            of(bad, "a")
    with pytest.raises(ValueError, match="set RSSFIX_MQTT_PASSWORD"):
        of("mqtt://me:secret@broker", "a")
    with pytest.raises(ValueError, match="no wildcards, got 'a/#'"):
        of("mqtt://broker", "a/#")
