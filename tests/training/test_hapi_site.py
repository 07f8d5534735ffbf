"""The deployment building: access point lists, floors, walkable cells."""

import json

import numpy as np
import pytest
import shapely
from invented import invented_survey

from sdk.venue import AccessPoint, Floor
from training.hapi_site import read_site, site_of
from training.survey import SurveyError
from training.survey_file import write_survey
from training.survey_header import read_access_points
from training.virtual_users import served

HEAD = "bssid,x_m,y_m,floor\n"


def listed(tmp_path, text):
    file = tmp_path / "aps.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_list_is_a_building(tmp_path):
    file = listed(tmp_path, "\ufeff" + HEAD + "AA-BB-CC-00-00-01, 1, 2,-1\n\nb,11,2,3\nb,11,2,3\n")
    site = read_site(file)
    assert site.floors == (-1, 3)
    assert [ap.bssid for ap in site.access_points] == ["aa:bb:cc:00:00:01", "b"]
    assert site.ap_level.tolist() == [0, 1]
    cells = site.cells(1.0)
    # The rectangle around all access points and 3 m more, on both floors.
    assert [g["shape"] for g in cells.grids] == [[6, 16], [6, 16]]
    assert cells.grids[0]["origin_m"] == [-1.5, -0.5]
    assert cells.floor.tolist() == [-1] * 96 + [3] * 96
    np.testing.assert_allclose(cells.xy_m[[0, 1, 16]], [[-1.5, -0.5], [-0.5, -0.5], [-1.5, 0.5]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "no access point; expected one at least"),
        ("a,1,2,0\na,1,3,0\n", r"line 3: 'a' is at \(1, 3\) on floor 0, but in line 2 at \(1, 2\)"),
        ("a,1,2,0\na,1,2,1\n", "line 3: 'a' is at .* on floor 1, but in line 2"),
        ("AA:BB:CC:00:00:01,1,2,0\naabbcc000001,9,2,0\n", "line 3: 'aa:bb:cc:00:00:01' is at"),
        ("a,nan,2,0\n", "line 2: x_m, y_m are nan, 2; expected bssid, x_m, y_m, floor"),
        ("a,1,2,0\n\nb,1,inf,0\n", "line 4: x_m, y_m are 1, inf"),
        ("a,one,2,0\n", "line 2: x_m, y_m are one, 2"),
        ("a,1,2,\n", "line 2: no floor; expected"),
        ("a,1,2\n", "line 2: no floor; expected"),
        ("a,1,2,G\n", "line 2: floor is G; expected"),
        ("a,1,2,0.5\n", "line 2: floor is 0.5; expected"),
        (" ,1,2,0\n", "line 2: no bssid; expected"),
        ("a,1,2,99999\n", "line 2: floor 99999 of 'a'"),
        ("a,1,2,0\nb,3,4,0\nc,48123.5,11,0\n", r"line 4: 'c' at \(48123.5, 11\) is 48121 m from"),
        ("a,1e300,2,0\n", "line 2: x_m, y_m are 1e[+]300, 2.0; expected metres"),
    ],
)
def test_bad_lists_are_refused_with_file_and_line(tmp_path, rows, message):
    with pytest.raises(SurveyError, match=rf"aps\.csv: {message}"):
        read_site(listed(tmp_path, HEAD + rows))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "image.csv").write_bytes(b"\x89PNG\xff\xfe\0\0")
    with pytest.raises(SurveyError, match=r"image\.csv: (not a CSV file|line \d+)"):
        read_site(tmp_path / "image.csv")
    with pytest.raises(SurveyError, match=r"line 2: no bssid; expected bssid, x_m, y_m, floor"):
        read_site(listed(tmp_path, "mac;x;y;floor\n1;2;3;4\n"))
    with pytest.raises(SurveyError, match=r"gone\.csv is missing"):
        read_site(tmp_path / "gone.csv")
    with pytest.raises(SurveyError, match="toml is missing"):
        read_site(tmp_path)


