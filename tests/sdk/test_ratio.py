"""The ratio image of a recipe, beside plain numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.images import InputRecipe

NAN = np.nan


def recipe(**changes):
    plain = {
        "image": "ratio", "not_heard_dbm": -100, "unknown_dbm": -100, "mean_dbm": 0, "std_db": 1,
    }  # fmt: skip
    return InputRecipe(**(plain | changes))


def test_by_hand():
    """-10 dBm is cut to -20, -130 and not heard count -100."""
    made = recipe().images(np.float32([[-10, -50, NAN, -130]]))
    wanted = [
        [0.0, -0.6, -0.8, -0.8],
        [1.5, 0.0, -0.5, -0.5],
        [4.0, 1.0, 0.0, 0.0],
        [4.0, 1.0, 0.0, 0.0],
    ]
    np.testing.assert_allclose(made, [[wanted]], atol=1e-6)
    assert made.dtype == np.float32
    assert recipe().shape(4) == (1, 1, 4, 4)


levels = st.lists(
    st.lists(st.floats(-149, -1, width=32) | st.just(NAN), min_size=5, max_size=5),
    min_size=1, max_size=4,
)  # fmt: skip


@given(levels, st.booleans(), st.lists(st.booleans(), min_size=5, max_size=5))
def test_beside_numpy(rows, level, masked):
    rssi, unknown = np.float32(rows), np.array(masked)
    made = recipe(level=level).images(rssi, unknown)
    f = np.clip(np.nan_to_num(rssi, nan=-100.0), -100.0, -20.0).astype(np.float64)
    wanted = f[:, :, None] / f[:, None, :] - 1.0
    wanted[:, unknown[:, None] | unknown[None]] = 0.0
    np.testing.assert_allclose(made[:, 0], wanted, atol=1e-5)
    assert made.shape[1:] == recipe(level=level).shape(5)[1:]
    if level:
        known = f[:, ~unknown]
        mean = known.mean(axis=1) / 100.0 if known.shape[1] else np.zeros(len(f))
        np.testing.assert_allclose(made[:, 1], np.tile(mean[:, None, None], (5, 5)), atol=1e-6)


def test_a_common_factor_cancels_but_for_the_level():
    rssi = np.float32([[-30, -45, -60, -80]])
    plain, with_level = recipe(), recipe(level=True)
    np.testing.assert_allclose(plain.images(rssi), plain.images(rssi * 1.2), atol=1e-6)
    apart = with_level.images(rssi * 1.2)[0, 1] - with_level.images(rssi)[0, 1]
    np.testing.assert_allclose(apart, -0.2 * 53.75 / 100, atol=1e-6)


def test_recipes_round_trip():
    for made in (recipe(), recipe(level=True), recipe(not_heard_dbm=-95.5)):
        assert InputRecipe.from_json(made.to_json()) == made
    assert "level" not in recipe().to_json()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean_dbm": -60}, "mean_dbm 0 and std_db 1"),
        ({"std_db": 2}, "mean_dbm 0 and std_db 1"),
        ({"std_db": [1, 1]}, "mean_dbm 0 and std_db 1"),
        ({"not_heard_dbm": -20}, "not_heard_dbm must be < -20 for ratio, got -20"),
        ({"value_form": "powed", "exponent": 2.0}, "not of powed values"),
        ({"level": 1}, "level must be true or false, got 1"),
        ({"image": "vector", "level": True}, "level is set, but the image is a vector"),
        ({"side": 3}, "side is 3, but the image is a ratio"),
    ],
)
def test_what_a_recipe_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        recipe(**change)
