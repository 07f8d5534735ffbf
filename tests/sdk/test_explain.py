import numpy as np
import pytest
import small_bundles as small

from sdk import BundleError, Localizer, Scan


@pytest.mark.parametrize("head", ["per_ap", "gap"])
def test_impact_scores_are_an_exact_split_of_the_logit(head, scans):
    with Localizer.open(small.pack(*small.cells_parts(head))) as localizer:
        for scan, row in zip(scans[::5], small.survey()[::5], strict=True):
            logits, _ = small.forward(row, head)
            for target in (None, 0, 17):
                why = localizer.explain(scan, target=target)
                assert why.method == "cam"
                assert list(why.scores) == small.BSSIDS
                impact = np.array(list(why.scores.values()))
                total = impact.mean() if head == "gap" else impact.sum()
                bias = small.weights(head)[3][why.target.index]
                assert total + bias == pytest.approx(logits[why.target.index], abs=1e-4)


def test_cam_names_the_aps_that_were_not_heard(localizer, scans):
    why = localizer.explain(scans[0])
    assert why.not_heard == set(small.BSSIDS) - set(scans[0].bssids)
    assert why.not_heard


def test_occlusion_is_the_drop_in_log_probability(any_bundle):
    row = small.survey()[7] + np.linspace(-4, 4, small.N_APS).astype(np.float32)
    scan = small.scan_of(row)
    with Localizer.open(any_bundle) as localizer:
        why = localizer.explain(scan, "occlusion")
        target = why.target
        assert target == localizer.posterior(scan).candidates(1)[0]
        assert list(why.scores) == list(scan.bssids)
        for bssid, score in why.scores.items():
            levels = {b: v for b, v in zip(scan.bssids, scan.rssi_dbm, strict=True) if b != bssid}
            without = localizer.posterior(Scan.from_dict(levels, 0)).probability[target.index]
            expected = np.log(target.probability) - np.log(max(without, 1e-12))
            assert score == pytest.approx(expected, abs=1e-5)


def test_top_is_sorted_and_target_can_be_given(localizer, scan):
    why = localizer.explain(scan, target=3)
    assert (why.target.index, why.target.floor) == (3, 0)
    assert (why.target.x_m, why.target.y_m) == (3.5, 0.5)
    top = why.top(4)
    assert [score for _, score in top] == sorted(why.scores.values(), reverse=True)[:4]
    assert why.top(0) == []
    assert len(why.top(99)) == small.N_APS
    assert why.to_dict()["target"]["index"] == 3


def test_methods_and_targets_that_cannot_be(neighbours_bundle, localizer, scan):
    with Localizer.open(neighbours_bundle) as knn:
        assert knn.explain(scan).method == "occlusion"
        with pytest.raises(BundleError, match="method='occlusion' works"):
            knn.explain(scan, method="cam")
    with pytest.raises(ValueError, match="method must be one of"):
        localizer.explain(scan, method="lime")
    for target in (-1, small.N_PLACES):
        with pytest.raises(ValueError, match="place index must lie in"):
            localizer.explain(scan, target=target)


def test_masked_aps_have_no_occlusion_score(localizer, scan):
    localizer.set_unknown({scan.bssids[0]})
    why = localizer.explain(scan, "occlusion")
    assert scan.bssids[0] not in why.scores
    assert scan.bssids[0] in why.not_heard
