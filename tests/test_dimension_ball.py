"""ball: shares of balls by counting and in one dimension, mean logarithms and drawn neighbours against drawn balls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from geometry.dimension.ball import draw_neighbourhoods, lens, mean_log_radii


def uniform_ball(n: int, dim: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, dim))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * rng.uniform(size=(n, 1)) ** (1 / dim)


@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize(("rho", "radius"), [(0.0, 0.7), (0.6, 0.2), (0.6, 0.9), (0.95, 0.4), (1.0, 1.5)])
def test_share_of_the_ball_within_a_radius(dim: int, rho: float, radius: float) -> None:
    centre = np.zeros(dim)
    centre[0] = rho
    counted = (np.linalg.norm(uniform_ball(200_000, dim, 1) - centre, axis=1) <= radius).mean()
    assert float(lens(dim, np.array(rho), np.array(radius))) == pytest.approx(counted, abs=0.004)


def test_one_dimension_is_an_interval() -> None:
    rho, radius = np.array([0.0, 0.5, 0.9]), np.array([0.3, 1.0, 0.05])
    want = (np.minimum(rho + radius, 1) - np.maximum(rho - radius, -1)) / 2
    np.testing.assert_allclose(lens(1, rho, radius), want, rtol=1e-6)


@pytest.mark.parametrize(("dim", "n"), [(1, 200), (3, 500), (12, 500)])
def test_mean_log_radii_are_those_of_drawn_balls(dim: int, n: int) -> None:
    drawn = [
        np.log(cKDTree(points := uniform_ball(n, dim, s)).query(points, 11)[0][:, 1:]).mean(axis=0) for s in range(24)
    ]
    wanted, error = np.mean(drawn, axis=0), np.std(drawn, axis=0, ddof=1) / np.sqrt(24)
    assert np.all(np.abs(np.array(mean_log_radii(float(dim), n, 10)) - wanted) < 4 * error + 1e-3)


@pytest.mark.parametrize("dim", [1, 2, 9])
def test_drawn_neighbours_have_the_radii_and_angles_of_a_ball(dim: int) -> None:
    n, k = 400, 8
    vectors = draw_neighbourhoods(dim, n, k, 4000, 0)
    assert vectors.shape == (4000, k, dim)
    radius = np.linalg.norm(vectors, axis=2)
    assert np.all(np.diff(radius, axis=1) >= 0)
    np.testing.assert_allclose(np.log(radius).mean(axis=0), mean_log_radii(float(dim), n, k), atol=0.05)
    points = np.concatenate([uniform_ball(n, dim, s) + 10 * s for s in range(8)])
    index = cKDTree(points).query(points, k + 1)[1][:, 1:]
    real = mean_cosine(points[index] - points[:, None])
    assert mean_cosine(vectors) == pytest.approx(real, abs=0.02)


def mean_cosine(vectors: np.ndarray) -> float:
    """Of the first neighbour's direction with the sum of all: how far inward a row's neighbours lie."""
    unit = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    return float(np.einsum("rid,rjd->r", unit, unit).mean() / vectors.shape[1] ** 2)


def test_drawing_is_seeded() -> None:
    assert np.array_equal(draw_neighbourhoods(3, 100, 5, 10, 1), draw_neighbourhoods(3, 100, 5, 10, 1))
    assert not np.array_equal(draw_neighbourhoods(3, 100, 5, 10, 1), draw_neighbourhoods(3, 100, 5, 10, 2))
