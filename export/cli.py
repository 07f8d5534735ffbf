"""`rssfix export`: a run folder becomes a bundle."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Bundle to write, such as site.rssfix.",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(["onnx", "tflite"]),
    multiple=True,
    default=["onnx"],
    show_default=True,
    help="Model format; twice for both in one bundle.",
)
@click.option("--precision", type=click.Choice(["fp32", "int8"]), default="int8", show_default=True)
@click.option(
    "--form",
    type=click.Choice(["auto", "1d", "2d"]),
    default="auto",
    show_default=True,
    help="Of a convolutional network; auto: 1d where that is exact (circular padding).",
)
@click.option(
    "--maps",
    type=click.Path(exists=True, path_type=Path),
    help="locunet: other radio maps than those of the run, a file (docs/locunet.md) or a folder of "
    "rssfix simulate city.",
)
@click.option(
    "--map", "number", default=0, show_default=True, type=click.IntRange(0),
    help="Which map of the folder of --maps.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def export(
    run: Path,
    output: Path,
    formats: tuple[str, ...],
    precision: str,
    form: str,
    maps: Path | None,
    number: int,
    as_json: bool,
) -> None:
    """Convert a run to a verified bundle that a device loads.

    The bundle is opened as a device opens it and compared with the fp32 checkpoint on every
    validation scan, in every runtime it is for. If the fixes or the accuracy change by more than
    the limits, an int8 model keeps its head in float32; if that is not enough, nothing is written.

    A circular network on N x N maps is exactly a network on the vector, which is many times
    faster: --form 1d writes that, --form 2d the maps, whichever of the two was trained.

    A locunet model belongs to no town: --maps takes it to new radio maps without training.
    """
    from export.build import export_run
    from export.errors import ExportError

    if number and maps is None:
        raise click.UsageError(f"--map {number}: of which folder? Give --maps too")
    try:
        report = export_run(
            run, output, formats, precision, not as_json, form, maps=maps, number=number
        )
    except ExportError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted; {output} was not written") from None
    if as_json:
        record = {
            "bundle": str(report.path),
            "bytes": report.bytes,
            "model_id": report.model_id,
            "model": report.note,
            "verified": [verdict.to_json() for verdict in report.verdicts],
            "agreeing": list(report.agreeing),
            "rejected": list(report.rejected),
            "rewritten": None if report.rewritten is None else report.rewritten.to_json(),
        }
        click.echo(json.dumps(record, indent=1))
        return
    if made := report.rewritten:
        click.echo(
            f"rewritten {made.stored} network in {made.exported}: differs by {made.logits:.1e} in "
            f"logits, {made.features:.1e} in features, {made.impact:.1e} in Impact Scores"
        )
    for text in report.rejected:
        click.echo(f"rejected  {text}")
    for verdict in report.verdicts:
        # Neighbours that hold the validation scans themselves find them without any error.
        reference = verdict.reference_error_m
        change = (
            f"{verdict.error_m / reference - 1:+.1%}" if reference else f"{verdict.error_m:.3f} m"
        )
        click.echo(
            f"verified  {verdict.runtime}: {verdict.rows} validation scans, fixes "
            f"{verdict.shift_m:.3f} m from the checkpoint's in the mean, mean error {change}"
        )
    for name in report.agreeing:
        click.echo(f"agreeing  {name}: the same scores")
    click.echo(
        f"{report.path}: {report.bytes / 1e6:.2f} MB, {report.note}, model {report.model_id}"
    )
