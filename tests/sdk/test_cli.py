import json
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
import small_bundles as small
from click.testing import CliRunner

from sdk import Localizer, cli, commands
from sdk.smoothing import smooth


@pytest.fixture
def files(tmp_path, per_ap_bundle, scans):
    bundle, lines = tmp_path / "small.rssfix", tmp_path / "scans.jsonl"
    bundle.write_bytes(per_ap_bundle)
    lines.write_text("\n".join(scan.to_json() for scan in scans) + "\n\n")
    return bundle, lines


def rssfix(*arguments, **options):
    return CliRunner().invoke(cli.main, list(map(str, arguments)), **options)


def json_lines(result):
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_info(files):
    with Localizer.open(files[0]) as localizer:
        record = localizer.info.to_dict()
    result = rssfix("info", files[0], "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == record
    text = rssfix("info", files[0]).output
    for part in (
        "exloc",
        "Small House",
        "mean_m             1.25",
        record["sha256"],
        "onnxruntime",
    ):
        assert part in text


def test_locate_gives_one_line_per_scan(files, scans):
    bundle, lines = files
    with Localizer.open(bundle) as localizer:
        expected = [localizer.locate(scan).to_dict() for scan in scans]
        track = localizer.start_track()
        tracked = [track.update(scan).to_dict() for scan in scans]
    assert json_lines(rssfix("locate", bundle, lines)) == expected
    assert json_lines(rssfix("locate", bundle, "-", input=lines.read_text())) == expected
    assert json_lines(rssfix("locate", bundle, lines, "--track")) == tracked
    table = rssfix("locate", bundle, lines, "--table").output.splitlines()
    assert len(table) == len(scans) + 1
    assert "accuracy_m" in table[0]


def test_a_recorded_walk_is_smoothed_as_a_whole(files, scans):
    bundle, lines = files
    with Localizer.open(bundle) as localizer:
        track, measured = localizer.start_track(), []
        for scan in scans:
            floor = track.update(scan).floor
            measured.append(replace(track.measured, floor=floor))
        expected = [fix.to_dict() for fix in smooth(measured, venue=localizer.venue)]
    found = json_lines(rssfix("locate", bundle, lines, "--track", "--smooth"))
    assert found == expected
    assert found != json_lines(rssfix("locate", bundle, lines, "--track"))
    assert found[3]["latitude"] is not None
    alone = rssfix("locate", bundle, lines, "--smooth")
    assert alone.exit_code == 2
    assert "--smooth needs --track" in alone.output


def test_explain(files, scans):
    bundle, lines = files
    records = json_lines(rssfix("explain", bundle, lines, "--json", "--method", "occlusion"))
    assert len(records) == len(scans)
    with Localizer.open(bundle) as localizer:
        expected = localizer.explain(scans[7], "occlusion").to_dict()
    assert records[7] == {"timestamp_ms": 7000, **expected}
    text = rssfix("explain", bundle, lines, "--top", 2).output
    assert "by cam" in text
    bad = rssfix("explain", bundle, lines, "--target", 999)
    assert bad.exit_code == 1
    assert "line 1: place index must lie in 0..39, got 999" in bad.output


def test_explain_of_a_scan_without_position_says_so(files):
    empty = '{"timestamp_ms": 1, "readings": []}'
    result = rssfix("explain", files[0], "-", "--json", input=empty)
    assert (
        json_lines(result)
        == [{"timestamp_ms": 1, "error": "-, line 1: there is no position to explain: TOO_FEW_APS"}]
        or "TOO_FEW_APS" in result.output
    )


def test_errors_are_one_line_and_name_the_place(files, tmp_path):
    bundle, lines = files
    lines.write_text('{"timestamp_ms": 1, "readings": []}\n\n{"timestamp_ms": 1.5, "readings": []}')
    result = rssfix("locate", bundle, lines)
    assert result.exit_code == 1
    assert "scans.jsonl, line 3: timestamp_ms must be an int" in result.output
    assert "Traceback" not in result.output
    lines.write_bytes(b"\xff\xfe")
    assert "not UTF-8 text" in rssfix("locate", bundle, lines).output
    gone = rssfix("info", tmp_path / "gone.rssfix")
    assert gone.exit_code == 1
    assert "there is no such bundle" in gone.output


def test_a_missing_package_is_named_with_its_extra(monkeypatch, files):
    points = [
        EntryPoint("train", "no_such_package.cli:train", commands.GROUP),
        EntryPoint("export", "sdk.cli:no_such_command", commands.GROUP),
        EntryPoint("info", "sdk.cli:info", commands.GROUP),
    ]
    monkeypatch.setattr(commands, "entry_points", lambda **_: points)
    result = rssfix("train", "exloc", "--epochs", "3")
    assert result.exit_code == 1
    assert "train needs no_such_package" in result.output
    assert "pip install 'rssfix[train]'" in result.output
    assert rssfix("export", "x").exit_code == 1
    assert rssfix("info", files[0]).exit_code == 0
    assert "call it to see what it needs" in rssfix("--help").output
    assert rssfix("fly").exit_code == 2


@pytest.mark.parametrize(
    ("package", "extra"),
    [("torch", "train"), ("onnxruntime", "onnx"), ("litert_torch", "export-tflite")],
)
def test_a_package_missed_later_is_named_too(monkeypatch, files, package, extra):
    def lost(*_):
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(cli.Localizer, "open", lost)
    result = rssfix("info", files[0])
    assert result.exit_code == 1
    assert f"pip install 'rssfix[{extra}]'" in result.output


def test_bench(files, tmp_path):
    bundle, lines = files
    out = tmp_path / "bench.json"
    options = ["--num-runs", 20, "--warmup-runs", 2, "--json", out]
    for more in ([], ["--scans", lines]):
        result = rssfix("bench", bundle, *options, *more)
        assert result.exit_code == 0, result.output
        report = json.loads(out.read_text())
        assert " ".join(report) == (
            "runtime machine model_bytes init_us first_us stages memory accuracy measured"
        )
        assert " ".join(report["stages"]) == "parse fingerprint image model decode total filter"
        for times in report["stages"].values():
            assert list(times) == ["min_us", "p50_us", "p90_us", "p95_us", "p99_us", "max_us"]
            assert list(times.values()) == sorted(times.values())
        memory = report["memory"]
        assert 0 < memory["start_bytes"] <= memory["after_init_bytes"] <= memory["peak_bytes"]
        assert report["measured"]["p95_m"] == 2.5
        for part in (
            "p99",
            "first fix",
            "peak",
            "p95_m 2.5",
            "no scan says where",
            report["machine"]["core"],
        ):
            assert part in result.output
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_bench_tells_the_accuracy_of_the_fixes_it_timed(files, scans, tmp_path):
    bundle, lines = files
    out = tmp_path / "bench.json"
    with Localizer.open(bundle) as localizer:
        fixes = [localizer.locate(scan) for scan in scans]
    # The truth is 3 m and 4 m off the fix; the last scan's is not known, the first one's floor is.
    records = [json.loads(scan.to_json()) for scan in scans]
    for record, fix in zip(records[:-1], fixes, strict=False):
        record |= {"x_m": fix.x_m + 3, "y_m": fix.y_m - 4}
    records[0] |= {"floor": fixes[0].floor}
    lines.write_text("".join(json.dumps(record) + "\n" for record in records))
    options = ["--scans", lines, "--num-runs", 2 * len(scans), "--warmup-runs", 0, "--json", out]
    result = rssfix("bench", bundle, *options)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text())["accuracy"]
    assert (found["n"], found["answered"]) == (len(scans) - 1, len(scans) - 1)
    for figure in ("mean_m", "median_m", "p75_m", "p95_m"):
        assert found[figure] == pytest.approx(5)
    assert found["floor_hit"] == 1
    inside = [fix.accuracy_m >= 5 for fix in fixes[:-1]]
    assert found["coverage_68"] == pytest.approx(sum(inside) / len(inside))
    assert f"n {len(scans) - 1}, answered" in result.output
    for bad in ('"x_m": 1', '"x_m": NaN, "y_m": 1', '"x_m": 1, "y_m": 1, "floor": 1.5'):
        lines.write_text('{"timestamp_ms": 1, "readings": [], ' + bad + "}\n")
        result = rssfix("bench", bundle, "--scans", lines)
        assert result.exit_code == 1
        assert "line 1: " in result.output
        assert "must be" in result.output


def test_bench_without_a_usable_scan_says_so(files, tmp_path):
    lines = tmp_path / "none.jsonl"
    lines.write_text('{"timestamp_ms": 1, "readings": []}\n')
    result = rssfix("bench", files[0], "--scans", lines, "--num-runs", 3)
    assert "none of these scans gives a position" in result.output
    lines.write_text("")
    assert "no scans to time" in rssfix("bench", files[0], "--scans", lines).output


def test_bench_of_neighbours(tmp_path):
    bundle = tmp_path / "knn.rssfix"
    bundle.write_bytes(small.pack(*small.neighbours_parts()))
    result = rssfix("bench", bundle, "--num-runs", 5)
    assert result.exit_code == 0, result.output
    assert "native, 1 thread" in result.output
