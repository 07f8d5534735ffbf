"""A deployment of iToLoc over months: what the device collects keeps its model up to date.

Month by month: the device keeps its unlabelled scans in a store and masks by itself what fell
silent; the workstation looks at the store (`rssfix health`), updates the run of the first month
with it (`rssfix update`) and exports it; the device loads the new bundle. Half of a month's
campaigns are collected so, the others are located to be judged. Nobody walks the building again.

    python examples/months.py --data SURVEY [-o FOLDER]

SURVEY is a survey folder of several months, such as that of
`rssfix survey convert uji_library SRC -o SURVEY --floor 3 --months 1-25`; default is the included
one, which has two. The first month is what `rssfix train itoloc` learns from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from evaluation.evaluate import evaluate_bundle, evaluate_knn
from export.build import export_run
from sdk import Localizer
from sdk.silence import Watch
from sdk.store import Store
from training import itoloc
from training.hapi_update import findings
from training.itoloc_cotraining import Rules
from training.itoloc_update import update
from training.run import Run
from training.survey import Survey
from training.survey_file import read_survey
from training.survey_scans import scans_of
from training.unlabelled import known_of, read_unlabelled

INCLUDED = Path(__file__).parent / "data" / "uji_library_floor3"


@click.command()
@click.option("--data", default=INCLUDED, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--out", default=Path("out/months"), type=click.Path(path_type=Path))
@click.option("--preset", default="small", show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(data: Path, out: Path, preset: str, seed: int) -> None:
    """Print the mean error of every month."""
    click.echo(HEADER)
    for row in play(read_survey(data), out, preset, seed=seed, progress=True):
        click.echo(text_of(row))


HEADER = "month  scans  silent   kNN of month 1   static bundle   masked by itself   updated"


def text_of(row: Mapping[str, float]) -> str:
    """A line of the table; errors in metres."""
    return (
        f"{row['month']:5}  {row['judged']:5}  {row['silent']:6}  {row['knn']:15.2f}  "
        f"{row['static']:14.2f}  {row['masked']:17.2f}  {row['updated']:8.2f}"
    )


def play(
    survey: Survey,
    out: Path,
    preset: str = "small",
    seed: int = 0,
    changes: Mapping[str, object] | None = None,
    rules: Rules | None = None,
    precision: str = "int8",
    progress: bool = False,
) -> Iterator[dict[str, float]]:
    """One row for every month after the first: scans judged, access points found silent, and the
    mean errors, metres."""
    out.mkdir(parents=True, exist_ok=True)
    month = months_of(survey)
    first = survey.take(month == 0)
    first = replace(first, split=np.full(len(first), "train", dtype=object))
    itoloc.train(first, preset, seed, progress=progress, changes=changes).save(out / "run")
    bundle = out / "site.rssfix"
    export_run(out / "run", bundle, precision=precision)
    for number in range(1, int(month.max()) + 1):
        later = survey.take(month == number)
        heard = np.isin(later.session, sorted(set(later.session))[::2])
        if heard.all() or not heard.any():
            continue
        collected, judged = later.take(heard), later.take(~heard & later.labelled)
        row = {"month": number + 1, "judged": len(judged)}
        row["knn"] = evaluate_knn(first, judged)[0].figures["mean_m"]
        store_path = out / f"month{number + 1:02}.db"
        store_path.unlink(missing_ok=True)
        with Localizer.open(bundle) as device, Store(store_path) as store:
            # What an earlier month has masked stands beside the bundle.
            device.unmask_silent()
            row["static"] = error_m(device, judged)
            # On the device: every scan goes into the store, and now and then it looks at them.
            watch = Watch(device, store, every=max(1, len(collected) // 4))
            for scan in scans_of(collected):
                watch.add(scan, device="phone")
            row["masked"] = error_m(device, judged)
            # At the workstation.
            found = findings(known_of(out / "run"), read_unlabelled(store_path))
            row["silent"] = len(found.silent)
            updated, _ = update(
                Run.load(out / "run"), read_unlabelled(store_path), seed=seed, rules=rules,
                progress=progress, state_file=out / ".update",
            )  # fmt: skip
            updated.save(out / "run2")
            export_run(out / "run2", out / "updated.rssfix", precision=precision)
            # And back on the device, without a pause.
            device.reload(out / "updated.rssfix")
            row["updated"] = error_m(device, judged)
        yield row


def months_of(survey: Survey) -> NDArray[np.int64]:
    """(M,) calendar months (UTC) since the first scan's."""
    stamp = survey.timestamp_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    return stamp - stamp.min()


def error_m(device: Localizer, judged: Survey) -> float:
    """Mean error of the device."""
    return evaluate_bundle(device, judged).figures["mean_m"]


if __name__ == "__main__":
    main()
