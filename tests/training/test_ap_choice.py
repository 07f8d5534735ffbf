"""Access points by what they tell about the place."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from training.ap_choice import STEP_DB, most_informative, place_information


def rows(rng, places=8, each=40):
    """Columns: noise, half the places, all places by level, never heard, heard or not."""
    place = np.repeat(np.arange(places), each)
    n = len(place)
    noise = -80 + 20 * rng.random(n)
    half = np.where(place % 2, -50.0, -80.0)
    level = -98.0 + 7.0 * place
    never = np.full(n, np.nan)
    silent = np.where(place < 4, np.nan, -70.0)
    return np.stack([noise, half, level, never, silent], axis=1).astype(np.float32), place


def test_against_scikit_learn_and_the_entropy_of_what_is_told():
    rssi, place = rows(np.random.default_rng(0))
    got = place_information(rssi, place)
    binned = np.where(np.isfinite(rssi), (rssi + 100) // STEP_DB + 1, 0)
    for column, bits in enumerate(got):
        plain = mutual_info_score(place, binned[:, column]) / np.log(2)
        cells = len(np.unique(place * 100 + binned[:, column]))
        extra = cells - len(np.unique(place)) - len(np.unique(binned[:, column])) + 1
        assert bits == pytest.approx(plain - extra / (2 * len(place) * np.log(2)), abs=1e-12)
    assert got[2] == pytest.approx(3.0, abs=0.02), "eight places, told apart"
    assert got[[1, 4]] == pytest.approx([1.0, 1.0], abs=0.02)
    assert got[3] == 0.0


@pytest.mark.parametrize(("each", "left"), [(5, 0.6), (20, 0.2)])
def test_the_bias_of_a_finite_sample_is_taken_off(each, left):
    """Noise over 40 places seems to tell half a bit with five rows each; that falls by half."""
    rng = np.random.default_rng(1)
    plain, got = [], []
    for _ in range(20):
        rssi, place = rows(rng, 40, each)
        got.append(place_information(rssi[:, :1], place)[0])
        binned = (rssi[:, 0] + 100) // STEP_DB
        plain.append(mutual_info_score(place, binned) / np.log(2))
    assert abs(np.mean(got)) < left * np.mean(plain)


def test_the_most_informative_in_their_own_order():
    rssi, place = rows(np.random.default_rng(0))
    assert most_informative(rssi, place, 1).tolist() == [2]
    assert most_informative(rssi, place, 3).tolist() == [1, 2, 4]
    assert most_informative(rssi, place, 9).tolist() == [0, 1, 2, 3, 4]
    named = place[::-1] * 7 + 3
    np.testing.assert_allclose(
        place_information(rssi, named), place_information(rssi, place[::-1]), atol=1e-12
    )


def test_refused():
    rssi, place = rows(np.random.default_rng(0))
    with pytest.raises(ValueError, match="320 rows and 319 places"):
        place_information(rssi, place[1:])
