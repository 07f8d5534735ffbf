"""The UJIIndoorLoc reader on a tiny source in its layout."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from training import cli
from training.readers import ujiindoorloc
from training.survey import SurveyError
from training.survey_check import check
from training.survey_file import read_survey


def table(rows):
    columns = ["WAP001", "WAP002", "WAP003", "LONGITUDE", "LATITUDE", "FLOOR", "BUILDINGID"]
    columns += ["SPACEID", "RELATIVEPOSITION", "USERID", "PHONEID", "TIMESTAMP"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def source(tmp_path):
    training = [
        (-60, 100, -80, -7541.25, 4864921.5, 2, 0, 106, 2, 1, 14, 1371713733),
        (0, 100, 100, -7400.5, 4864800.0, 2, 1, 106, 2, 2, 23, 1371713734),
        (100, 100, 100, -7390.5, 4864801.0, 4, 2, 106, 2, 2, 23, 1371713735),
    ]
    later = [(-61, 100, -79, -7540.0, 4864920.0, 2, 0, 0, 0, 0, 13, 1379713733)]
    table(training).to_csv(tmp_path / "trainingData.csv", index=False)
    table(later).to_parquet(tmp_path / "validationData.parquet")
    return tmp_path


def test_official_split(source):
    survey = ujiindoorloc.read(source)
    assert list(survey.split) == ["train"] * 3 + ["test"]
    assert list(survey.floor) == [2, 12, 24, 2], "10 x building + floor"
    assert [f.label for f in survey.header.floors] == ["0/2", "1/2", "2/4"]
    np.testing.assert_allclose(survey.xy_m[0], [158.75, 221.5])
    assert survey.bssids == ("WAP001", "WAP003"), "never heard columns are dropped"
    np.testing.assert_array_equal(
        survey.fingerprints(survey.bssids),
        np.array([[-60, -80], [-1, np.nan], [np.nan, np.nan], [-61, -79]], np.float32),
    )
    assert survey.session[1] == "user2-phone23-building1"
    assert survey.timestamp_ms[0] == 1371713733000
    assert {p.level for p in check(survey)} == {"warning"}, "the scan that heard nothing"


def test_convert(source, tmp_path):
    words = ["convert", "ujiindoorloc", str(source), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(cli.survey, words)
    assert result.exit_code == 0, result.output
    assert len(read_survey(tmp_path / "out")) == 4


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: t.drop(columns="USERID"), "column 'USERID' is missing"),
        (lambda t: t.drop(columns=["WAP001", "WAP002", "WAP003"]), "no column WAP001"),
        (lambda t: t.drop(columns="WAP002"), "differ"),
        (lambda t: t.assign(WAP002=7), "WAP002 is 7"),
    ],
)
def test_faults(change, text, source):
    change(pd.read_parquet(source / "validationData.parquet")).to_parquet(
        source / "validationData.parquet"
    )
    with pytest.raises(SurveyError, match=text):
        ujiindoorloc.read(source)


def test_missing_and_broken_files(source):
    (source / "validationData.parquet").write_bytes(b"x")
    with pytest.raises(SurveyError, match=r"validationData\.parquet: not readable"):
        ujiindoorloc.read(source)
    (source / "trainingData.csv").unlink()
    with pytest.raises(SurveyError, match=r"trainingData\.parquet \(or \.csv\) is missing"):
        ujiindoorloc.read(source)