def folder(tmp_path, outline=None):
    survey = invented_survey(sessions=2, side=4, test_sessions=0)
    write_survey(survey, tmp_path / "survey")
    (tmp_path / "survey" / "scans.parquet").unlink()
    if outline is not None:
        toml = tmp_path / "survey" / "survey.toml"
        text = toml.read_text().replace('label = "F1"', 'label = "F1", plan = "f1.geojson"')
        toml.write_text(text)
        (tmp_path / "survey" / "f1.geojson").write_text(shapely.to_geojson(outline))
    return survey, tmp_path / "survey"


def test_a_survey_folder_is_read_without_its_scans(tmp_path):
    survey, path = folder(tmp_path)
    site = read_site(path)
    assert (
        site.access_points == survey.access_points == read_access_points(path / "access_points.csv")
    )
    assert site.floors == (0, 1)
    assert site_of(survey).sha256 == site.sha256


def test_a_floor_that_the_survey_does_not_list(tmp_path):
    _, path = folder(tmp_path)
    with (path / "access_points.csv").open("a") as out:
        out.write("x,1,1,7\n")
    with pytest.raises(SurveyError, match=r"line 14: floor 7 of 'x'; expected one of \[0, 1\]"):
        read_site(path)


def test_walkable_cells_lie_inside_the_plan(tmp_path):
    outline = shapely.box(-2, -2, 6, 4).difference(shapely.box(0, 0, 2, 2))
    site = read_site(folder(tmp_path, outline)[1])
    cells = site.cells(1.0)
    here = cells.xy_m[cells.floor == 1]
    assert cells.grids[1] == {"floor": 1, "origin_m": [-1.5, -1.5], "shape": [6, 8]}
    assert len(here) == 6 * 8 - 4
    assert shapely.contains_xy(outline, *here.T).all()
    assert len(cells.xy_m) > len(here)


def test_plans_that_cannot_be_used(tmp_path):
    _, path = folder(tmp_path, shapely.box(0, 0, 4, 4))
    (path / "f1.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": []}))
    with pytest.raises(SurveyError, match=r"f1\.geojson: a polygon without rings"):
        read_site(path).cells(1.0)
    (path / "f1.geojson").write_text(shapely.to_geojson(shapely.box(0.6, 0.6, 0.9, 0.9)))
    with pytest.raises(SurveyError, match=r"f1\.geojson: covers no cell of 1 m"):
        read_site(path).cells(1.0)
    (path / "f1.geojson").unlink()
    with pytest.raises(SurveyError, match=r"plan 'f1\.geojson' is missing"):
        read_site(path)


def test_too_many_cells(tmp_path):
    site = read_site(listed(tmp_path, HEAD + "a,0,0,0\nb,3000,3000,0\n"))
    with pytest.raises(SurveyError, match="more than 1048576 cells of 1 m in all; expected a coar"):
        site.cells(1.0)


def test_floors_are_listed_once():
    survey = invented_survey(sessions=2, side=3)
    header = survey.header
    twice = type(header)(header.name, "", "", (Floor(0), Floor(0), Floor(1)))
    with pytest.raises(SurveyError, match=r"floors \[0, 0, 1\] of the venue; expected each once"):
        site_of(type(survey)(**{**vars(survey), "header": twice}))


def test_one_place_is_one_physical_access_point(tmp_path):
    site = read_site(listed(tmp_path, HEAD + "a,1,2,0\nb,1,2,0\nc,1,2,1\n"))
    assert site.layout.ids == (("a", "b"), ("c",))
    assert AccessPoint("a", 1.0, 2.0, 0) in site.access_points


def test_served_cells_are_near_an_access_point_of_their_floor(tmp_path):
    site = read_site(listed(tmp_path, HEAD + "a,0,0,0\nb,60,0,0\nc,0,0,1\n"))
    cells = site.cells(1.0)
    near = served(site, cells)
    assert 0 < len(near.floor) < len(cells.floor)
    for floor, x_m in ((0, [0.0, 60.0]), (1, [0.0])):
        here = near.xy_m[near.floor == floor]
        apart = np.min([np.hypot(here[:, 0] - x, here[:, 1]) for x in x_m], axis=0)
        assert apart.max() <= 10.0
        assert np.ptp(here[:, 0]) > 10 * len(x_m)
