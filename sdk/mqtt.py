"""Messages to an MQTT broker, each at least once, across restarts of either side."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from .errors import StoreError
from .outbox import Outbox

# Sent and not yet confirmed; paho's own limit.
WINDOW = 20
KEEPALIVE_S = 30
CLOSE_S = 5.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Address(NamedTuple):
    """Where messages go. `topic` gets the messages, `topic`/status "online" or "offline"."""

    host: str
    port: int
    tls: bool
    user: str | None
    topic: str

    @classmethod
    def of(cls, url: str, topic: str) -> Address:
        """From `mqtt[s]://[user@]host[:port][/topic]`; `topic` is the one for a URL without.

        Raises:
            ValueError: it is not of that form, holds a password, or the topic has wildcards.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in _PORTS or not parts.hostname or port == -1 or parts.query:
            raise ValueError(f"expected mqtt[s]://[user@]host[:port][/topic], got {url!r}")
        if parts.password is not None:
            raise ValueError(
                "a password in the address shows in the list of processes: "
                "set RSSFIX_MQTT_PASSWORD instead"
            )
        topic = parts.path.strip("/") or topic
        if set("+#\0") & set(topic):
            raise ValueError(f"a topic to publish to has no wildcards, got {topic!r}")
        secure = parts.scheme == "mqtts"
        return cls(parts.hostname, port or _PORTS[parts.scheme], secure, parts.username, topic)


class MqttOutput:
    """Sends what is put into an outbox; what is not confirmed stays there for the next start.

    One thread of paho's talks to the broker and reconnects by itself; one of ours owns the
    bookkeeping and takes its events from a queue, because paho calls back with its locks held.

    Args:
        say: told when the connection comes and goes; may be called from another thread.
        ca: file with the certificate that signs the broker's; default the system's.
    """

    def __init__(
        self,
        address: Address,
        outbox: Outbox,
        client_id: str,
        say: Callable[[str], object],
        password: str | None = None,
        ca: str | None = None,
        reconnect_s: tuple[int, int] = (1, 60),
    ) -> None:
        self.address = address
        self._outbox = outbox
        self._say = say
        self._events: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._tried, self._idle = Event(), Event()
        self._failure: StoreError | None = None
        self._told = ""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        client.max_inflight_messages_set(WINDOW)
        client.reconnect_delay_set(*reconnect_s)
        if address.user is not None:
            client.username_pw_set(address.user, password)
        if address.tls:
            client.tls_set(ca_certs=ca)
        client.will_set(f"{address.topic}/status", "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        self._client = client
        client.connect_async(address.host, address.port, KEEPALIVE_S)
        client.loop_start()
        self._worker = Thread(target=self._work, name="rssfix-mqtt", daemon=True)
        self._worker.start()

    def send(self, text: str) -> None:
        """Put a JSON object into the outbox, to be sent when the broker can be reached.

        The message is the object with its number in the outbox as "sequence", by which a receiver
        tells a repeat.

        Raises:
            StoreError: the outbox cannot be written.
        """
        if self._failure is not None:
            raise self._failure
        self._idle.clear()
        self._outbox.put(text)
        self._events.put(("new", 0))

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Give what is on its way a moment to be confirmed, say goodbye, end the threads."""
        # A recording may have ended before the first answer came.
        self._tried.wait(timeout_s)
        if self._client.is_connected():
            self._events.put(("new", 0))
            self._idle.wait(timeout_s)
            goodbye = self._client.publish(self._status, "offline", qos=1, retain=True)
            deadline = time.monotonic() + 1.0
            while not goodbye.is_published() and time.monotonic() < deadline:
                time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()
        self._events.put(("stop", 0))
        self._worker.join()

    @property
    def _status(self) -> str:
        return f"{self.address.topic}/status"

    def _work(self) -> None:
        last, connected = 0, False
        flying: dict[int, int] = {}
        while True:
            event, mid = self._events.get()
            if event == "stop":
                return
            if event in ("connected", "lost"):
                connected = event == "connected"
            try:
                # Status messages have a mid too, and no number.
                if event == "confirmed" and (number := flying.pop(mid, None)) is not None:
                    self._outbox.delivered(number)
                while connected and len(flying) < WINDOW:
                    waiting = self._outbox.after(last, WINDOW - len(flying))
                    if not waiting:
                        break
                    for last, text in waiting:
                        message = json.dumps({"sequence": last, **json.loads(text)})
                        # Paho keeps it and sends it again after a lost connection.
                        sent = self._client.publish(self.address.topic, message, qos=1)
                        flying[sent.mid] = last
                if connected and not flying:
                    self._idle.set()
            except StoreError as error:
                self._failure = error
                return

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, why: Any, _: Any) -> None:
        if why.is_failure:
            self._tell(f"{self.address.host} refuses: {why}; trying again")
            return
        self._tell(f"connected to {self.address.host}")
        client.publish(self._status, "online", qos=1, retain=True)
        self._events.put(("connected", 0))

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        self._tell(f"{self.address.host}:{self.address.port} cannot be reached; trying again")

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, why: Any, _: Any
    ) -> None:
        self._events.put(("lost", 0))
        if why.is_failure:
            self._tell(f"connection to {self.address.host} lost: {why}")

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, *_: Any) -> None:
        self._events.put(("confirmed", mid))

    def _tell(self, text: str) -> None:
        self._tried.set()
        if text != self._told:
            self._told = text
            self._say(text)
