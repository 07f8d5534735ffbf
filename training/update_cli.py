"""``rssfix update`` and ``rssfix health``: what unlabelled scans say about a deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdk.errors import RssfixError

if TYPE_CHECKING:
    from training.run import Run

_unlabelled = click.argument("unlabelled", type=click.Path(exists=True, path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="The report as JSON on stdout.")


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_unlabelled
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option(
    "--offset",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "yes", "no"]),
    help="Take over the offset of all levels; auto: where the run goes by ranks.",
)
@click.option(
    "--guard",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="itoloc: a survey with labelled scans of the new time; what does not help them is undone.",
)
@click.option("--seed", default=0, show_default=True, help="itoloc.")
@_json
def update(
    run: Path,
    unlabelled: Path,
    out: Path,
    offset: str,
    guard: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Fit run RUN to the scans in UNLABELLED, whose places nobody knows.

    UNLABELLED is a store of the device, JSON Lines of scans, or a survey folder, whose positions
    and floors are ignored.

    hapi: floor attenuation and level offset. Access points that look dead or misplaced are
    reported; nothing is done about them.

    itoloc: access points that fell silent are masked, and the three modules teach one another; with
    --guard new access points take the places of silent ones, where that helps. Of a survey only
    rows whose split is empty are taken. Interrupted, the same command goes on.
    """
    from training.run import Run

    try:
        old = Run.load(run)
        if old.system == "itoloc":
            _update_itoloc(old, unlabelled, out, guard, seed, as_json)
            return
        if guard is not None:
            raise click.UsageError(f"--guard is for itoloc, not for {old.system}")
        from training.hapi_update import update as updated
        from training.unlabelled import read_unlabelled

        result, report = updated(old, read_unlabelled(unlabelled), offset)
        result.save(out)
    except (RssfixError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        state = _state_of(out)
        more = "; the same command goes on where it stopped" if state.exists() else ""
        raise click.ClickException(f"interrupted; {out} was not written{more}") from None
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    click.echo(f"{report['scans']} scans, {report['scans_placed']} of them placed -> {out}")
    for name in ("floor_attenuation_db", "offset_db"):
        click.echo(f"  {name}: {_changed(report[name])}")
    _access_points(report)


def _update_itoloc(
    old: Run, unlabelled: Path, out: Path, guard: Path | None, seed: int, as_json: bool
) -> None:
    from training.itoloc_update import update as updated
    from training.survey_file import read_survey
    from training.unlabelled import read_unlabelled

    result, report = updated(
        old, read_unlabelled(unlabelled, outside_splits=True),
        None if guard is None else read_survey(guard), seed,
        progress=not as_json, state_file=_state_of(out),
    )  # fmt: skip
    result.save(out)
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    held, rounds = report["guard"], report["rounds"]
    whose = "of the run's own validation" if held["own"] else "given"
    click.echo(f"{report['scans_used']} of {report['scans']} scans used -> {out}")
    as_before = "" if report["mask_kept"] else " as before: a new mask did not help"
    click.echo(
        f"  guard: {held['scans']} scans {whose}; {len(report['unknown'])} of {len(old.bssids)} "
        f"access points masked{as_before}"
    )
    for name in ("static", "masked", "co_trained"):
        one = report[name]
        click.echo(f"  {name:10} mean {one['mean_m']:.2f} m, success {one['success']:.3f}")
    undone = sum(one["rolled_back"] for one in rounds)
    click.echo(
        f"  {len(rounds)} rounds, {undone} rolled back; the co-trained network is "
        + ("kept" if report["kept"] else "no better than the masked one and was NOT kept")
    )
    new = report.get("newcomers", {"offered": []})
    if new["offered"]:
        click.echo(
            f"  {len(new['offered'])} access points outside the run's table, {len(new['names'])} "
            f"of them of use: with these mean {new['mean_m']:.2f} m, success {new['success']:.3f}; "
            + ("taken in" if new["kept"] else "no better, left out")
        )
    radius = report["accuracy"]
    if "coverage_68" in radius:
        was, now = radius["coverage_68"]
        click.echo(
            f"  radius {radius['how']} on {radius['scans']} scans: it held {was:.0%} of them, now "
            f"{now:.0%} (68 % are to be held)"
        )


def _state_of(out: Path) -> Path:
    """Where the rounds of an interrupted update stand."""
    return out.with_name(f".{out.name}.update")


@click.command()
@click.argument("run_or_bundle", type=click.Path(exists=True, path_type=Path))
@_unlabelled
@_json
def health(run_or_bundle: Path, unlabelled: Path, as_json: bool) -> None:
    """Which access points of RUN_OR_BUNDLE fell silent, appeared or moved, by scans in UNLABELLED.

    Positions of access points are known to hapi only; other systems are compared with the scans
    they were trained on, as far as run or bundle carries them.
    """
    from training.hapi_update import findings
    from training.unlabelled import known_of, read_unlabelled

    try:
        known = known_of(run_or_bundle)
        report = findings(known, read_unlabelled(unlabelled)).to_json()
    except (RssfixError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    located = known.ground is not None
    looked = {
        "appeared": True,
        "silent": located or known.reference_dbm is not None,
        "moved": located,
        "odd_level": located,
    }
    report = {"system": known.system, "looked_for": looked, **report}
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    click.echo(f"{known.source} ({known.system}), {report['scans']} scans")
    _access_points(report)
    if not all(looked.values()):
        cannot = ", ".join(name for name, could in looked.items() if not could)
        click.echo(f"  not looked for: {cannot} (nothing to compare with in {known.source})")


def _changed(one: dict[str, Any]) -> str:
    text = f"{one['was']:g} -> {one['now']:g}"
    if one["estimate"] is not None:
        text += f" (estimate {one['estimate']:g}, standard error {one['standard_error']:g})"
    return text + (f"; kept: {one['kept_because']}" if one["kept_because"] else "")


def _access_points(report: dict[str, Any]) -> None:
    from training.ap_health import MOST_EXCESS_DB

    aps = report["access_points"]
    click.echo(f"  {aps['heard']} of {aps['known']} access points heard")
    for one in aps["silent"]:
        click.echo(
            f"  silent: {one['bssid']}, heard {one['heard']} of about {one['expected']} times"
        )
    for one in aps["moved"]:
        click.echo(
            f"  moved or misplaced: {one['bssid']}, likelier {one['apart_m']:g} m away at "
            f"({one['likelier_x_m']:.1f}, {one['likelier_y_m']:.1f}) on floor "
            f"{one['likelier_floor']}"
        )
    for one in aps["odd_level"]:
        word = "louder" if one["excess_db"] > 0 else "quieter"
        more = " or more" if abs(one["excess_db"]) >= MOST_EXCESS_DB else ""
        click.echo(f"  {word} than it should be: {one['bssid']}, {one['excess_db']:+g} dB{more}")
    for one in aps["appeared"]:
        click.echo(f"  appeared: {one['bssid']}, in {one['scans']} scans")
