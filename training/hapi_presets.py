"""Presets of Hapi: how a scan becomes a density over a floor (SPEC 5.5, 5.11).

A preset holds everything of positioning in the plane that is not the building's. The field names
and units of ``to_json`` are those of ``output`` in a bundle's manifest.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

DEFAULT_PRESET = "best"


@dataclass(frozen=True)
class Ranks:
    """Six classes of level, each a Gaussian in distance (paper eq. 14, SPEC 5.5).

    ``edges_dbm`` ascend; ``mean_m`` and ``sigma_m`` have one entry more, very weak first. Cells
    below ``threshold`` times the largest do not count; ``strongest`` None = all heard.
    """

    edges_dbm: tuple[float, ...] = (-90.0, -80.0, -70.0, -60.0, -50.0)
    mean_m: tuple[float, ...] = (37.5, 31.6, 19.8, 11.4, 5.9, 2.7)
    sigma_m: tuple[float, ...] = (9.8, 10.3, 8.5, 6.0, 3.3, 1.6)
    combine: str = "sum"
    strongest: int | None = None
    threshold: float = 0.85

    def to_json(self) -> dict[str, object]:
        lists = {name: list(getattr(self, name)) for name in ("edges_dbm", "mean_m", "sigma_m")}
        return {"method": "ranks", **asdict(self), **lists}


@dataclass(frozen=True)
class PathLoss:
    """Likelihood of log-distance path loss with a scan offset (SPEC 5.11).

    The ``strongest`` heard access points count, after floor attenuation, with weights
    10^((level - strongest level) / weight_scale_db); those not heard count ``silence_weight``.

    Where the figures come from. Textbook, never fitted: reference, exponent, deviation. From SPEC
    5.11, which had looked at CETC331: attenuation of floors, weights of levels and of silence.
    Looked at on CETC331's training rows and on HCXY, the same for both: ``strongest`` (SPEC 5) and
    ``offset_sigma_db`` (SPEC 4). Of a sweep of these two, the two weights, HCXY alone chooses
    6 and 0 dB, CETC331 10 and 2 dB; what lies between serves both. ``silence_dbm`` hardly matters.
    BLE differs in the reference level only.
    """

    reference_dbm: float = -35.0
    exponent: float = 3.0
    sigma_db: float = 8.0
    offset_sigma_db: float = 2.0
    silence_dbm: float = -90.0
    silence_weight: float = 0.05
    strongest: int | None = 6
    weight_scale_db: float = 30.0

    def to_json(self) -> dict[str, object]:
        return {"method": "path_loss", **asdict(self)}


@dataclass(frozen=True)
class Windows:
    """Scans taken together: for the floor minutes, for the position seconds (SPEC 5.1).

    The defaults are SPEC's reading of the paper, whose own values are lost.
    """

    floor_ms: int = 120_000
    position_ms: int = 15_000

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Preset:
    """Levels of other floors are raised by ``floor_attenuation_db`` a floor, up to ``cap_dbm``."""

    position: Ranks | PathLoss
    floor_attenuation_db: float = 20.0
    cap_dbm: float = -30.0
    windows: Windows = field(default_factory=Windows)
    pitch_m: float = 1.0


# For users who walk: of the sweep over the simulated testbeds (evaluation/results/hapi) the longest
# that cost nothing. The windows above put 15 s of path and two minutes of stairs into one scan:
# two to three in four floors right instead of all, and nearly twice the error.
WALKING = Windows(floor_ms=6_000, position_ms=3_000)

PRESETS = {
    # Edges, means and deviations: SPEC 5.5; training replaces them where a reference survey is
    # given.
    "paper": Preset(Ranks(), floor_attenuation_db=15.0),
    "best": Preset(PathLoss(), windows=WALKING),
    "best-ble": Preset(PathLoss(reference_dbm=-59.0), windows=WALKING),
}
