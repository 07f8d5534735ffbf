"""``rssfix simulate city``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sdk.errors import RssfixError


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--maps", default=99, show_default=True, type=click.IntRange(1))
@click.option("--size", default="256", show_default=True, type=click.Choice(["256", "128", "64"]),
              help="Pixels a side; a city is 256 m wide at every size.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--transmitters", default=80, show_default=True, help="Of a map.")
@click.option("--users", default=200, show_default=True, help="Of a map.")
@click.option("--deployments", default=50, show_default=True, help="Draws of 5 transmitters.")
@click.option("--raster", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Windows of a real city instead: a folder with city_map.png.")  # fmt: skip
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1))
@click.option("--scheduler", help="Address of a Dask cluster that makes the maps.")
@click.option("--check", is_flag=True, help="Only print the acceptance table of what is there.")
@click.option("--json", "as_json", is_flag=True, help="No progress bar; the table as JSON.")
def city(
    out: Path,
    maps: int,
    size: str,
    seed: int,
    transmitters: int,
    users: int,
    deployments: int,
    raster: Path | None,
    processes: int,
    scheduler: str | None,
    check: bool,
    as_json: bool,
) -> None:
    """Radio maps of simulated cities in folder OUT, to train LocUNet on.

    Run again with the same options it makes the maps that are missing; with more --maps it goes on.
    At the end it prints how like the paper's the maps are (also OUT/acceptance.json).
    """
    from training.propagation import acceptance, dataset
    from training.propagation.making import Recipe
    from training.propagation.real_city import read_real_city
    from training.propagation.sampling import Crowd

    try:
        if not check:
            recipe = Recipe(
                seed, int(size), Crowd(transmitters, users, deployments),
                real_city=None if raster is None else read_real_city(raster),
            )  # fmt: skip
            _make(out, recipe, maps, processes, scheduler, not as_json)
        found = dataset.load_city(out)
        looked_at = acceptance.checked(found)
        rows = acceptance.checks(found, (found[number] for number in looked_at))
        acceptance.write_checks(found, rows, len(looked_at))
    except RssfixError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted; run again to go on in {out}") from None
    if as_json:
        click.echo(json.dumps([vars(row) | {"passed": row.passed} for row in rows], indent=1))
    else:
        click.echo(acceptance.table(rows, len(looked_at)))


def _make(
    out: Path, recipe: object, maps: int, processes: int, scheduler: str | None, shown: bool
) -> None:
    """Write the header and the maps that are missing."""
    from sdk.atomic import write_file
    from training.progress import steps
    from training.propagation import dataset, workers
    from training.propagation.making import Recipe

    assert isinstance(recipe, Recipe)
    header = json.loads(json.dumps(recipe.header(maps)))
    there = dataset.read_header(out)
    if there is not None:
        for key, value in header.items():
            if key != "n_maps" and there.get(key) != value:
                raise dataset.CityError(
                    f"{out / dataset.HEADER}: {key} is {there.get(key)!r}, these options make "
                    f"{value!r}; expected the same options or another folder"
                )
        header["n_maps"] = max(maps, there["n_maps"])
    dataset.write_header(out, header)
    missing = [n for n in range(header["n_maps"]) if not dataset.map_path(out, n).exists()]
    made = workers.made_maps(recipe, missing, processes, scheduler)
    with steps("maps", len(missing), shown) as advance:
        try:
            for number, data in made:
                write_file(dataset.map_path(out, number), data)
                advance()
        finally:
            made.close()
