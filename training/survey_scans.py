"""The scans of a survey folder, for `rssfix run --source replay:FOLDER`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sdk.scan import Reading, Scan
from training.survey import Survey


def scans_of(survey: Survey) -> Iterator[Scan]:
    """Every row as the scan a device would have handed over."""
    ages, bands = survey.age_ms, survey.frequency_mhz
    for i in range(len(survey)):
        readings = range(survey.offsets[i], survey.offsets[i + 1])
        yield Scan(
            int(survey.timestamp_ms[i]),
            [
                Reading(
                    survey.bssids[survey.bssid_code[k]],
                    float(survey.rssi_dbm[k]),
                    None if bands is None else int(bands[k]),
                    None if ages is None else int(ages[k]),
                )
                for k in readings
            ],
        )


def replay(folder: str) -> Iterator[Scan]:
    """The scans of a survey folder in the order of their time. Raises SurveyError."""
    from training.survey_file import read_survey

    survey = read_survey(Path(folder))
    in_order = np.argsort(survey.timestamp_ms, kind="stable")
    scans = list(scans_of(survey))
    return (scans[i] for i in in_order)
