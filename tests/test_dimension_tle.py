"""tle: a neighbourhood by hand, balls, the relative threshold, parity, copies, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import UsageError


def test_three_neighbours_on_a_line() -> None:
    """Row 0 with neighbours at 1, 2, 4 on one side, r = 4. By the quotients of the definition, with v = |x_i - x_j|,
    z = x_i + x_j: s = r v / (r + x_i) for x_i < x_j and r v / (r - x_i) for x_j < x_i (on a line), t likewise."""
    x = np.array([1.0, 2.0, 4.0])
    total = 2 * np.log(x / 4).sum()
    for i in range(3):
        for j in range(3):
            if i != j:
                total += np.log(reached(x[i], x[j], abs(x[i] - x[j]), 4) / 4)
                total += np.log(reached(x[i], x[j], x[i] + x[j], 4) / 4)
    made = compute("tle", np.array([[0.0], [1.0], [2.0], [4.0]]), k=3)
    assert made.per_point[0] == pytest.approx(-18 / total, rel=1e-9)


def reached(u_i: float, u_j: float, v: float, r: float) -> float:
    """The published quotient, in units of the input; its limit where u_i = r."""
    lead = u_i**2 + v**2 - u_j**2
    if u_i == r:
        return r * v**2 / lead
    return r * (np.sqrt(lead**2 + 4 * v**2 * (r**2 - u_i**2)) - lead) / (2 * (r**2 - u_i**2))


@pytest.mark.parametrize(("dim", "tolerance"), [(2, 0.08), (5, 0.08)])
def test_uniform_balls(dim: int, tolerance: float) -> None:
    made = compute("tle", clouds.ball(1500, dim))
    assert made.value == pytest.approx(dim, rel=tolerance)
    assert made.value == pytest.approx(np.mean(made.per_point), rel=1e-12)


def test_the_threshold_is_relative() -> None:
    points = clouds.ball(200, 3)
    assert compute("tle", 1e-7 * points).value == pytest.approx(compute("tle", points).value, rel=1e-9)


def test_k_is_the_number_of_neighbours() -> None:
    points = clouds.segment(400, 3, noise=0.02)
    assert compute("tle", points, k=8).value > compute("tle", points, k=150).value + 0.3
    assert compute("tle", points, k=8).k == 8 and compute("tle", clouds.gaussian(12, 3)).k == 11


def test_ten_neighbours_tell_more_of_a_row_than_with_mle() -> None:
    """What it is for: the rows of one law differ less."""
    points = clouds.ball(600, 3)
    made = {name: compute(name, points, k=10).per_point for name in ("tle", "mle")}
    spread = {name: np.std(one) / np.mean(one) for name, one in made.items()}
    assert spread["tle"] < 0.85 * spread["mle"]


def test_combinations_follow_their_formulas() -> None:
    """A harmonic mean lies below; where nothing is dropped, its weights are those of 1 / per_point."""
    points = clouds.ball(300, 8)
    arithmetic, harmonic = compute("tle", points), compute("tle", points, combine="harmonic")
    assert harmonic.value == pytest.approx(1 / np.mean(1 / arithmetic.per_point), rel=1e-9)
    assert harmonic.value < arithmetic.value


def test_doubled_rows_have_an_answer() -> None:
    points = clouds.ball(400, 3)
    doubled = compute("tle", np.repeat(points, 2, axis=0), k=41)
    assert doubled.value == pytest.approx(compute("tle", points, k=20).value, rel=0.15)


def test_rows_among_copies_have_no_value_of_their_own() -> None:
    points = np.vstack([np.zeros((25, 3)), clouds.gaussian(100, 3) + 5])
    made = compute("tle", points)
    assert np.isnan(made.per_point[:25]).all() and np.isfinite(made.per_point[25:]).all()


def test_error_covers_the_spread_of_repeated_sets() -> None:
    made = [compute("tle", clouds.ball(400, 4, seed)) for seed in range(12)]
    spread = np.std([one.value for one in made], ddof=1)
    assert 0.8 < np.mean([one.stderr for one in made]) / spread < 3


def test_parity_with_scikit_dimension() -> None:
    skdim = pytest.importorskip("skdim")
    points = clouds.ball(200, 4)
    with np.errstate(all="ignore"):  # 0 / 0 on its diagonal
        theirs = skdim.id.TLE().fit(points, n_neighbors=20).dimension_pw_
    np.testing.assert_allclose(compute("tle", points).per_point, theirs, rtol=1e-6)


@pytest.mark.parametrize("options", [{"combine": "median"}, {"k": 2}])
def test_unknown_options_are_named(options: dict) -> None:
    with pytest.raises(UsageError, match="tle"):
        compute("tle", clouds.gaussian(50, 3), **options)
