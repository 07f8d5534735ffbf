"""``survey.toml`` and ``access_points.csv``: the small text files of a survey folder."""

from __future__ import annotations

import csv
import json
import math
import tomllib
from dataclasses import asdict
from pathlib import Path

from sdk.venue import AccessPoint, Floor, Georeference
from training.survey import Header, SurveyError


def read_access_points(file: Path) -> tuple[AccessPoint, ...]:
    """Those of a survey; none where it has no such file. Raises SurveyError naming the line."""
    return tuple(ap for _, ap in read_access_point_rows(file)) if file.is_file() else ()


def read_access_point_rows(file: Path) -> list[tuple[int, AccessPoint]]:
    """Line number and access point of each row of a CSV file with bssid, x_m, y_m, floor.

    Raises SurveyError naming the line for a value that is missing or no finite number, and for a
    file that cannot be read.
    """
    found = []
    try:
        with file.open(newline="", encoding="utf-8-sig") as source:
            rows = csv.DictReader(source)
            for row in rows:
                try:
                    found.append((rows.line_num, _access_point(row)))
                except ValueError as error:
                    raise SurveyError(
                        f"{file}: line {rows.line_num}: {error}; expected bssid, x_m, y_m, floor"
                    ) from None
    except FileNotFoundError:
        raise SurveyError(f"{file} is missing; expected bssid, x_m, y_m, floor") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SurveyError(f"{file}: not a CSV file ({error})") from None
    return found


def _access_point(row: dict[str, str | None]) -> AccessPoint:
    values = {name: (row.get(name) or "").strip() for name in ("bssid", "x_m", "y_m", "floor")}
    for name, text in values.items():
        if not text:
            raise ValueError(f"no {name}")
    try:
        x, y = float(values["x_m"]), float(values["y_m"])
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"x_m, y_m are {values['x_m']}, {values['y_m']}")
    try:
        return AccessPoint(values["bssid"], x, y, int(values["floor"]))
    except ValueError:
        raise ValueError(f"floor is {values['floor']}") from None


def read_header(file: Path) -> Header:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SurveyError(f"{file} is missing") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SurveyError(f"{file}: not TOML ({error})") from None
    try:
        known = {"floor", "label", "plan", "width_m", "height_m"}
        floors = tuple(Floor(**{k: v for k, v in f.items() if k in known}) for f in data["floors"])
        georeference = data.get("georeference")
        return Header(
            name=str(data["name"]), licence=str(data["licence"]), frame=str(data["frame"]),
            floors=floors, attribution=data.get("attribution"),
            georeference=Georeference(**georeference) if georeference else None,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SurveyError(f"{file}: {error}; expected name, licence, frame, floors") from None


def to_toml(header: Header) -> str:
    # A JSON string is a TOML basic string, up to DEL, which TOML wants escaped.
    def text(value: object) -> str:
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        return repr(value)

    lines = [f"{k} = {text(getattr(header, k))}" for k in ("name", "licence", "frame")]
    if header.attribution is not None:
        lines.append(f"attribution = {text(header.attribution)}")
    lines.append("floors = [")
    for floor in header.floors:
        lines.append(
            "  { " + ", ".join(f"{k} = {text(v)}" for k, v in plain(floor).items()) + " },"
        )
    lines.append("]")
    if header.georeference:
        lines += ["", "[georeference]"]
        lines += [f"{k} = {text(v)}" for k, v in asdict(header.georeference).items()]
    return "\n".join(lines) + "\n"


def plain(floor: Floor) -> dict[str, object]:
    """A floor as TOML and JSON write it: what is not known is left out."""
    return {k: v for k, v in asdict(floor).items() if v is not None}
