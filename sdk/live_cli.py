"""`rssfix scan`, `record` and `run`: scans from this machine's Wi-Fi, and what becomes of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, Literal

import click

from .errors import ScanError
from .live import live_scans
from .localizer import Localizer
from .runtimes import RUNTIMES, RuntimeChoice
from .scan import Scan
from .sources import NAMES, ReplaySource, Source, open_source
from .stop import Stop


def _say(text: str) -> None:
    click.echo(text, err=True)


def _where_from(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--source", default="iw", show_default=True, help=", ".join(NAMES)),
        click.option("--interface", help="Such as wlan0; default the only one there is."),
        click.option("--cached", is_flag=True, help="Start no scan: read what others' scans left."),
    ):
        command = option(command)
    return command


_interval = click.option(
    "--interval", type=click.FloatRange(0), default=5.0, show_default=True,
    help="Seconds from scan to scan.",
)  # fmt: skip
_count = click.option("--count", type=click.IntRange(1), help="Stop after so many scans.")
_device = click.option("--device", default=platform.node, help="Default: this machine's name.")


def _opened(source: str, interface: str | None, cached: bool, stop: Stop) -> Source:
    opened = open_source(source, interface, cached, stop.wait)
    if opened.coarse:
        _say(
            f"{opened.name}: levels in percent, cut off at -40 and -100 dBm, and no ages; "
            "positions are better with --source iw or wpa_cli"
        )
    return opened


@click.command()
@_where_from
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, as `record` writes it.")
def scan(source: str, interface: str | None, cached: bool, as_json: bool) -> None:
    """One scan: what is in the air here."""
    with Stop() as stop, closing(_opened(source, interface, cached, stop)) as opened:
        for one in live_scans(opened, 1.0, stop.wait, _say, count=1):
            if as_json:
                click.echo(one.to_json())
                continue
            click.echo("bssid                  dBm    MHz   seen s ago")
            for bssid, dbm, mhz, age_ms in sorted(one.readings, key=lambda each: -each.rssi_dbm):
                ago = "-" if age_ms is None else f"{age_ms / 1000:.1f}"
                click.echo(f"{bssid:20} {dbm:5.0f}  {mhz or '-':>5}  {ago:>11}")


@click.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@_where_from
@_interval
@_count
@click.option("--append", is_flag=True, help="Go on with a file that is there.")
@click.option(
    "--at", "place", nargs=3, type=(float, float, int), metavar="X Y FLOOR",
    help="The spot where this machine stands: metres in the venue's frame, floor.",
)  # fmt: skip
@click.option("--session", default="", help="Name of this walk or campaign.")
@_device
def record(
    out: Path,
    source: str,
    interface: str | None,
    cached: bool,
    interval: float,
    count: int | None,
    append: bool,
    place: tuple[float, float, int] | None,
    session: str,
    device: str,
) -> None:
    """Write scans to OUT (JSON Lines) until Ctrl-C."""
    if place is not None and not (isfinite(place[0]) and isfinite(place[1])):
        raise click.BadParameter("expected finite metres", param_hint="--at")
    recorded = 0
    with (
        Stop() as stop,
        closing(_opened(source, interface, cached, stop)) as opened,
        _lines_file(out, append) as file,
        _without_empty(out),
    ):
        label: dict[str, Any] = {"source": opened.name, "device": device, "session": session}
        if opened.coarse:
            label["coarse"] = True
        if place is not None:
            label |= {"x_m": place[0], "y_m": place[1], "floor": place[2]}
        for one in live_scans(opened, interval, stop.wait, _say, count):
            line = json.dumps({**json.loads(one.to_json()), **label}) + "\n"
            file.write(line.encode())
            os.fsync(file.fileno())
            recorded += 1
            _say(f"scan {recorded}: {len(one)} access points")
    _say(f"{recorded} scans in {out}")


def _lines_file(path: Path, append: bool) -> BinaryIO:
    """The file, unbuffered, so that every line is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab" if append else "xb", buffering=0)
    except FileExistsError:
        raise click.ClickException(f"{path} is there already; --append goes on with it") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    there = path.read_bytes() if append else b""
    if not there.endswith(b"\n") and there:
        # A power cut in the middle of a line.
        file.truncate(there.rfind(b"\n") + 1)
    return file


