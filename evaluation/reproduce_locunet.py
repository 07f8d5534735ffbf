"""``rssfix reproduce locunet``: positions from radio maps, and all they are compared with."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evaluation.provenance import commit, today, without_folders
from sdk.atomic import write_file
from sdk.errors import RssfixError

if TYPE_CHECKING:
    from evaluation.locunet_models import Asked

DEFAULT_OUT = Path("evaluation/results/locunet")
RUNS = "runs"
SCENARIOS = ("nominal", "robust", "shadowed")
# What a record's figures rest on, for "-dirty".
RESTS_ON = (
    "training/locunet.py", "training/locunet_fitting.py", "training/locunet_presets.py",
    "training/heatmap_model.py", "training/heatmap_inputs.py", "training/radio_knn.py",
    "training/radio_likelihood.py", "training/radio_worlds.py", "training/networks",
    "evaluation/locunet_models.py", "evaluation/locunet_study.py", "evaluation/locunet_noise.py",
    "evaluation/baselines/radio_maps.py",
    "evaluation/baselines/ranging.py", "evaluation/baselines/ranging_sdp.py",
)  # fmt: skip


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False,
              path_type=Path), help="City of rssfix simulate city.")  # fmt: skip
@click.option("--out", default=DEFAULT_OUT, show_default=True,
              type=click.Path(file_okay=False, path_type=Path))  # fmt: skip
@click.option("--only", "wanted", default="", help="Comma-separated methods; default all.")
@click.option("--scenario", "scenarios", multiple=True, help="May be repeated [nominal, robust, "
              "shadowed].")  # fmt: skip
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--users", default=100, show_default=True, type=click.IntRange(1),
              help="Of every test map.")  # fmt: skip
@click.option("--ranging", default=0, show_default=True, type=click.IntRange(0),
              help="Users for the methods of time of arrival; 0 leaves them out.")  # fmt: skip
@click.option("--noise-floor", "noise_floor_db", type=float, help="Path loss in dB below which a "
              "transmitter is not received [that of the city]; take another OUT.")  # fmt: skip
@click.option("--noise", is_flag=True, help="Also labels and transmitters that are off.")
@click.option("--edge", is_flag=True, help="Also int8 networks beside each other: time and error.")
@click.option("--pictures", is_flag=True, help="Also a place on a test map, as every method sees "
              "it.")  # fmt: skip
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1))
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
@click.option("--precision", default="32-true", show_default=True, help="Of training: 32-true, "
              "bf16-mixed or 16-mixed.")  # fmt: skip
@click.option("--here", is_flag=True, help="Measure only in the scenario that was learned.")
@click.option("--keep", "kept", type=click.Path(file_okay=False, path_type=Path),
              help="Folder for learned models, which are then not learned twice.")  # fmt: skip
@click.option("--report-only", is_flag=True, help="Tables of what is there.")
def locunet(
    data: Path,
    out: Path,
    wanted: str,
    scenarios: tuple[str, ...],
    seeds: int,
    users: int,
    ranging: int,
    noise_floor_db: float | None,
    noise: bool,
    edge: bool,
    pictures: bool,
    threads: int,
    device: str,
    precision: str,
    here: bool,
    kept: Path | None,
    report_only: bool,
) -> None:
    """LocUNet: kNN on radio maps, the calibrated posterior, its correction, the paper's network.

    Every finished method is kept in OUT/runs and not learned again; tables are made from all that
    are there. Delete a file there to repeat it.
    """
    if not report_only:
        names = [name for name in wanted.split(",") if name]
        try:
            machine = device, precision
            asked = _asked(data, names, users, threads, machine, kept, noise_floor_db)
            _learn(asked, out, names, scenarios or SCENARIOS, seeds, here)
            if ranging:
                _range(asked, out, ranging)
            if noise:
                _disturb(asked, out)
            if edge:
                _cost(asked, out)
            if pictures:
                from evaluation.locunet_plots import draw

                draw(asked, out)
        except (RssfixError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            click.echo("interrupted; what is finished is kept")
    from evaluation.locunet_report import report

    click.echo(report(out))


def _asked(
    data: Path,
    names: list[str],
    users: int,
    threads: int,
    machine: tuple[str, str],
    kept: Path | None,
    noise_floor_db: float | None,
) -> Asked:
    from evaluation.locunet_models import Asked
    from evaluation.locunet_study import ALL_METHODS
    from training.fitting import device_of
    from training.locunet import PRECISIONS, Machine
    from training.propagation.dataset import load_city

    unknown = [name for name in names if name not in ALL_METHODS]
    if unknown:
        raise click.BadParameter(
            f"--only {unknown[0]!r}: expected some of {', '.join(ALL_METHODS)}"
        )
    device, precision = machine
    if precision not in PRECISIONS:
        raise click.BadParameter(f"--precision {precision!r}: expected {', '.join(PRECISIONS)}")
    made_on = Machine(device_of(device), 1, precision)
    city = load_city(data)
    if noise_floor_db is not None:
        city = city.hearing_from(noise_floor_db)
    return Asked(city, users, threads, made_on, kept)


def _learn(
    asked: Asked, out: Path, names: list[str], scenarios: tuple[str, ...], seeds: int, here: bool
) -> None:
    from evaluation.locunet_models import MORE_MODELS
    from evaluation.locunet_study import METHODS, study

    made = _made()
    # All methods with one seed first: a table is worth more than three rows.
    for seed in range(seeds):
        for scenario in scenarios:
            for method in names or METHODS:
                file = _file(out, f"{scenario}-{method}-{seed}")
                if _there(file, asked):
                    continue
                click.echo(file.stem)
                elsewhere = not here and method not in MORE_MODELS
                _write(file, made, study(asked, method, scenario, seed, elsewhere))


def _range(asked: Asked, out: Path, samples: int) -> None:
    from evaluation.locunet_ranging import RANGERS, study

    made = _made()
    for method in RANGERS:
        file = _file(out, f"toa-{method}-0")
        if not _there(file, asked):
            click.echo(file.stem)
            _write(file, made, study(asked.city, method, samples, asked.per_map))


def _disturb(asked: Asked, out: Path) -> None:
    from evaluation.locunet_noise import NOISES, SIGMAS_M, noise_study

    made = _made()
    for name, noise in NOISES.items():
        for sigma_m in SIGMAS_M:
            for method in noise.methods:
                file = _file(out, f"noise-{name}-{sigma_m:g}-{method}")
                if not _there(file, asked):
                    click.echo(file.stem)
                    _write(file, made, noise_study(asked, name, sigma_m, method))


def _cost(asked: Asked, out: Path) -> None:
    from evaluation.locunet_edge import edge_study

    file = _file(out, "edge")
    if not _there(file, asked):
        made = _made()
        _write(file, made, edge_study(asked))


def _made() -> dict[str, str]:
    """Asked before: the tree may move on while this code runs."""
    command = "rssfix reproduce " + shlex.join(without_folders(sys.argv, "locunet"))
    return {"command": command, "commit": commit(*RESTS_ON), "date": today()}


def _file(out: Path, name: str) -> Path:
    return out / RUNS / (re.sub(r"[^a-z0-9.]+", "-", name.lower()) + ".json")


def _there(file: Path, asked: Asked) -> bool:
    """Whether a record is there already. Raises ClickException for one of another city or of
    other users: one table would hold both."""
    if not file.is_file():
        return False
    record = json.loads(file.read_text(encoding="utf-8"))
    of = record["city"] | {"users": record["per_map"]}
    for what, here in {**asked.city.brief, "users": asked.per_map}.items():
        if of.get(what, here) != here:
            raise click.ClickException(
                f"{file}: made with {what} {of[what]}, expected {here}; take another --out, or "
                "delete it"
            )
    return True


def _write(file: Path, made: dict[str, str], record: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_file(file, json.dumps({**made, **record}, separators=(",", ":")) + "\n")
