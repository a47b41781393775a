"""ess: reference values, exact triangles, balls, scale free of offsets, copies, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.dimension.ess import dimension_of, skewness
from geometry.errors import UsageError

REFERENCE = {2: 0.636619772, 3: 0.785398163, 5: 0.883572934, 10: 0.946066064, 50: 0.989848504}


@pytest.mark.parametrize("dim", REFERENCE)
def test_reference_of_a_ball(dim: int) -> None:
    assert float(skewness(np.array(float(dim)))) == pytest.approx(REFERENCE[dim], abs=1e-9)
    assert dimension_of(np.array([REFERENCE[dim]]))[0] == pytest.approx(dim, rel=1e-6)


def test_the_inversion_is_right_between_and_far_beyond_whole_numbers() -> None:
    dim = np.array([1.001, 1.37, 4.6, 19.99, 20.01, 333.3, 1e5])
    np.testing.assert_allclose(dimension_of(skewness(dim)), dim, rtol=1e-8)
    assert dimension_of(np.array([0.0, 1.0]))[0] == pytest.approx(1)
    assert np.isfinite(dimension_of(np.array([1.0]))).all()


def test_neighbourhoods_on_a_right_angle() -> None:
    """A square and its centre, twice as far as the corners: the centre's four neighbours stand upright in pairs."""
    points = np.array([[0.0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]])
    made = compute("ess", points, k=4)
    assert made.per_point[0] == pytest.approx(dimension_of(np.array([4 / 6]))[0], rel=1e-9)


@pytest.mark.parametrize("dim", [2, 5, 10])
def test_uniform_balls(dim: int) -> None:
    made = compute("ess", clouds.ball(1500, dim), k=60)
    assert made.value == pytest.approx(dim, rel=0.06)
    assert made.value == pytest.approx(np.mean(made.per_point), rel=1e-12)


def test_a_line_has_one_dimension() -> None:
    assert compute("ess", clouds.low_rank(200, 6, rank=1)).value == pytest.approx(1, abs=1e-6)


def test_k_is_the_number_of_neighbours() -> None:
    points = clouds.swiss_roll(600, 5)
    near, far = compute("ess", points, k=15), compute("ess", points, k=150)
    assert near.k == 15 and far.k == 150
    assert far.value > near.value + 0.1
    assert compute("ess", clouds.gaussian(12, 3)).k == 11


def test_error_is_that_of_repeated_sets() -> None:
    made = [compute("ess", clouds.ball(500, 4, seed), k=40) for seed in range(12)]
    spread = np.std([one.value for one in made], ddof=1)
    assert 0.8 < np.mean([one.stderr for one in made]) / spread < 2.5


def test_rows_among_copies_have_no_value_of_their_own() -> None:
    points = np.vstack([np.zeros((25, 3)), clouds.gaussian(100, 3) + 5])
    made = compute("ess", points, k=20)
    assert np.isnan(made.per_point[:25]).all() and np.isfinite(made.per_point[25:]).all()


def test_parity_with_scikit_dimension_on_a_neighbourhood() -> None:
    """Ours inverts over real numbers, theirs along straight lines between whole ones: the skewness itself agrees."""
    skdim = pytest.importorskip("skdim")
    points = clouds.ball(30, 4)
    theirs = skdim.id.ESS().fit_once(points).essval_
    centred = points - points.mean(axis=0)
    made = compute("ess", np.vstack([points, points.mean(axis=0)]), k=30)
    assert len(centred) == made.k
    assert float(skewness(made.per_point[-1:])[0]) == pytest.approx(theirs, rel=1e-9)


def test_too_few_neighbours_are_named() -> None:
    with pytest.raises(UsageError, match="ess: k = 2"):
        compute("ess", clouds.gaussian(50, 3), k=2)