@contextmanager
def _without_empty(path: Path) -> Iterator[None]:
    """No empty file stays behind, which would be in the way of the next try."""
    try:
        yield
    finally:
        if path.stat().st_size == 0:
            path.unlink()


@click.command()
@click.argument("bundle", type=click.Path())
@_where_from
@_interval
@_count
@click.option("--output", type=click.Choice(["jsonl", "mqtt"]), default="jsonl", show_default=True)
@click.option("--mqtt", "url", help="mqtt[s]://[user@]host[:port][/topic]; topic rssfix/DEVICE.")
@click.option(
    "--mqtt-ca", type=click.Path(exists=True), help="What signs the broker's certificate."
)
@click.option("--outbox", type=click.Path(), help="File for fixes that wait for the broker.")
@click.option("--track", is_flag=True, help="Follow one moving device: window and filter.")
@click.option("--store", "store_path", type=click.Path(), help="Keep scans for later updates.")
@_device
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", help="Inference runtime.")
@click.option("--num-threads", type=click.IntRange(1), default=1, show_default=True)
def run(
    bundle: str,
    source: str,
    interface: str | None,
    cached: bool,
    interval: float,
    count: int | None,
    output: Literal["jsonl", "mqtt"],
    url: str | None,
    mqtt_ca: str | None,
    outbox: str | None,
    track: bool,
    store_path: str | None,
    device: str,
    runtime: RuntimeChoice,
    num_threads: int,
) -> None:
    """Positions of this machine, or of a recording, until Ctrl-C or SIGTERM.

    JSON Lines on standard output, or messages to an MQTT broker (user's password in
    RSSFIX_MQTT_PASSWORD); what the broker has not confirmed waits on the disk.
    """
    if (output == "mqtt") != (url is not None):
        raise click.UsageError("--output mqtt and --mqtt ADDRESS go together")
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        opened = stack.enter_context(closing(_opened(source, interface, cached, stop)))
        localizer = stack.enter_context(Localizer.open(bundle, runtime, num_threads))
        position = localizer.start_track().update if track else localizer.locate
        keep = _keeper(stack, store_path, device)
        send: Callable[[str], object] = click.echo
        if url is not None:
            send = _broker(stack, url, mqtt_ca, outbox, device)
        for one in live_scans(opened, interval, stop.wait, _say, count):
            keep(one)
            try:
                fix = position(one)
            except ScanError as error:
                place = opened.place if isinstance(opened, ReplaySource) else opened.name
                raise ScanError(f"{place}: {error}") from None
            more = {"coarse": True} if opened.coarse else {}
            send(json.dumps({**fix.to_dict(), "device": device, "source": opened.name, **more}))


def _keeper(stack: ExitStack, path: str | None, device: str) -> Callable[[Scan], None]:
    if path is None:
        return lambda _: None
    from .store import Store

    store = stack.enter_context(Store(path))
    return lambda scan: store.add(scan, device=device)


def _broker(
    stack: ExitStack, url: str, ca: str | None, outbox: str | None, device: str
) -> Callable[[str], object]:
    from .mqtt import Address, MqttOutput
    from .outbox import Outbox

    try:
        address = Address.of(url, f"rssfix/{device}")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--mqtt") from None
    path = Path(outbox) if outbox is not None else _state_folder() / "outbox.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = Outbox(path)
    stack.callback(waiting.close)
    if len(waiting):
        _say(f"{len(waiting)} fixes wait in {path}")
    password = os.environ.get("RSSFIX_MQTT_PASSWORD")
    broker = MqttOutput(address, waiting, f"rssfix-{device}", _say, password, ca)
    stack.callback(broker.close)
    return broker.send


def _state_folder() -> Path:
    """Where systemd says (StateDirectory=), else where the XDG rules say."""
    if folder := os.environ.get("STATE_DIRECTORY"):
        return Path(folder.split(":")[0])
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "rssfix"
