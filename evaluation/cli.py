"""``rssfix evaluate``: a bundle against the truth of a survey, tuned kNN beside it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sdk.atomic import write_file
from sdk.errors import RssfixError

_COLUMNS = (
    ("scans", "n", "{:d}"), ("answered", "answered", "{:d}"), ("mean m", "mean_m", "{:.2f}"),
    ("median", "median_m", "{:.2f}"), ("p75", "p75_m", "{:.2f}"), ("p95", "p95_m", "{:.2f}"),
    ("floor hit", "floor_hit", "{:.3f}"), ("in radius", "coverage_68", "{:.1%}"),
    ("radius m", "median_accuracy_m", "{:.2f}"),
)  # fmt: skip


@click.command()
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("survey", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option("--runtime", default="auto", type=click.Choice(["auto", "onnx", "tflite"]))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the figures to this file.")  # fmt: skip
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write a plot of the error distribution (PNG).")  # fmt: skip
def evaluate(
    bundle: Path,
    survey: Path,
    split: str,
    runtime: str,
    json_file: Path | None,
    plot_file: Path | None,
) -> None:
    """Errors of BUNDLE on the scans of a SURVEY, with weighted kNN tuned on the same survey.

    A survey without training scans, as where nothing was surveyed before, leaves the kNN out.

    Errors and radius are over the answered scans; "in radius" is the share of truths inside the
    stated 68 % radius.
    """
    from evaluation.evaluate import evaluate_bundle, evaluate_knn, split_of
    from sdk import Localizer
    from training.progress import steps
    from training.survey_file import read_survey

    try:
        data = read_survey(survey)
        scans = split_of(data, split)
        with Localizer.open(bundle, runtime=runtime) as localizer:
            info = localizer.info
            with steps("locate", len(scans), True) as advance:
                ours = evaluate_bundle(localizer, scans, advance)
        knn = evaluate_knn(data, scans) if data.rows("train").any() else None
    except RssfixError as error:
        raise click.ClickException(str(error)) from None
    rows = {f"{info.system} {info.precision}": ours}
    if knn is not None:
        rows["tuned kNN"] = knn[0]
    click.echo(f"{data.header.name}, split {split!r}")
    click.echo(table({name: one.figures for name, one in rows.items()}))
    if knn is not None:
        rule = knn[1]
        form = rule.value_form["kind"]
        click.echo(f"kNN: {rule.metric}, {form}, k {rule.k}, weights d^-{rule.weight_power:g}")
    if json_file is not None:
        beside = None if knn is None else knn[0].figures
        write_file(json_file, json.dumps({**ours.figures, "wknn": beside}, indent=1) + "\n")
    if plot_file is not None:
        from evaluation.plots import ecdf_figure

        title = f"{data.header.name}, {split}"
        ecdf_figure({name: one.error_m for name, one in rows.items()}, plot_file, title)


def table(rows: dict[str, dict[str, float | int | None]]) -> str:
    """Figures as plain text, a row per system."""
    lines = [["", *(title for title, _, _ in _COLUMNS)]]
    for name, got in rows.items():
        cells = ["-" if got[key] is None else form.format(got[key]) for _, key, form in _COLUMNS]
        lines.append([name, *cells])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    spaced = (
        [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        for line in lines
    )
    return "\n".join("  ".join(cells) for cells in spaced)
