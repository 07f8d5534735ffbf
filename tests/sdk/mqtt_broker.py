"""A real mosquitto for the tests, which can be stopped and started, and a subscriber."""

import json
import shutil
import socket
import subprocess
import threading
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def until(true, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


class Broker:
    """Mosquitto on a port of its own; what it has confirmed it keeps over a restart."""

    def __init__(self, folder, *settings):
        if PROGRAM is None:
            pytest.skip("mosquitto is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.settings = folder / "mosquitto.conf"
        allow = [] if settings else ["allow_anonymous true"]
        self.settings.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "user root",
                    *allow,
                    *settings,
                ]
            )
        )
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [PROGRAM, "-c", self.settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._answers)

    def _answers(self):
        assert self.process.poll() is None, "mosquitto ended"
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


class Subscriber:
    """Everything under a topic, over restarts of the broker."""

    def __init__(self, broker, topic="rssfix/#"):
        self.messages, self.status = [], []
        self.subscribed = threading.Event()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="subscriber", clean_session=False
        )
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda *_: self.client.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._on_message
        self.client.connect_async("127.0.0.1", broker.port)
        self.client.loop_start()
        assert self.subscribed.wait(60)

    def _on_message(self, _client, _data, message):
        if message.topic.endswith("/status"):
            self.status.append(message.payload.decode())
        else:
            self.messages.append(json.loads(message.payload))

    def numbers(self):
        return [message["sequence"] for message in self.messages]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
