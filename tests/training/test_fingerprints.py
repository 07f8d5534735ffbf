"""Vectors of a survey are those of the device, row for row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import header, invented_survey

from sdk import Reading, Scan
from sdk.bssid import without_last_digit
from sdk.fingerprint import ApTable
from training.fingerprints import Vectors
from training.survey import SurveyError, from_rows

MACS = [f"02:00:00:00:0{i}:{d:02x}" for i in range(4) for d in (0x10, 0x11, 0x1F)] + ["AP1", "AP10"]
readings = st.lists(
    st.tuples(
        st.sampled_from(MACS), st.integers(-100, -1), st.integers(0, 20_000), st.just(2412)
    ),
    unique_by=lambda r: r[0], max_size=10,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    st.lists(readings, min_size=1, max_size=5),
    st.lists(st.sampled_from(MACS), unique=True, min_size=1),
    st.sampled_from(["none", "last_hex_digit"]),
    st.none() | st.integers(0, 20_000),
    st.booleans(),
)
def test_equal_to_the_device(scans, names, merge, max_age_ms, aged):
    if merge == "last_hex_digit":
        names = list(dict.fromkeys(without_last_digit(n) for n in names))
    rows = [
        {
            "timestamp_ms": i,
            "bssid": [r[0] for r in scan],
            "rssi_dbm": [r[1] for r in scan],
            "age_ms": [r[2] for r in scan] if aged else None,
        }
        for i, scan in enumerate(scans)
    ]
    got = Vectors(merge, max_age_ms).of(from_rows(header(), rows), names)
    table = ApTable(names, merge)
    for i, scan in enumerate(scans):
        made = Scan(i, [Reading(n, float(v), None, a if aged else None) for n, v, a, _ in scan])
        expected = table.fingerprint(made, max_age_ms=max_age_ms).rssi_dbm
        np.testing.assert_array_equal(got[i], expected)


def heard_every(steps, floor=0, count=20, level=-50.0):
    """Rows in which access point i is heard every steps[i]-th time; the first is the strongest."""
    return [
        {
            "timestamp_ms": i,
            "floor": floor,
            "bssid": [n for n, every in steps.items() if i % every == 0],
            "rssi_dbm": [level - k for k, every in enumerate(steps.values()) if i % every == 0],
        }
        for i in range(count)
    ]


def test_choice_follows_the_rule():
    steps = dict(zip("abcde", (1, 2, 2, 4, 9), strict=True))
    survey = from_rows(header(), heard_every(steps))
    assert Vectors().choose(survey, 0.0, None) == ("a", "b", "c", "d", "e")
    assert Vectors().choose(survey, 0.2, None) == ("a", "b", "c", "d")
    assert Vectors().choose(survey, 0.2, 3) == ("a", "b", "c")
    with pytest.raises(SurveyError, match="2 access points are heard in at least 45") as caught:
        Vectors().choose(survey, 0.45, 2)
    assert "5 are heard at all, in 20 scans" in str(caught.value)


def test_every_floor_keeps_its_own_access_points():
    """A floor with few scans is not drowned by the others."""
    busy = heard_every(dict.fromkeys("abc", 1), floor=0, count=300)
    quiet = heard_every(dict.fromkeys("xyz", 1), floor=1, count=3)
    assert Vectors().choose(from_rows(header(), busy + quiet), 0.1, 3) == tuple("abcxyz")


def test_the_strongest_come_first():
    """Loud in one corner beats faint everywhere."""
    faint = {f"faint{i:02d}": -90 for i in range(12)}
    rows = [
        {"timestamp_ms": i, "floor": 0, "bssid": [f"loud{i // 10}", *faint],
         "rssi_dbm": [-40, *faint.values()]}
        for i in range(30)
    ]  # fmt: skip
    chosen = Vectors().choose(from_rows(header(), rows), 0.1, 10)
    assert {"loud0", "loud1", "loud2"} <= set(chosen)


def test_unknown_merge_rule():
    with pytest.raises(ValueError, match="'first_digit'"):
        Vectors("first_digit")


def test_take_keeps_rows_together():
    survey = invented_survey(sessions=2, side=2)
    rows = np.random.default_rng(0).random(len(survey)) < 0.4
    names = survey.bssids
    np.testing.assert_array_equal(
        survey.take(rows).fingerprints(names), survey.fingerprints(names)[rows]
    )
