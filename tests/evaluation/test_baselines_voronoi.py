"""The half planes of IncVoronoi against shapely."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.baselines import Layout, hard_voronoi, soft_voronoi
from evaluation.baselines.inc_voronoi import (
    LEAST_M2,
    bisectors,
    cut,
    intersection,
    middle,
    rectangle,
)

FAR = 1e4


def half_plane(line):
    """A huge polygon that covers a x + b y <= c around the origin."""
    a, b, c = line
    size = np.hypot(a, b)
    normal, along = np.array([a, b]) / size, np.array([-b, a]) / size
    foot = normal * c / size
    corners = [foot + FAR * along, foot - FAR * along]
    return shapely.Polygon([*corners, corners[1] - FAR * normal, corners[0] - FAR * normal])


def one_floor(xy):
    xy = np.asarray(xy, dtype=float)
    return Layout(tuple((f"ap{i}",) for i in range(len(xy))), xy,
                  np.zeros(len(xy), dtype=np.int32), {0: (0.0, 0.0, 20.0, 12.0)})  # fmt: skip


def random_pairs(seed, n=7):
    """The pairs of random levels, which contradict the geometry more often than not."""
    rng = np.random.default_rng(seed)
    xy, rank = rng.uniform(0, (20, 12), (n, 2)), rng.permutation(n)
    near, far = np.nonzero(rank[:, None] > rank[None])
    order = rng.permutation(len(near))
    return bisectors(xy, near[order], far[order])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_intersection_agrees_with_shapely(seed):
    lines = random_pairs(seed)
    area = shapely.Polygon(rectangle((0, 0, 20, 12)))
    for line in lines:
        smaller = area.intersection(half_plane(line))
        if smaller.area >= LEAST_M2:
            area = smaller
    ours = intersection(rectangle((0, 0, 20, 12)), lines)
    # Two corners may be one but for rounding, which shapely calls invalid.
    other = shapely.Polygon(ours).buffer(0)
    assert other.symmetric_difference(area).area < 1e-4
    np.testing.assert_allclose(middle(ours), area.centroid.coords[0], atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_one_cut_agrees_with_shapely(seed):
    rng = np.random.default_rng(seed)
    hull = shapely.MultiPoint(rng.uniform(0, 20, (8, 2))).convex_hull
    polygon = np.array(shapely.geometry.polygon.orient(hull).exterior.coords)[:-1]
    line = np.append(rng.normal(size=2), rng.normal() * 10)
    ours, expected = cut(polygon, line), hull.intersection(half_plane(line))
    area = shapely.Polygon(ours).area if len(ours) > 2 else 0.0
    assert area == pytest.approx(expected.area, abs=1e-6)


def test_the_order_of_all_access_points_gives_their_cell():
    """Without noise the region is where the order of distances is the true one."""
    rng = np.random.default_rng(5)
    layout = one_floor(rng.uniform(0, (20, 12), (6, 2)))
    users = rng.uniform(0, (20, 12), (40, 2))
    distance = np.linalg.norm(users[:, None] - layout.xy_m[None], axis=2)
    rssi = -40 - 30 * np.log10(distance + 1)
    found = hard_voronoi(layout, rssi, least_db=0.0)
    for place, row in zip(found.xy_m, distance, strict=True):
        again = np.linalg.norm(place - layout.xy_m, axis=1)
        assert np.argsort(again).tolist() == np.argsort(row).tolist()
    soft = soft_voronoi(layout, rssi, sigma_db=1.0, pitch_m=0.25)
    assert np.linalg.norm(soft.xy_m - users, axis=1).mean() < 2.5
    assert np.linalg.norm(found.xy_m - users, axis=1).mean() < 2.5


def test_two_access_points_halve_the_floor():
    layout = one_floor([[5, 6], [15, 6]])
    rssi = np.array([[-50, -60.0], [-60, -50], [-50, -51], [-50, np.nan]])
    expected = [[5, 6], [15, 6], [10, 6], [10, 6]]
    np.testing.assert_allclose(hard_voronoi(layout, rssi).xy_m, expected, atol=1e-9)
    soft = soft_voronoi(layout, rssi[[0, 1, 3]], pitch_m=0.5)
    np.testing.assert_allclose(soft.xy_m, np.array(expected)[[0, 1, 3]], atol=1e-6)


def test_a_pair_that_would_leave_nothing_is_passed_over():
    lines = np.array([[1.0, 0, 5], [-1, 0, -8], [0, 1, 4]])
    left = intersection(rectangle((0, 0, 20, 12)), lines)
    assert shapely.Polygon(left).equals(shapely.box(0, 0, 5, 4))
    assert cut(rectangle((0, 0, 1, 1)), np.array([1.0, 0, -1])).shape == (0, 2)


def test_a_polygon_without_area_has_a_middle():
    np.testing.assert_allclose(middle(np.array([[0.0, 0], [2, 0], [2, 0], [0, 0]])), [1, 0])
