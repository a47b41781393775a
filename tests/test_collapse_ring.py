"""ring: a noisy circle and the order around it, sets without a loop, axes and landmarks."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError


def circle(n: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    return clouds.laid_in(np.c_[np.cos(angle), np.sin(angle)], 20, seed, noise), angle


@pytest.mark.parametrize("n", [150, 600])
def test_order_around_a_circle(n: int) -> None:
    points, angle = circle(n, 0.03)
    made = compute("ring", points)
    assert made.value > 1.2
    assert made.per_point.shape == (n,)
    assert made.per_point.min() >= 0
    assert made.per_point.max() < 1
    assert np.all(np.diff(made.per_point[made.profile["order"]]) >= 0)
    assert sorted(made.profile["order"]) == list(range(n))
    turn = np.exp(2j * np.pi * made.per_point)
    assert max(abs(np.mean(turn * np.exp(sign * 1j * angle))) for sign in (1, -1)) > 0.95


def test_error_is_that_of_the_pieces() -> None:
    made = compute("ring", circle(1100, 0.05)[0])
    assert made.stderr > 0
    assert made.low > 4 * made.null
    assert compute("ring", circle(100, 0.05)[0]).stderr is None


def test_one_piece_is_told_from_chance_by_the_draws_of_its_null() -> None:
    assert compute("ring", circle(100, 0.05)[0]).z > 6
    assert abs(compute("ring", clouds.gaussian(100, 3)).z) < 3


@pytest.mark.parametrize("points", [clouds.gaussian(600, 3), clouds.gaussian(600, 40), clouds.segment(600, 10)])
def test_no_loop(points: np.ndarray) -> None:
    assert compute("ring", points).value < 0.35


def test_axes_of_the_view() -> None:
    """A figure of eight along two axes that a third takes apart: one loop from there, two small ones from two axes."""
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = np.c_[1.6 * np.sin(2 * turn), 1.9 * np.sin(turn), 1.5 * np.cos(turn)]
    assert compute("ring", points).value > 1.3
    assert compute("ring", points, axes=2).value < 1
    with pytest.raises(UsageError, match="ring"):
        compute("ring", points, axes=1)


def test_number_of_landmarks() -> None:
    points, _ = circle(200, 0.02)
    assert compute("ring", points, landmarks=40).value < compute("ring", points).value
