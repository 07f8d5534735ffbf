"""A model that tells how alike its networks see it: status, words and radius; and how few access
points are left. Fields of the bundle that older ones do not have."""

import numpy as np
import onnx
import pytest
import small_bundles as small
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from sdk import BundleError, Localizer, Status
from sdk.fix import AccuracyTable, Limits

MATCHED = {"aps": [3.0, 5.0, 8.0], "factor": [2.0, 1.5, 1.0]}


def model(shape=(1, 1, 1), invalid=False):
    """The small network whose second output is its largest probability."""
    proto = onnx.load_model_from_string(small.onnx_model("per_ap"))
    graph = proto.graph
    del graph.output[1]
    graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), "shape"))
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "places"))
    graph.node.append(helper.make_node("Softmax", ["logits"], ["p"], axis=1))
    graph.node.append(helper.make_node("ReduceMax", ["p", "places"], ["most"], keepdims=1))
    last = "most"
    if invalid:
        graph.initializer.append(numpy_helper.from_array(np.array([[np.nan]], np.float32), "nan"))
        graph.node.append(helper.make_node("Add", ["most", "nan"], ["broken"]))
        last = "broken"
    graph.node.append(helper.make_node("Reshape", [last, "shape"], ["agreement"]))
    graph.output.append(helper.make_tensor_value_info("agreement", TensorProto.FLOAT, shape))
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def bundle(accuracy=None, least=None, agreement="agreement", file=None, **output):
    manifest, members = small.cells_parts(models={"model.onnx": file or model()})
    manifest["output"] = {
        k: v for k, v in manifest["output"].items() if k not in ("features", "head")
    } | {"agreement": agreement, **output}  # fmt: skip
    manifest["accuracy"] = manifest["accuracy"] | (accuracy or {})
    if least is not None:
        manifest["limits"] = {**manifest["limits"], "least_agreement": least}
    return small.pack(manifest, {k: v for k, v in members.items() if not k.startswith("head")})


def alike(row):
    logits = small.forward(row, "per_ap")[0].astype(np.float64)
    raised = np.exp(logits - logits.max())
    return float((raised / raised.sum()).max())


def test_the_second_output_becomes_the_agreement_of_a_fix(scans):
    with Localizer.open(bundle()) as localizer:
        for scan, row in zip(scans, small.survey(), strict=True):
            fix = localizer.locate(scan)
            if not fix:
                assert fix.agreement is None
                continue
            assert fix.agreement == pytest.approx(alike(row), abs=1e-5)
            assert fix.agreement == localizer.posterior(scan).agreement
            assert fix.to_dict()["agreement"] == fix.agreement


def test_a_disagreement_is_said_in_words(scans):
    rows = small.survey()
    found = [alike(row) for row in rows]
    least = float(np.median(found))
    with Localizer.open(bundle(least=least)) as localizer:
        for scan, agreement in zip(scans, found, strict=True):
            fix = localizer.locate(scan)
            if not fix or abs(agreement - least) < 1e-4:
                continue
            if agreement < least:
                assert fix.status is Status.LOW_CONFIDENCE
                assert fix.reason == (
                    f"the model's networks disagree (agreement {agreement:.2f}, usual is "
                    f"{least:.2f} or more): access points may have changed"
                )
            else:
                assert "disagree" not in fix.reason
            tracked = localizer.start_track().update(scan)
            assert tracked.status is fix.status
            assert tracked.agreement == fix.agreement


def test_bundles_without_it_say_nothing_of_it(per_ap_bundle, scan):
    with Localizer.open(per_ap_bundle) as localizer:
        fix = localizer.locate(scan)
        assert fix.agreement is None
        assert localizer.posterior(scan).agreement is None
        assert "disagree" not in fix.reason


def test_the_radius_widens_with_the_access_points_that_are_gone(scans):
    table = {"matched": MATCHED, "disagreement_m": 0.5}
    with Localizer.open(bundle(table)) as localizer:
        seen = set()
        for scan in scans:
            fix = localizer.locate(scan)
            if not fix:
                continue
            spread = localizer.posterior(scan).spread_m() + 0.5 * (1 - fix.agreement)
            wanted = np.interp(spread, [0, 1, 2], [0.5, 1.5, 4.0])
            wanted *= np.interp(fix.matched_aps, MATCHED["aps"], MATCHED["factor"])
            assert fix.accuracy_m == pytest.approx(wanted)
            seen.add(fix.matched_aps)
        assert len(seen) > 2


@given(
    st.lists(st.floats(0, 50), min_size=1, max_size=6, unique=True).map(sorted),
    st.floats(0, 60), st.integers(0, 40), st.floats(0, 1), st.floats(0, 20),
)  # fmt: skip
def test_the_table_is_numpys_interpolation(knots, spread, matched, agreement, added):
    radii = [1.0 + k for k in range(len(knots))]
    table = AccuracyTable(knots, radii, (4, 9), (3.0, 1.0), added)
    wanted = np.interp(spread + added * (1 - agreement), knots, radii)
    assert table(spread, None, agreement) == pytest.approx(wanted)
    wider = np.interp(matched, (4, 9), (3.0, 1.0))
    assert table(spread, matched, agreement) == pytest.approx(wanted * wider)
    assert table(spread) == pytest.approx(np.interp(spread, knots, radii))


def test_why_there_is_no_position_or_no_confidence():
    limits = Limits(min_matched_aps=3, max_age_ms=10_000, low_confidence_m=8.0)
    assert limits.confidence(7.9, None) == (Status.OK, "")
    assert limits.confidence(9.04, 0.5) == (Status.LOW_CONFIDENCE, "accuracy_m of 9.0 is over 8")
    few = limits.why_refused(Status.TOO_FEW_APS, 2)
    assert few == "2 known access points heard, 3 are needed"
    assert limits.why_refused(Status.OUT_OF_AREA, 1).endswith("3 are needed, and many strangers")
    stale = limits.why_refused(Status.STALE_SCAN, 0)
    assert stale == "every reading is older than 10 s"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agreement": "nothing"}, "no output 'nothing'"),
        ({"features": "features"}, r"output\.agreement"),
        ({"accuracy": {"matched": {"aps": [3, 3], "factor": [2, 1]}}}, "matched_aps must ascend"),
        ({"accuracy": {"matched": {"aps": [3], "factor": [2, 1]}}}, "same length, got 1 and 2"),
        ({"accuracy": {"matched": {"aps": [3], "factor": [0]}}}, r"accuracy\.matched\.factor"),
        ({"accuracy": {"disagreement_m": -1}}, r"accuracy\.disagreement_m"),
        ({"least": 1.5}, r"limits\.least_agreement"),
        ({"file": model((1, 1))}, "must have the shape"),
        ({"file": model(invalid=True)}, "an agreement that is not finite"),
    ],
)
def test_what_a_reader_refuses(changes, words):
    with pytest.raises(BundleError, match=words):
        Localizer.open(bundle(**changes))
