"""``rssfix survey`` and ``rssfix train`` from the command line."""

import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from invented import invented_survey

from training import cli, cli_train
from training.run import Run
from training.survey_file import write_survey


@pytest.fixture
def folder(tmp_path):
    write_survey(invented_survey(sessions=4, side=3, floors=(0,)), tmp_path / "survey")
    return tmp_path / "survey"


def call(command, *words):
    return CliRunner().invoke(command, [str(w) for w in words])


def test_train_and_json(folder, tmp_path):
    result = call(cli_train.train, "neighbours", folder, "-o", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["n"] == figures["answered"]
    assert Run.load(tmp_path / "run").metrics == figures


def test_train_exloc(folder, tmp_path):
    result = call(
        cli_train.train, "exloc", folder, "-o", tmp_path / "run", "--epochs", 2, "--seed", 5,
        "--max-age-ms", 3000, "--merge-virtual-aps",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "held out, plain kNN" in result.stdout
    run = Run.load(tmp_path / "run")
    assert run.limits["max_age_ms"] == 3000
    assert run.merge_virtual_aps == "last_hex_digit"
    assert run.seed == 5


def test_check(folder):
    result = call(cli.survey, "check", folder)
    assert result.exit_code == 0, result.output
    assert "0 errors, 0 warnings" in result.output
    table = pq.read_table(folder / "scans.parquet").to_pandas()
    table.loc[4, "floor"] = 9
    table.at[5, "rssi_dbm"] = [100.0] * len(table.at[5, "rssi_dbm"])
    table.to_parquet(folder / "scans.parquet")
    result = call(cli.survey, "check", folder)
    assert result.exit_code == 1
    assert "scans.parquet: row 4: floor 9; expected one of [0]" in result.output
    found = json.loads(call(cli.survey, "check", folder, "--json").stdout)
    assert {p["row"] for p in found if p["level"] == "error"} == {4, 5}


def test_errors_are_clean(folder, tmp_path):
    """No traceback: a message with the file, and a status."""
    (folder / "scans.parquet").write_bytes(b"x")
    for command, words in (
        (cli_train.train, ["exloc", folder, "-o", tmp_path / "run"]),
        (cli.survey, ["check", folder]),
        (cli.survey, ["convert", "uji_library", folder, "-o", tmp_path / "out"]),
        (cli.survey, ["convert", "microsoft_indoor", folder, "-o", tmp_path / "out"]),
        (cli.survey, ["convert", "ujiindoorloc", folder, "-o", tmp_path / "out"]),
    ):
        result = call(command, *words)
        assert result.exit_code == 1, words
        assert result.output.startswith("Error: "), result.output
        assert ".parquet" in result.output
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "out").exists()


def test_unknown_preset(folder, tmp_path):
    result = call(cli_train.train, "exloc", folder, "-o", tmp_path / "run", "--preset", "huge")
    assert result.exit_code == 1
    assert "expected one of small, edge, additive, site, paper" in result.output


def test_interrupted_training_writes_nothing(folder, tmp_path, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.exloc.fit", interrupted)
    result = call(cli_train.train, "exloc", folder, "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert "interrupted" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["survey"]


@pytest.mark.parametrize("months", ["", "a", "2-1", "1-"])
def test_month_lists(months, folder, tmp_path):
    result = call(cli.survey, "convert", "uji_library", folder, "-o", tmp_path / "o", "--months",
                  months)  # fmt: skip
    assert result.exit_code == 2
