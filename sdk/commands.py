"""The group of commands behind `rssfix`: found by entry point, loaded when called."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from .errors import RssfixError

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
    "paho": "mqtt",
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
