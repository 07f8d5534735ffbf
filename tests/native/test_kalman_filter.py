"""KalmanFilter against filterpy, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter as Peer
from hypothesis import given
from hypothesis import strategies as st

from sdk.native import KalmanFilter


def peer_of(state, covariance) -> Peer:
    peer = Peer(dim_x=4, dim_z=4)
    peer.x, peer.P = np.array(state, float), np.array(covariance, float)
    return peer


def step(peer: Peer, dt: float, accel_sigma: float, z, variance) -> None:
    F, Q = np.eye(4), np.zeros((4, 4))
    for axis in (0, 1):
        F[axis, axis + 2] = dt
        Q[axis::2, axis::2] = accel_sigma**2 * np.array(
            [[dt**4 / 4, dt**3 / 2], [dt**3 / 2, dt**2]]
        )
    peer.predict(F=F, Q=Q)
    peer.update(np.array(z), R=np.diag(variance), H=np.eye(4)[: len(z)])


@pytest.mark.parametrize("measured", [2, 4])
@pytest.mark.parametrize("accel_sigma", [0.0, 0.1, 2.0])
def test_agrees_with_filterpy(accel_sigma, measured):
    rng = np.random.default_rng(measured)
    root = rng.normal(size=(4, 4))
    state, covariance = rng.normal(size=4), root @ root.T + np.eye(4)
    ours, peer = KalmanFilter(state, covariance, accel_sigma), peer_of(state, covariance)
    for _ in range(200):
        dt = rng.uniform(0, 3)
        z, variance = rng.normal(size=measured) * 10, rng.uniform(0.01, 50, measured)
        ours.predict(dt)
        ours.update(z, variance)
        step(peer, dt, accel_sigma, z, variance)
        np.testing.assert_allclose(ours.state, peer.x, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours.covariance, peer.P, rtol=1e-9, atol=1e-9)


numbers = st.floats(-1e6, 1e6)
variances = st.floats(1e-6, 1e6)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e3), st.sampled_from([2, 4]), st.lists(numbers, min_size=4, max_size=4),
            st.lists(variances, min_size=4, max_size=4),
        ),
        max_size=12,
    ),
    st.floats(0, 10),
)  # fmt: skip
def test_the_covariance_stays_symmetric_and_positive_definite(steps, accel_sigma):
    ours = KalmanFilter([0.0] * 4, 100 * np.eye(4), accel_sigma)
    for dt, measured, z, variance in steps:
        ours.predict(dt)
        ours.update(z[:measured], variance[:measured])
        P = ours.covariance
        assert np.isfinite(ours.state).all()
        np.testing.assert_array_equal(P, P.T)
        scale = np.sqrt(np.diag(P))
        assert np.linalg.eigvalsh(P / np.outer(scale, scale)).min() > -1e-12


def test_numbers_of_any_kind_give_the_same_step():
    results = []
    for kind in (
        tuple,
        list,
        np.array,
        lambda v: np.array(v, np.float32),
        lambda v: np.array([*v, 9])[:2],
    ):
        ours = KalmanFilter((0, 0, 1, 2), np.eye(4).tolist(), 0)
        ours.predict(np.float32(0.5))
        ours.update(kind([1.0, 2.0]), kind([0.5, 0.25]))
        results.append(ours.state)
    assert all((result == results[0]).all() for result in results)


def test_the_state_is_a_copy():
    ours = KalmanFilter([1, 2, 3, 4], np.eye(4), 0.1)
    ours.state[:] = 0
    ours.covariance[:] = 0
    assert ours.state.tolist() == [1, 2, 3, 4]
    assert ours.covariance.tolist() == np.eye(4).tolist()
    assert ours.accel_sigma == 0.1
    assert repr(ours) == "KalmanFilter(state=[1.0, 2.0, 3.0, 4.0], accel_sigma=0.1)"


ASYMMETRIC = np.eye(4) + np.triu(np.full((4, 4), 0.1), 1)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda f: f.predict(-0.5), "dt_s is -0.5: expected a finite number of 0 or more"),
        (lambda f: f.predict(float("nan")), "dt_s is nan: expected a finite number of 0 or more"),
        (lambda f: f.predict(1e200), "dt_s is 1e+200: expected a value with which the result"),
        (lambda f: f.update((0.0, np.inf), (1.0, 1.0)), "z[1] is inf: expected a finite number"),
        (lambda f: f.update((0.0, 0.0), (1.0, 0.0)), "variance[1] is 0.0: expected a finite numbe"),
        (lambda f: f.update((0.0, 0.0), (-1, 1.0)), "variance[0] is -1.0: expected a finite numb"),
        (lambda f: f.update([0.0] * 4, [1, 1, np.nan, 1]), "variance[2] is nan: expected a finite"),
        (lambda f: f.update((0.0,) * 3, (1.0,) * 3), "z has shape (3,): expected (2,): x, y, or"),
        (lambda f: f.update((0.0,) * 5, (1.0,) * 5), "z has shape (5,): expected (2,) or (4,)"),
        (lambda f: f.update(np.zeros((2, 2)), (1.0,) * 4), "z has shape (2, 2): expected (2,) or"),
        (lambda f: f.update((0.0,) * 4, (1.0,) * 2), "variance has shape (2,): expected (4,), as"),
        (lambda _: KalmanFilter([0] * 3, np.eye(4), 0), "state has shape (3,): expected (4,)"),
        (lambda _: KalmanFilter([0] * 4, np.eye(3), 0), "covariance has shape (3, 3): expected (4"),
        (lambda _: KalmanFilter([0, 0, 0, np.nan], np.eye(4), 0), "state[3] is nan: expected a fi"),
        (lambda _: KalmanFilter([0] * 4, ASYMMETRIC, 0), "covariance[0, 1] is 0.1: expected a sym"),
        (lambda _: KalmanFilter([0] * 4, np.ones((4, 4)), 0), "covariance is [[1.0, 1.0, 1.0, 1."),
        (lambda _: KalmanFilter([0] * 4, -np.eye(4), 0), "covariance is [[-1.0, -0.0, -0.0, -0.0]"),
        (lambda _: KalmanFilter([0] * 4, np.eye(4), -1), "accel_sigma is -1: expected a finite"),
    ],
)
def test_wrong_values_are_shown_and_change_nothing(call, text):
    ours = KalmanFilter([1, 2, 3, 4], np.eye(4), 0.1)
    with pytest.raises(ValueError, match="expected") as error:
        call(ours)
    assert str(error.value).startswith(text)
    assert ours.state.tolist() == [1, 2, 3, 4]
    assert ours.covariance.tolist() == np.eye(4).tolist()


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f.predict("1"),
        lambda f: f.predict(None),
        lambda f: f.predict(True),
        lambda f: f.update(("a", "b"), (1.0, 1.0)),
        lambda f: f.update((1j, 0.0), (1.0, 1.0)),
        lambda f: f.update((1.0, 0.0), None),
    ],
)
def test_wrong_types_are_refused(call):
    with pytest.raises(TypeError, match="expected real numbers"):
        call(KalmanFilter([1, 2, 3, 4], np.eye(4), 0.1))
