"""partition_isotropy and self_cluster: sums by hand, closed answers, errors."""

from __future__ import annotations

from typing import Any

import clouds
import numpy as np
import pytest

from geometry.catalog import compute


@pytest.mark.parametrize(("n", "d"), [(100, 6), (6, 10)])
def test_partition_by_hand(n: int, d: int) -> None:
    points = clouds.power_law(n, d) + 0.4
    vectors = np.linalg.eigh(points.T @ points)[1]
    sums = np.exp(points @ np.hstack([vectors, -vectors])).sum(axis=0)
    made = compute("partition_isotropy", points)
    assert made.value == pytest.approx(sums.min() / sums.max(), rel=1e-9)
    assert made.exact


def test_partition_of_a_cross_and_of_long_rows() -> None:
    cross = np.vstack([np.eye(4), -np.eye(4)])
    assert compute("partition_isotropy", cross).value == pytest.approx(1)
    assert compute("partition_isotropy", np.tile([800.0, 0.0], (9, 1))).value == 0


def test_self_cluster_by_hand() -> None:
    points = clouds.clusters(150, 5) + 0.2
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    n, d = points.shape
    want = (d * np.linalg.norm(unit.T @ unit) ** 2 - n * (d + n - 1)) / ((d - 1) * (n - 1) * n)
    made = compute("self_cluster", np.vstack([points, np.zeros((4, 5))]))
    assert made.value == pytest.approx(want, rel=1e-9)
    assert made.n == n


def test_self_cluster_closed_answers() -> None:
    assert compute("self_cluster", np.outer(np.r_[1:20, -5:0], np.ones(3))).value == pytest.approx(1)
    assert compute("self_cluster", np.eye(8)).value == pytest.approx(-1 / 7)
    made = [compute("self_cluster", clouds.shell(200, 10, seed)) for seed in range(30)]
    assert np.mean([float(one) for one in made]) == pytest.approx(0, abs=2e-4)
    assert made[0].null == 0
    assert compute("self_cluster", np.ones((5, 1))).reason == "one-dimension"


@pytest.mark.parametrize("name", ["partition_isotropy", "self_cluster"])
def test_error_is_that_of_repeated_draws(name: str) -> None:
    centre = np.arange(6, 1, -1) / 10
    assert_honest([compute(name, clouds.power_law(300, 5, seed) + centre) for seed in range(60)], 0.35)


def test_classes_hit_unevenly_turn_the_directions_of_the_partition() -> None:
    centres, sd = 2 * np.random.default_rng(99).normal(size=(5, 6)), np.linspace(1, 0.3, 6)
    rngs = [np.random.default_rng(seed) for seed in range(80)]
    draws = [centres[rng.integers(0, 5, 400)] + sd * rng.normal(size=(400, 6)) for rng in rngs]
    assert_honest([compute("partition_isotropy", points) for points in draws], 0.2)


def assert_honest(made: list[Any], tolerance: float) -> None:
    """Errors are as large as the spread of the values."""
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=tolerance)
