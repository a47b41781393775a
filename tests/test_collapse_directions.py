"""Directions: closed answers of spheres, sums by hand, and errors."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from geometry.catalog import compute


def units(points: clouds.Cloud) -> clouds.Cloud:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_parallel_rows() -> None:
    assert compute("mean_cosine", np.outer(np.arange(1, 31), np.ones(4))).value == pytest.approx(1)


def test_mean_cosine_by_hand() -> None:
    points = clouds.power_law(200, 5) + 0.2
    cosines = units(points) @ units(points).T
    want = (cosines.sum() - 200) / (200 * 199)
    assert compute("mean_cosine", points).value == pytest.approx(want, rel=1e-12)
    with_zeros = np.vstack([points, np.zeros((7, 5))])
    made = compute("mean_cosine", with_zeros)
    assert made.value == pytest.approx(want, rel=1e-12)
    assert made.n == 200


def test_mean_cosine_of_a_simplex() -> None:
    """C class means about their centre: -1 / (C - 1)."""
    assert compute("mean_cosine", np.eye(10) - 0.1).value == pytest.approx(-1 / 9, rel=1e-12)


@pytest.mark.parametrize("d", [3, 16, 100])
def test_angle_dimension_of_a_sphere(d: int) -> None:
    made = compute("angle_dimension", clouds.shell(1500, d))
    assert made.value == pytest.approx(d, rel=0.02)
    assert made.profile["kurtosis"][0] == pytest.approx(3 * d / (d + 2), rel=0.05)
    assert made.profile["cosine_counts"].sum() == 1500 * 1499


def test_angle_dimension_by_hand() -> None:
    points = clouds.clusters(150, 5) + 3
    cosines = 1 - pdist(points - points.mean(0), "cosine")
    made = compute("angle_dimension", points)
    assert made.value == pytest.approx(1 / (cosines**2).mean(), rel=1e-5)
    assert made.profile["kurtosis"][0] == pytest.approx((cosines**4).mean() / (cosines**2).mean() ** 2, rel=1e-5)


def test_cone_by_hand() -> None:
    points = clouds.power_law(200, 5) + 1
    want = np.linalg.norm(points.mean(0)) / np.sqrt((points**2).sum(1).mean())
    assert compute("cone", points).value == pytest.approx(want, rel=1e-12)
    assert compute("cone", np.ones((20, 3))).value == 1
    assert compute("cone", clouds.gaussian(2000, 8) + 1e6).value == pytest.approx(1, abs=1e-6)


def test_right_angles_give_no_angle_dimension() -> None:
    """Two rows about their mean are opposite: one dimension."""
    assert compute("angle_dimension", clouds.gaussian(2, 9)).value == pytest.approx(1)


@pytest.mark.parametrize("name", ["mean_cosine", "angle_dimension", "cone"])
def test_error_is_that_of_repeated_draws(name: str) -> None:
    made = [compute(name, clouds.power_law(200, 8, seed) + 0.3) for seed in range(50)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.35)


def test_many_rows_are_sampled_and_said_to_be() -> None:
    few, many = (compute("angle_dimension", clouds.gaussian(n, 3)) for n in (4000, 4200))
    assert few.exact
    assert not many.exact
    assert many.value == pytest.approx(3, abs=4 * many.stderr)
