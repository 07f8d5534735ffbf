"""How like the paper's a data set is: line of sight, detours and errors of the belief (SPEC 3.7).

Every figure is over all links of the data set (deployments x their 5 transmitters x users), as the
paper counts them. Errors are those of the estimated map at the users' pixels, path loss kept to the
data set's range.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.atomic import write_file
from training.propagation.dataset import City, CityMap

FILE = "acceptance.json"
# A hundred maps have 5 million links at the paper's numbers: enough for the second decimal place.
MOST_MAPS = 100
_NLOS_LIMIT_M = 30.0
_NEAR_DB = 0.15


@dataclass(frozen=True)
class Check:
    """One row: what was found, the paper's value (None: ours alone) and how far off it may be."""

    name: str
    found: float
    paper: float | None
    within: float | None

    @property
    def passed(self) -> bool | None:
        """None where there is nothing to compare with."""
        if self.paper is None or self.within is None:
            return None
        return abs(self.found - self.paper) <= self.within


@dataclass(frozen=True)
class Links:
    """All links of a map: ``los`` (n,), ``bias_m`` (n,) detour, ``path_loss_db`` (S, n).

    Also ``heard`` (D x U,) transmitters above the noise floor in the robust world.
    """

    los: NDArray[np.bool_]
    bias_m: NDArray[np.float64]
    path_loss_db: NDArray[np.float32]
    heard: NDArray[np.int64]


def links_of(city: City, one: CityMap) -> Links:
    """Links of deployments x 5 transmitters x users, of those that a path joins."""
    rows, columns = city.pixels(one.users_xy).T
    away = np.linalg.norm(one.transmitters_xy[:, None] - one.users_xy[None], axis=2)
    length = one.toa_m[:, rows, columns].astype(np.float64)
    los = one.los[:, rows, columns]
    path_loss = one.path_loss_db[:, :, rows, columns].astype(np.float32)
    serving = one.deployments.reshape(-1)
    joined = (length >= 0)[serving].ravel()
    robust = path_loss[city.scenario("robust")] > city.noise_floor_db
    return Links(
        los=los[serving].ravel()[joined],
        # A path's length is float32: nothing is shorter than the straight line.
        bias_m=np.where(los, 0.0, np.maximum(length - away, 0.0))[serving].ravel()[joined],
        path_loss_db=path_loss[:, serving].reshape(len(path_loss), -1)[:, joined],
        heard=robust[one.deployments].sum(axis=1).ravel(),
    )


def checked(city: City) -> list[int]:
    """The maps that are looked at: all, or 100 spread evenly over them."""
    return sorted({int(n) for n in np.linspace(0, len(city) - 1, min(len(city), MOST_MAPS))})


def checks(city: City, maps: Iterable[CityMap]) -> list[Check]:
    """The acceptance table's rows over these maps."""
    links = [links_of(city, one) for one in maps]
    los = np.concatenate([one.los for one in links])
    bias = np.concatenate([one.bias_m for one in links])
    path_loss = np.concatenate([one.path_loss_db for one in links], axis=1)
    heard = np.concatenate([one.heard for one in links])
    estimated = path_loss[city.scenario("estimated")]
    rows = [
        Check("line of sight, share", float(los.mean()), 0.47, 0.03),
        Check("NLOS bias, median, m", float(np.quantile(bias, 0.5)), 0.7, 0.4),
        Check("NLOS bias, 90 %, m", float(np.quantile(bias, 0.9)), 20.0, 2.5),
        Check(
            "NLOS links with bias < 30 m", float((bias[~los] < _NLOS_LIMIT_M).mean()), 0.92, 0.04
        ),
    ]
    wanted = {"nominal": (1.66, 0.87), "robust": (4.80, 3.55), "shadowed": (4.80, 3.55)}
    for name in city.scenarios[1:]:
        error = estimated - path_loss[city.scenario(name)]
        rmse, mae = wanted.get(name, (None, None))
        near = None if rmse is None else _NEAR_DB
        rows += [
            Check(
                f"{name}: RMSE, dB", float(np.sqrt(np.mean(error**2, dtype=np.float64))), rmse, near
            ),
            Check(f"{name}: MAE, dB", float(np.abs(error).mean(dtype=np.float64)), mae, near),
            Check(f"{name}: mean, dB", float(error.mean(dtype=np.float64)), None, None),
        ]
    for count in range(1, 6):
        share = float((heard == count).mean())
        rows.append(Check(f"robust: {count} of 5 above the noise floor, share", share, None, None))
    return rows


def table(rows: list[Check], n_maps: int) -> str:
    """The rows as Markdown."""
    lines = [
        f"| {n_maps} maps | found | paper | within | |",
        "|---|--:|--:|--:|---|",
    ]
    verdict = {None: "", True: "ok", False: "**off**"}
    for row in rows:
        paper = "" if row.paper is None else f"{row.paper:g}"
        within = "" if row.within is None else f"{row.within:g}"
        lines.append(
            f"| {row.name} | {row.found:.3f} | {paper} | {within} | {verdict[row.passed]} |"
        )
    return "\n".join(lines)


def write_checks(city: City, rows: list[Check], n_maps: int) -> None:
    """acceptance.json beside the maps."""
    found: dict[str, Any] = {
        "maps": n_maps,
        "rows": [vars(row) | {"passed": row.passed} for row in rows],
    }
    write_file(city.folder / FILE, json.dumps(found, indent=1) + "\n")
