"""The `rssfix` command. Every package brings its own commands as entry points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TextIO

import click

from . import __version__
from .errors import RssfixError, ScanError
from .localizer import Localizer
from .runtimes import RUNTIMES, RuntimeChoice
from .scan import Scan

GROUP = "rssfix.commands"
# Which extra brings a package; the rest of a command's imports come with its own layer.
_EXTRAS = {
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "onnx",
    "ai_edge_litert": "litert",
    "tflite_runtime": "tflite",
    "litert_torch": "export-tflite",
    "ai_edge_quantizer": "export-tflite",
    "kivy": "demo",
}


def _needs(command: str, error: ImportError) -> click.ClickException:
    package = (error.name or "").split(".")[0]
    extra = _EXTRAS.get(package, "train")
    return click.ClickException(
        f"{command} needs {package or 'a package'}, which is not installed here ({error}): "
        f"pip install 'rssfix[{extra}]'"
    )


class Commands(click.Group):
    """Loads a command when it is called, so that one package missing breaks one command."""

    def _found(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=GROUP)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all installed commands."""
        return sorted({*super().list_commands(ctx), *self._found()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or one that says which extra it needs."""
        here = super().get_command(ctx, cmd_name)
        point = self._found().get(cmd_name)
        if here is not None or point is None:
            return here
        try:
            loaded = point.load()
        except (ImportError, AttributeError) as error:
            return _unavailable(cmd_name, error)
        return loaded if isinstance(loaded, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; errors of the SDK and missing packages become one line each."""
        try:
            return super().invoke(ctx)
        except RssfixError as error:
            raise click.ClickException(str(error)) from None
        except ModuleNotFoundError as error:
            raise _needs(ctx.invoked_subcommand or "this command", error) from None


def _unavailable(name: str, error: Exception) -> click.Command:
    missing = error if isinstance(error, ImportError) else ImportError(str(error))
    message = _needs(name, missing)

    def stop(**_: Any) -> None:
        raise message

    return click.Command(
        name,
        callback=stop,
        params=[click.Argument(["args"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        help=message.message,
        short_help="(not installed: call it to see what it needs)",
    )


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="rssfix")
def main() -> None:
    """Wi-Fi and BLE signal strengths to a position with an honest error radius, offline."""


_bundle = click.argument("bundle", type=click.Path())
_scans = click.argument("scans", type=click.File("r", encoding="utf-8"))
_runtime = click.option(
    "--runtime", type=click.Choice(RUNTIMES), default="auto", help="Inference runtime."
)
_threads = click.option("--num-threads", type=click.IntRange(1), default=1, show_default=True)


@click.command()
@_bundle
@_runtime
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(bundle: str, runtime: RuntimeChoice, as_json: bool) -> None:
    """What a bundle is: system, venue, APs, precision, measured accuracy, hashes."""
    with Localizer.open(bundle, runtime) as localizer:
        record = localizer.info.to_dict()
    if as_json:
        click.echo(json.dumps(record, indent=1))
        return
    record["members"] = f"{len(record['members'])} ({', '.join(record['members'])})"
    for line in _outline(record):
        click.echo(line)


def _outline(record: dict[str, Any], indent: str = "") -> Iterator[str]:
    """A record as indented lines, numbers to four digits."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from _outline(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                yield f"{indent}{name}"
                yield from _outline(item, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{name:18} {', '.join(map(_short, value)) or 'none'}"
        else:
            yield f"{indent}{name:18} {_short(value)}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@click.command()
@_bundle
@_scans
@_runtime
@_threads
@click.option("--track", is_flag=True, help="Smooth the scans as one user's track.")
@click.option("--json/--table", "as_json", default=True, help="JSON Lines (default) or a table.")
def locate(
    bundle: str,
    scans: TextIO,
    runtime: RuntimeChoice,
    num_threads: int,
    track: bool,
    as_json: bool,
) -> None:
    """The position of every scan in SCANS (JSON Lines, - for standard input)."""
    with Localizer.open(bundle, runtime, num_threads) as localizer:
        position = localizer.start_track().update if track else localizer.locate
        if not as_json:
            click.echo("timestamp_ms  status              x_m      y_m  floor  accuracy_m  APs")
        for place, scan in read_scans(scans):
            fix = _at(place, position, scan)
            if as_json:
                click.echo(json.dumps(fix.to_dict()))
            elif fix:
                click.echo(
                    f"{fix.timestamp_ms:12}  {fix.status:14}  {fix.x_m:7.2f}  {fix.y_m:7.2f}  "
                    f"{fix.floor:5}  {fix.accuracy_m:10.2f}  {fix.matched_aps:3}"
                )
            else:
                click.echo(
                    f"{fix.timestamp_ms:12}  {fix.status:14}  {'-':>7}  {'-':>7}  "
                    f"{'-':>5}  {'-':>10}  {fix.matched_aps:3}"
                )


@click.command()
@_bundle
@_scans
@_runtime
@click.option("--method", type=click.Choice(["cam", "occlusion"]), help="Default: cam if it can.")
@click.option("--target", type=click.IntRange(0), help="Place index; default the most probable.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="APs to show.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines with the scores of all APs.")
def explain(
    bundle: str,
    scans: TextIO,
    runtime: RuntimeChoice,
    method: Any,
    target: int | None,
    top: int,
    as_json: bool,
) -> None:
    """Which APs speak for the position of every scan in SCANS (JSON Lines)."""
    with Localizer.open(bundle, runtime) as localizer:
        for place, scan in read_scans(scans):
            try:
                why = localizer.explain(scan, method, target)
            except ScanError as error:
                record = {"timestamp_ms": scan.timestamp_ms, "error": str(error)}
                click.echo(json.dumps(record) if as_json else f"{scan.timestamp_ms}  {error}")
                continue
            except ValueError as error:
                raise click.ClickException(f"{place}: {error}") from None
            if as_json:
                click.echo(json.dumps({"timestamp_ms": scan.timestamp_ms, **why.to_dict()}))
                continue
            at = why.target
            click.echo(
                f"{scan.timestamp_ms}  place {at.index} ({at.x_m:.2f}, {at.y_m:.2f}) floor "
                f"{at.floor}, probability {at.probability:.3f}, by {why.method}"
            )
            for bssid, score in why.top(top):
                silent = "  (not heard)" if bssid in why.not_heard else ""
                click.echo(f"  {bssid:20} {score:+9.4f}{silent}")


def read_scans(file: TextIO) -> Iterator[tuple[str, Scan]]:
    """The scans of a JSON Lines file, each with "file, line n". Raises ScanError naming it."""
    name = getattr(file, "name", "scans")
    try:
        for number, line in enumerate(file, 1):
            if line.strip():
                place = f"{name}, line {number}"
                yield place, _at(place, Scan.from_json, line)
    except UnicodeDecodeError as error:
        raise ScanError(f"{name}: not UTF-8 text: {error}") from None


def _at(place: str, call: Any, argument: Any) -> Any:
    try:
        return call(argument)
    except ScanError as error:
        raise ScanError(f"{place}: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
