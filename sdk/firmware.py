"""`rssfix firmware`: a Hapi bundle's building as constants in C, for `rssfix_locator`.

What the C locator does not do is refused and named, never left out: see `problem`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from . import __version__
from .atomic import write_file
from .errors import BundleError
from .rank_rules import PathLoss, RankMethod, RankRules, RanksOutput

if TYPE_CHECKING:
    from .bundle import Bundle

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def ap_id(bssid: str) -> int:
    """The number that `rssfix_ap_id` makes of a MAC. Raises BundleError: it is none."""
    if not _MAC.fullmatch(bssid):
        raise BundleError(f"access point {bssid!r:.80} has no MAC: C knows access points by theirs")
    return int(bssid.replace(":", ""), 16)


def problem(bundle: Bundle) -> str | None:
    """What keeps the C locator from answering as `sdk.Localizer` does; None if nothing."""
    manifest = bundle.manifest
    if not isinstance(manifest.output, RanksOutput):
        return f"system {manifest.system}: only Hapi's positions come from access points alone"
    if manifest.output.rules.floor_network is not None:
        return (
            "its floors come from a network, which C has no runtime for; --strongest-floor takes "
            "the floor of the strongest access point instead"
        )
    return None


def _other_problem(bundle: Bundle) -> str | None:
    manifest, table = bundle.manifest, bundle.manifest.table
    if manifest.estimate != "mean":
        return f"its estimate is the {manifest.estimate}, C takes the mean"
    if manifest.accuracy.matched_aps:
        return "its radius depends on the number of access points, in C it does not"
    if table.physical or (table.merge_virtual_aps != "none" and table.virtual_rssi != "strongest"):
        return "its virtual access points are joined by a list or by their mean"
    return None


def header(bundle: Bundle, name: str = "site", strongest_floor: bool = False) -> str:
    """The C header with `static const rssfix_site NAME`.

    Args:
        strongest_floor: take a bundle whose floors come from a network as well, and the floor of
            the strongest access point in its place.

    Raises:
        BundleError: C cannot answer as this bundle does; says why.
    """
    found = problem(bundle)
    if strongest_floor and isinstance(bundle.manifest.output, RanksOutput):
        found = None
    found = found or _other_problem(bundle)
    if found is not None:
        raise BundleError(found)
    output = bundle.manifest.output
    assert isinstance(output, RanksOutput)
    lines = [
        f"/* {bundle.manifest.name}, model {bundle.manifest.model_id}, written by",
        f" * rssfix firmware {__version__}: the building for rssfix_locator_init. */",
        f"#ifndef {name.upper()}_H",
        f"#define {name.upper()}_H",
        "",
        "#include <rssfix.h>",
        "",
    ]
    if bundle.manifest.table.merge_virtual_aps != "none":
        lines += [
            "/* Virtual access points count as one: clear the last hex digit of every id. */",
            f"#define {name.upper()}_AP_ID_MASK (~UINT64_C(15))",
        ]
    lines += [*_access_points(bundle, output, name), *_floors(bundle, output.rules, name)]
    lines += [*_method(output.rules, name), *_site(bundle, output.rules, name)]
    return "\n".join([*lines, "", "#endif", ""])


def _access_points(bundle: Bundle, output: RanksOutput, name: str) -> list[str]:
    table = bundle.manifest.table
    # A masked access point is as if it were not installed.
    masked = table.mask(bundle.manifest.exported_unknown)
    kept = [i for i in range(len(table)) if not masked[i]]
    kept.sort(key=lambda i: ap_id(table.bssids[i]))
    xy_m, floor = bundle.arrays[output.ap_xy_m], bundle.arrays[output.ap_floor]
    ids = (f"UINT64_C({ap_id(table.bssids[i]):#014x})" for i in kept)
    return [
        *_array("uint64_t", f"{name}_ap_id", ids),
        *_array("double", f"{name}_ap_xy_m", (_real(v) for i in kept for v in xy_m[i])),
        *_array("int32_t", f"{name}_ap_floor", (str(int(floor[i])) for i in kept)),
    ]


def _floors(bundle: Bundle, rules: RankRules, name: str) -> list[str]:
    from .positioners.floor_grids import cells_of

    pitch_m = bundle.places.pitch_m
    assert pitch_m is not None
    lines, floors = [], []
    for i, (grid, cells) in enumerate(zip(rules.grids, cells_of(rules.grids, bundle.places),
                                          strict=True)):  # fmt: skip
        rows, columns = grid.shape
        walkable = "0"
        if len(cells) != rows * columns:
            walkable = f"{name}_cells_{i}"
            lines += _array("uint32_t", walkable, map(str, cells.tolist()))
        x_m, y_m = grid.origin_m
        box = f"{{{_real(x_m)}, {_real(y_m)}, {_real(pitch_m)}, {rows}, {columns}}}"
        floors.append(f"{{{grid.floor}, {box}, {walkable}, {len(cells)}}}")
    return [*lines, *_array("rssfix_floor", f"{name}_floors", floors)]


def _method(rules: RankRules, name: str) -> list[str]:
    method = rules.position
    if isinstance(method, PathLoss):
        loss = (method.reference_dbm, method.exponent, method.sigma_db,
                max(0.0, method.offset_sigma_db), method.silence_dbm)  # fmt: skip
        text = f"{{{{{_reals(loss)}}}, {_real(max(0.0, method.silence_weight))}, "
        text += f"{_real(method.weight_scale_db)}}}"
        return [f"static const rssfix_path_loss_method {name}_path_loss = {text};"]
    assert isinstance(method, RankMethod)
    combine = f"RSSFIX_{method.combine.upper()}"
    lines = []
    for part in ("edges_dbm", "mean_m", "sigma_m"):
        lines += _array("double", f"{name}_{part}", map(_real, getattr(method, part)))
    return [
        *lines,
        f"static const rssfix_rank_method {name}_ranks = {{{name}_edges_dbm, {name}_mean_m,",
        f"    {name}_sigma_m, {len(method.mean_m)}, {combine}, {_real(method.threshold)}}};",
    ]


def _site(bundle: Bundle, rules: RankRules, name: str) -> list[str]:
    accuracy, limits, quality = bundle.manifest.accuracy, bundle.manifest.limits, rules.quality
    lines = [
        *_array("double", f"{name}_spread_m", map(_real, accuracy.spread_m)),
        *_array("double", f"{name}_radius_m", map(_real, accuracy.radius_m)),
    ]
    if quality is not None:
        rest = _reals((quality.threshold, quality.least_m, quality.most_m))
        lines += [
            f"static const rssfix_quality {name}_quality = {{{_real(quality.intercept_m)},",
            f"    {{{_reals(quality.coefficients)}}}, {rest}}};",
        ]
    by_ranks = isinstance(rules.position, RankMethod)

    def count(array: str) -> str:
        return f"sizeof {name}_{array} / sizeof {name}_{array}[0]"

    attenuation_db = max(0.0, rules.floor_attenuation_db)
    fields: list[tuple[str, Any]] = [
        ("ap_id", f"{name}_ap_id"),
        ("ap_xy_m", f"{name}_ap_xy_m"),
        ("ap_floor", f"{name}_ap_floor"),
        ("ap_count", count("ap_id")),
        ("floors", f"{name}_floors"),
        ("floor_count", count("floors")),
        ("floor_attenuation_db", _real(attenuation_db)),
        ("cap_dbm", _real(rules.cap_dbm)),
        ("strongest", rules.position.strongest or 0),
        ("ranks", f"&{name}_ranks" if by_ranks else "0"),
        ("path_loss", "0" if by_ranks else f"&{name}_path_loss"),
        ("offset_db", _real(rules.offset_db)),
        ("quality", "0" if quality is None else f"&{name}_quality"),
        ("spread_m", f"{name}_spread_m"),
        ("radius_m", f"{name}_radius_m"),
        ("accuracy_count", count("spread_m")),
        ("min_matched_aps", max(1, limits.min_matched_aps)),
        ("max_age_ms", limits.max_age_ms),
        ("low_confidence_m", _real(limits.low_confidence_m)),
        ("floor_window_ms", rules.windows.floor_ms),
        ("position_window_ms", rules.windows.position_ms),
    ]
    body = ",\n".join(f"    /* {field} */ {value}" for field, value in fields)
    return [*lines, f"static const rssfix_site {name} = {{", body + "};"]


def _real(value: float | np.floating[Any]) -> str:
    return repr(float(value))


def _reals(values: Sequence[float]) -> str:
    return ", ".join(map(_real, values))


def _array(c_type: str, name: str, values: Iterable[str]) -> list[str]:
    lines, line = [f"static const {c_type} {name}[] = {{"], "   "
    for value in values:
        if len(line) + len(value) > 97:
            lines.append(line)
            line = "   "
        line += f" {value},"
    return [*lines, line.removesuffix(",") + "};"]


@click.command()
@click.argument("bundle", type=click.Path())
@click.option("-o", "--output", type=click.Path(dir_okay=False), required=True, help="The header.")
@click.option("--name", default="site", show_default=True, help="Of the C constant.")
@click.option("--strongest-floor", is_flag=True, help="Leave the floor network out.")
def firmware(bundle: str, output: str, name: str, strongest_floor: bool) -> None:
    """Write the building of a Hapi BUNDLE as a C header for the C library (docs/c_api.md)."""
    from .bundle import Bundle

    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise click.BadParameter(f"{name!r} is no lower-case C name", param_hint="--name")
    text = header(Bundle.open(bundle), name, strongest_floor)
    write_file(output, text)
    click.echo(f"{Path(output)}: rssfix_site {name}, {len(text) / 1e3:.1f} kB of text")
