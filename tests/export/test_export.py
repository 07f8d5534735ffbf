"""From a run to a bundle: the same model in every runtime, or nothing at all."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from click.testing import CliRunner

from export import build, exloc, verify
from export.build import METADATA_KEY, export_run
from export.cli import export
from export.conversion import SCORES, model_files
from export.errors import ExportError
from export.exloc import checkpoint_probability
from export.verify import scan_of
from sdk import Localizer
from sdk.runtimes.tflite import interpreters
from training import neighbours
from training.exloc import load_network
from training.networks.exloc import ExLocNet
from training.run import Run
from training.survey_file import read_survey, write_survey


def member(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


@pytest.fixture(scope="module")
def fp32(run_1d, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / "fp32.rssfix"
    return export_run(run_1d, path, ["onnx", "tflite"], "fp32")


@pytest.fixture(scope="module")
def int8(run_1d, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / "int8.rssfix"
    return export_run(run_1d, path, ["onnx", "tflite"], "int8")


def test_fp32_is_the_checkpoint_in_both_runtimes(fp32):
    assert [v.runtime.split()[0] for v in fp32.verdicts] == ["onnxruntime", "ai-edge-litert"]
    for verdict in fp32.verdicts:
        assert verdict.difference < 1e-4
        assert verdict.shift_m < 1e-3
        assert verdict.error_m == pytest.approx(verdict.reference_error_m, abs=1e-3)


def test_int8_moves_the_fixes_by_less_than_five_centimetres(int8):
    for verdict in int8.verdicts:
        assert verdict.rows > 100
        assert verdict.shift_m < 0.05


def test_both_tflite_runtimes_agree(fp32, int8):
    for report in (fp32, int8):
        assert [name.split()[0] for name in report.agreeing] == ["tflite-runtime"]


def test_a_tflite_runtime_that_miscomputes_is_caught(run_1d, int8, monkeypatch):
    run, data = Run.load(run_1d), int8.path.read_bytes()
    right = verify.TfliteRuntime.scores

    def wrong(self, image):
        return right(self, image) * (0.9 if self.name.startswith("tflite-runtime") else 1.0)

    monkeypatch.setattr(verify.TfliteRuntime, "scores", wrong)
    with pytest.raises(ExportError, match=r"tflite-runtime .* gives scores that differ by"):
        verify.other_tflite_runtimes(run, data)


def test_int8_files_are_smaller(fp32, int8):
    for name in ("model.onnx", "model.tflite"):
        assert len(member(int8.path, name)) < 0.6 * len(member(fp32.path, name))


def test_the_device_answers_as_pytorch_does(fp32, run_1d):
    run = Run.load(run_1d)
    rows = run.arrays["validation_rssi_dbm"][:20]
    wanted = checkpoint_probability(run, rows)
    for runtime in ("onnx", "tflite"):
        with Localizer.open(fp32.path, runtime=runtime) as localizer:
            found = [localizer.posterior(scan_of(run.bssids, row)).probability for row in rows]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_impact_scores_of_the_bundle_are_those_of_the_network(fp32, run_1d):
    run = Run.load(run_1d)
    network = load_network(run)
    row = run.arrays["validation_rssi_dbm"][:1]
    with torch.inference_mode():
        logits, features = network.scores_and_features(
            torch.from_numpy(run.input_recipe.images(row))
        )
        wanted = network.impact(features)[0, 3].numpy()
    bias = float(network.fc.bias[3].detach())
    for runtime in ("onnx", "tflite"):
        with Localizer.open(fp32.path, runtime=runtime) as localizer:
            told = localizer.explain(scan_of(run.bssids, row[0]), method="cam", target=3)
        scores = np.array([told.scores[name] for name in run.bssids])
        np.testing.assert_allclose(scores, wanted, atol=1e-4)
        assert scores.sum() + bias == pytest.approx(float(logits[0, 3]), 1e-3)


def test_the_onnx_file_carries_the_manifest(fp32):
    proto = onnx.load_model_from_string(member(fp32.path, "model.onnx"))
    stored = json.loads({p.key: p.value for p in proto.metadata_props}[METADATA_KEY])
    manifest = json.loads(member(fp32.path, "manifest.json"))
    for key, value in stored.items():
        assert manifest[key] == value
    assert set(manifest) - set(stored) == {"format", "oldest_reader", "model_id", "members"}


def test_a_zero_padded_2d_network_keeps_its_form(run_2d, tmp_path):
    report = export_run(run_2d, tmp_path / "gap.rssfix", ["onnx", "tflite"], "fp32")
    assert report.note.startswith("2d network")
    manifest = json.loads(member(report.path, "manifest.json"))
    assert manifest["input"]["image"] == "cyclic_map"
    assert manifest["output"]["head"]["kind"] == "gap"


def test_floor_plans_travel_from_the_survey_to_the_device(part, tmp_path):
    folder, plan = tmp_path / "survey", b"\x89PNG of a floor"
    (tmp_path / "3.png").write_bytes(plan)
    floors = tuple(replace(one, plan="floors/3.png") for one in part.header.floors)
    planned = replace(
        part,
        header=replace(part.header, floors=floors),
        plans={"floors/3.png": tmp_path / "3.png"},
    )
    write_survey(planned, folder)
    neighbours.train(read_survey(folder), seed=0).save(tmp_path / "run")
    report = export_run(tmp_path / "run", tmp_path / "planned.rssfix")
    with Localizer.open(report.path) as localizer:
        assert localizer.plan(3) == plan
    (tmp_path / "run" / "floors" / "3.png").unlink()
    with pytest.raises(ExportError, match=r"3\.png is missing"):
        export_run(tmp_path / "run", tmp_path / "again.rssfix")


def test_neighbours_need_no_model_file(run_neighbours, tmp_path):
    report = export_run(run_neighbours, tmp_path / "knn.rssfix")
    assert report.verdicts[0].runtime == "native"
    assert report.verdicts[0].difference < 1e-5
    with zipfile.ZipFile(report.path) as archive:
        assert not [name for name in archive.namelist() if name.startswith("model.")]


def test_a_reference_without_any_error_is_reported_in_metres(run_neighbours, tmp_path, monkeypatch):
    """Neighbours that hold the validation scans find them exactly: nothing to divide by."""
    report = export_run(run_neighbours, tmp_path / "knn.rssfix")
    exact = replace(report.verdicts[0], error_m=0.0, reference_error_m=0.0)
    monkeypatch.setattr(
        "export.build.export_run", lambda *_, **__: replace(report, verdicts=(exact,))
    )
    done = CliRunner().invoke(export, [str(run_neighbours), "-o", str(tmp_path / "x.rssfix")])
    assert done.exit_code == 0, done.output
    assert "mean error 0.000 m" in done.output


def test_a_failed_check_writes_nothing_and_keeps_the_old_file(run_1d, tmp_path, monkeypatch):
    path = tmp_path / "site.rssfix"
    path.write_bytes(b"old")
    monkeypatch.setattr(verify, "MOST_SHIFT_M", 0.0)
    monkeypatch.setattr(verify, "MOST_SHIFT_SHARE", 0.0)
    with pytest.raises(ExportError, match=r"fixes move by .* m in the mean"):
        export_run(run_1d, path, ["onnx"], "int8")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["site.rssfix"]


@pytest.mark.parametrize(
    ("held_out_error_m", "limit_m"), [(0.0, 0.05), (1.5, 0.05), (2.5, 0.05), (6.0, 0.12)]
)
def test_the_shift_is_judged_by_the_error_of_the_site(held_out_error_m, limit_m):
    verdict = verify.Verdict("onnx", 9, 0.0, 1.0, 1.0, 0.5, 0.5, 0.0, held_out_error_m)
    assert verdict.most_shift_m == pytest.approx(limit_m)
    assert not replace(verdict, shift_m=0.99 * limit_m).problems("int8")
    told = replace(verdict, shift_m=limit_m).problems("int8")
    assert told == [f"fixes move by {limit_m:.3f} m in the mean (limit {limit_m:.3f})"]


def test_the_limit_knows_the_run_s_held_out_error(int8, run_1d):
    for verdict in int8.verdicts:
        assert verdict.held_out_error_m == Run.load(run_1d).metrics["mean_m"]
        assert verdict.to_json()["most_shift_m"] == round(verdict.most_shift_m, 4)


def refusing(monkeypatch, count):
    """The first ``count`` verdicts find fault, whatever they see."""
    judge = verify.Verdict.problems
    seen = []

    def strict(verdict, precision):
        seen.append(verdict)
        return ["too far"] if len(seen) <= count else judge(verdict, precision)

    monkeypatch.setattr(verify.Verdict, "problems", strict)


def weights_of(path):
    model = onnx.load_model_from_string(member(path, "model.onnx"))
    return {w.name: w for w in model.graph.initializer}


def test_int8_falls_back_to_an_int8_head_alone(run_1d, tmp_path, monkeypatch):
    refusing(monkeypatch, 2)
    report = export_run(run_1d, tmp_path / "head.rssfix", ["onnx", "tflite"], "int8")
    assert report.note == "1d network, int8 head, float32 before it"
    assert len(report.rejected) == 1
    assert [name.split()[0] for name in report.agreeing] == ["tflite-runtime"]
    kinds = {name: w.data_type for name, w in weights_of(report.path).items() if "weight" in name}
    assert kinds["network.layers.0.conv.weight"] == onnx.TensorProto.FLOAT
    assert [k for name, k in kinds.items() if name.startswith("network.fc.weight_q")] == [
        onnx.TensorProto.UINT8
    ]


def test_int8_falls_back_to_a_float_head(run_1d, tmp_path, monkeypatch):
    refusing(monkeypatch, 2)
    report = export_run(run_1d, tmp_path / "head.rssfix", ["onnx"], "int8")
    assert report.note == "1d network, int8, float32 head"
    assert len(report.rejected) == 2
    head = [w for name, w in weights_of(report.path).items() if name.startswith("network.fc.weigh")]
    assert [w.data_type for w in head] == [onnx.TensorProto.FLOAT]


def test_a_network_that_is_mostly_convolutions_has_no_int8_head_alone(run_2d):
    run = Run.load(run_2d)
    deep = ExLocNet(**{**run.network, "width": 32, "depth": 4, "kernel": 3})
    run = replace(run, network=deep.config, state=deep.state_dict())
    notes = [attempt().note for attempt in exloc.attempts(run, ["onnx"], "int8")]
    assert notes == ["2d network, int8, int8 head", "2d network, int8, float32 head"]
    assert len(list(exloc.attempts(run, ["onnx"], "fp32"))) == 1


@pytest.mark.parametrize("form", ["onnx", "tflite"])
def test_silence_costs_nothing_where_the_head_alone_is_int8(form):
    """Silent access points off the steps of int8: hundreds of equal errors, which add up."""
    n, cells = 300, 40
    torch.manual_seed(0)
    wide = ExLocNet(n, cells, width=4, depth=2)
    with torch.no_grad():
        # All of one sign, so that errors of one sign do not average out.
        wide.fc.weight.copy_(wide.fc.weight.abs())
    rng = np.random.default_rng(0)
    images = np.full((64, 1, n), -0.23, dtype=np.float32)
    for image in images:
        image[0, rng.choice(n, 12, replace=False)] = rng.uniform(0.0, 37.0, 12)
    mean = []
    for dense_alone in (False, True):
        files = model_files(
            wide.eval(), (1, 1, n), (SCORES,), images, [form], "int8", None, dense_alone
        )
        with torch.inference_mode():
            wanted = wide(torch.from_numpy(images)).numpy()
        mean.append(np.abs(scores_of(files, images) - wanted).mean() / np.ptp(wanted))
    assert mean[1] < 0.005
    assert mean[1] < mean[0] / 5


def scores_of(files, images):
    ((name, data),) = files.items()
    if name == "model.onnx":
        session = onnxruntime.InferenceSession(data)
        return np.concatenate([session.run([SCORES], {"input": one[None]})[0] for one in images])
    kind, _ = interpreters(most=1)[0]
    device = kind(model_content=data)
    device.allocate_tensors()
    (asked,), (told,) = device.get_input_details(), device.get_output_details()
    found = []
    for one in images:
        device.set_tensor(asked["index"], one[None])
        device.invoke()
        found.append(device.get_tensor(told["index"])[0].copy())
    return np.array(found)


def test_a_float_head_in_tflite_is_nearer_to_the_checkpoint(run_1d):
    run = Run.load(run_1d)
    rows = run.arrays["validation_rssi_dbm"][:50]
    wanted = checkpoint_probability(run, rows)
    largest = []
    for float_head in (False, True):
        parts = exloc._parts(run, ["tflite"], "int8", float_head=float_head)
        reference = build._reference(run, exloc)
        data = build._bundle(run, reference, parts, ())
        with Localizer.open(data) as localizer:
            found = [localizer.posterior(scan_of(run.bssids, row)).probability for row in rows]
        largest.append(np.abs(np.array(found) - wanted).max())
    assert largest[1] < largest[0]


def test_a_model_that_is_not_the_checkpoint_is_refused(run_1d, tmp_path, monkeypatch):
    right = exloc.checkpoint_probability

    def wrong(run, rssi_dbm):
        return right(run, rssi_dbm)[:, ::-1].copy()

    monkeypatch.setattr(exloc, "checkpoint_probability", wrong)
    with pytest.raises(ExportError, match="probabilities differ by"):
        export_run(run_1d, tmp_path / "wrong.rssfix", ["onnx"], "fp32")


@pytest.mark.parametrize(
    ("formats", "precision", "said"),
    [(["onx"], "int8", "onx"), ([], "int8", "formats ()"), (["onnx"], "int4", "int4")],
)
def test_unknown_choices_are_named(run_1d, tmp_path, formats, precision, said):
    with pytest.raises(ExportError) as raised:
        export_run(run_1d, tmp_path / "x.rssfix", formats, precision)
    assert said in str(raised.value)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(ExportError, match=r"run\.json is missing"):
        export_run(tmp_path, tmp_path / "x.rssfix")


def test_a_missing_converter_names_the_extra(run_1d, tmp_path, monkeypatch):
    monkeypatch.setattr("export.tflite_model.importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ExportError, match=r"rssfix\[export-tflite\]"):
        export_run(run_1d, tmp_path / "x.rssfix", ["tflite"])


def test_the_command_writes_the_bundle_and_reports(run_1d, tmp_path):
    path = tmp_path / "site.rssfix"
    done = CliRunner().invoke(export, [str(run_1d), "-o", str(path), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["bytes"] == path.stat().st_size
    assert report["verified"][0]["shift_m"] < 0.05
    with Localizer.open(io.BytesIO(path.read_bytes()).getvalue()) as localizer:
        assert localizer.info.model_id == report["model_id"]


def test_the_command_says_what_is_wrong(tmp_path):
    done = CliRunner().invoke(export, [str(tmp_path), "-o", str(tmp_path / "x.rssfix")])
    assert done.exit_code == 1
    assert "run.json is missing" in done.output
