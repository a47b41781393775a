"""mind_ml: the density's own quantiles, the slope of the likelihood, the torus, no cap, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.dimension.mind_ml import likeliest
from geometry.errors import UsageError
from geometry.types import Neighbors


def quantile_table(dim: float, k: int, n: int = 2000) -> np.ndarray:
    """Distances of which rho = r_1 / r_{k+1} takes the quantiles of its density: rho^d is Beta(1, k)."""
    share = (np.arange(n) + 0.5) / n
    rho = (1 - (1 - share) ** (1 / k)) ** (1 / dim)
    return np.hstack([rho[:, None], np.ones((n, k))])


@pytest.mark.parametrize("dim", [0.7, 2.0, 5.5, 40.0, 900.0])
@pytest.mark.parametrize("k", [1, 10])
def test_quantiles_of_the_density(dim: float, k: int) -> None:
    """No cap: 900 dimensions are found from ten neighbours."""
    assert likeliest(quantile_table(dim, k)) == pytest.approx(dim, rel=2e-3)


def test_the_answer_maximises_the_likelihood() -> None:
    dist = np.sqrt(clouds.periodic_table(300, 4, k=11).sq_dist)
    rho, best = dist[:, 0] / dist[:, 10], likeliest(dist)

    def loglik(dim: float) -> float:
        return float(300 * np.log(10 * dim) + (dim - 1) * np.log(rho).sum() + 9 * np.log(1 - rho**dim).sum())

    assert loglik(best) > max(loglik(best * 0.999), loglik(best * 1.001))


def test_torus_has_no_bias_and_an_honest_error() -> None:
    made = [compute("mind_ml", clouds.periodic_table(1000, 5, seed, k=42)) for seed in range(12)]
    values = [one.value for one in made]
    assert np.mean(values) == pytest.approx(5, abs=0.1)
    assert 0.7 < np.mean([one.stderr for one in made]) / np.std(values, ddof=1) < 2


def test_k_is_the_order_of_the_farther_distance() -> None:
    table = clouds.periodic_table(500, 3, k=42)
    dist = np.sqrt(table.sq_dist)
    for k in (1, 4, 20):
        assert compute("mind_ml", table, k=k).value == pytest.approx(likeliest(dist[:, : k + 1]), rel=1e-12)
    assert compute("mind_ml", clouds.gaussian(8, 3)).k == 6


def test_one_neighbour_more_is_two_nn_without_its_correction() -> None:
    points = clouds.gaussian(300, 3)
    two_nn = compute("two_nn", points, fit="mle").value
    assert compute("mind_ml", points, k=1).value == pytest.approx(two_nn * 300 / 299, rel=1e-12)


def test_rows_with_a_copy_are_left_out() -> None:
    table = np.sqrt(clouds.periodic_table(300, 3, k=11).sq_dist)
    with_copies = np.vstack([table, np.hstack([np.zeros((50, 1)), table[:50, 1:]])])
    assert compute("mind_ml", Neighbors(with_copies)).value == pytest.approx(likeliest(table), rel=1e-12)


def test_too_few_neighbours_are_named() -> None:
    with pytest.raises(UsageError, match="mind_ml: k = 0"):
        compute("mind_ml", clouds.gaussian(50, 3), k=0)
