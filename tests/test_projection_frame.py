"""The pooled frame: what leaves it alone, what each generation weighs, and directions that are not there."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from geometry.pairs import Scan, executor
from geometry.projection import frame as module
from geometry.projection.frame import pooled_frame


def scans(*sets):
    engine = executor("cpu")
    return [Scan(points, engine) for points in sets]


def ellipsoid(seed, spreads, n=800):
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, size=(n, len(spreads))) * np.asarray(spreads)


def test_axes_are_orthonormal_and_ordered_by_variance():
    axes = pooled_frame(scans(ellipsoid(0, [1, 5, 2, 9, 0.5]))).axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    assert np.abs(axes).argmax(axis=0).tolist() == [3, 1, 2]


def test_each_axis_points_where_the_third_moment_is_positive():
    points = ellipsoid(0, [1, 5, 2, 9, 0.5])
    points[:, 1] *= -1
    axes = pooled_frame(scans(points)).axes
    assert (((points - points.mean(axis=0)) @ axes) ** 3).mean(axis=0).min() > 0
    assert axes[1, 1] < 0


def test_symmetric_law_takes_the_sign_of_the_largest_component():
    points = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
    np.testing.assert_allclose(pooled_frame(scans(points)).axes[:, :2], np.eye(2), atol=1e-12)


def test_generations_weigh_the_same_whatever_their_size_and_rows():
    loud, quiet = ellipsoid(1, [100, 1, 1, 90], n=3000), ellipsoid(2, [1e-3, 9e-3, 1e-3, 1e-3], n=200)
    found = np.abs(pooled_frame(scans(loud, quiet)).axes).argmax(axis=0)
    assert found[0] == 1 and set(found[1:]) == {0, 3}


def test_row_order_and_translation_leave_the_scores_alone():
    points = ellipsoid(3, np.linspace(1, 4, 12))
    order = np.random.default_rng(0).permutation(len(points))
    rows = np.arange(len(points))
    plain = pooled_frame(scans(points)).scores(points, 0, rows)
    mixed = pooled_frame(scans(points[order] + 50)).scores(points[order] + 50, 0, rows)
    np.testing.assert_allclose(mixed, plain[order], atol=1e-8 * np.abs(plain).max())


def test_rotation_leaves_the_scores_alone():
    points = ellipsoid(4, np.linspace(1, 4, 12))
    turned = points @ ortho_group.rvs(12, random_state=0)
    rows = np.arange(len(points))
    plain = pooled_frame(scans(points)).scores(points, 0, rows)
    np.testing.assert_allclose(pooled_frame(scans(turned)).scores(turned, 0, rows), plain, atol=1e-9)


@pytest.mark.parametrize(("points", "rank"), [(np.ones((5, 4)), 0), (np.outer(np.arange(9.0), np.ones(6)), 1)])
def test_directions_that_are_not_there_are_zero(points, rank):
    lengths = np.linalg.norm(pooled_frame(scans(points)).axes, axis=0)
    np.testing.assert_allclose(lengths, [1] * rank + [0] * (3 - rank), atol=1e-12)


def test_fewer_than_three_dimensions_are_padded():
    assert pooled_frame(scans(ellipsoid(5, [2.0, 1.0]))).axes.shape == (2, 3)


def test_gram_route_finds_the_same_axes(monkeypatch):
    sets = [ellipsoid(seed, np.linspace(1, 8, 20) ** 2, n=400) for seed in (6, 7)]
    formed = pooled_frame(scans(*sets)).axes
    monkeypatch.setattr(module, "MOST_COVARIANCE", 10)
    np.testing.assert_allclose(pooled_frame(scans(*sets)).axes, formed, atol=1e-8)
