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
    if not file.is_file():
        return ()
    found = []
    with file.open(newline="", encoding="utf-8") as source:
        for line, row in enumerate(csv.DictReader(source), start=2):
            try:
                x, y = float(row["x_m"]), float(row["y_m"])
                if not (math.isfinite(x) and math.isfinite(y)):
                    raise ValueError(f"x_m, y_m are {x}, {y}")
                found.append(AccessPoint(row["bssid"], x, y, int(row["floor"])))
            except (KeyError, TypeError, ValueError) as error:
                raise SurveyError(
                    f"{file}: line {line}: {error}; expected bssid, x_m, y_m, floor"
                ) from None
    return tuple(found)


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
