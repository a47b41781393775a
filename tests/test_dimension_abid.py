"""abid: orthogonal and opposite directions, balls, both ways of counting, copies, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError


def cross(dim: int) -> np.ndarray:
    """The origin, then the ends of `dim` axes on both sides."""
    return np.vstack([np.zeros((1, dim)), np.eye(dim), -np.eye(dim)])


@pytest.mark.parametrize("dim", [2, 5, 9])
def test_axes_count_themselves(dim: int) -> None:
    """2m directions, each with cos^2 = 1 for itself and its opposite: (2m)^2 / 4m = m; 2m (2m - 1) / 2m over pairs."""
    points, k = cross(dim), 2 * dim
    assert compute("abid", points, k=k).per_point[0] == pytest.approx(dim, rel=1e-12)
    assert compute("abid", points, k=k, over="pairs").per_point[0] == pytest.approx(2 * dim - 1, rel=1e-12)


def test_random_directions_about_the_centre_of_a_ball() -> None:
    """Over pairs the expectation of cos^2 is 1/m exactly; i = j among them pulls it down to km/(k + m - 1)."""
    points = np.vstack([np.zeros((1, 6)), clouds.ball(400, 6)])
    assert compute("abid", points, k=400, over="pairs").per_point[0] == pytest.approx(6, rel=0.02)
    assert compute("abid", points, k=400).per_point[0] == pytest.approx(400 * 6 / 405, rel=0.02)


@pytest.mark.parametrize(("maker", "dim"), [(clouds.segment, 1), (clouds.sphere, 2)])
def test_curves_and_surfaces(maker: clouds.Maker, dim: int) -> None:
    points = maker(1500, 6, 0, 0.0)
    assert compute("abid", points, k=30).value == pytest.approx(dim, rel=0.06)


def test_k_is_the_number_of_neighbours() -> None:
    points = clouds.gaussian(300, 30)
    assert compute("abid", points, k=10).value < 10
    assert compute("abid", points, k=10).k == 10 and compute("abid", clouds.gaussian(12, 3)).k == 11


def test_copies_have_no_direction() -> None:
    points = clouds.gaussian(200, 4)
    doubled = compute("abid", np.repeat(points, 2, axis=0), k=41, over="pairs")
    assert doubled.status == "ok"
    assert doubled.value == pytest.approx(compute("abid", points, k=20).value, rel=0.15)


def test_orthogonal_rows_have_no_answer_over_pairs() -> None:
    """From one end of an axis all others lie at 60 degrees; from the origin, in a half of the cross, at 90."""
    points = np.vstack([np.zeros((1, 8)), np.eye(8)])
    made = compute("abid", points, k=8, over="pairs")
    assert np.isnan(made.per_point[0]) and np.isfinite(made.per_point[1:]).all()


def test_error_is_that_of_repeated_sets() -> None:
    made = [compute("abid", clouds.gaussian(500, 4, seed), k=40) for seed in range(12)]
    spread = np.std([one.value for one in made], ddof=1)
    assert 0.8 < np.mean([one.stderr for one in made]) / spread < 3


@pytest.mark.parametrize("options", [{"over": "triples"}, {"k": 1}])
def test_unknown_options_are_named(options: dict) -> None:
    with pytest.raises(UsageError, match="abid"):
        compute("abid", clouds.gaussian(50, 3), **options)
