"""gride: the beta quantile grid, the tie to two_nn, the profile, and its likelihood by brute force."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import beta

from geometry.catalog import compute
from geometry.dimension.gride import ORDERS, likelihood_root
from geometry.errors import UsageError
from geometry.types import Neighbors


def beta_grid(n1: int, dim: float = 3.0) -> Neighbors:
    """Ratios at the quantiles (i - .5) / 1000 of their law."""
    mu = beta.ppf((np.arange(1, 1001) - 0.5) / 1000, n1, n1) ** (-1 / dim)
    dist = np.ones((1000, 2 * n1))
    dist[:, -1] = mu
    return Neighbors(dist)


@pytest.mark.parametrize(("n1", "value"), [(1, 2.998038916), (2, 2.998985251), (8, 2.999756108)])
def test_beta_quantiles(n1: int, value: float) -> None:
    assert float(compute("gride", beta_grid(n1), n1=n1)) == pytest.approx(value, abs=1e-9)


def test_first_order_is_two_nn_mle() -> None:
    points = clouds.gaussian(300, 6)
    assert float(compute("gride", points, n1=1)) == pytest.approx(
        float(compute("two_nn", points, fit="mle")), rel=1e-14
    )


@pytest.mark.parametrize("n1", [2, 8])
def test_root_is_the_maximum_of_the_likelihood(n1: int) -> None:
    """With N in place of N - 1, the root's equation is the derivative of the log density summed over rows."""
    log_mu = np.log(beta_grid(n1).dist[:, -1])[::10]
    rows = len(log_mu)

    def loss(dim: float) -> float:
        above_one = np.log(np.expm1(dim * log_mu)).sum()
        return -((rows - 1) * np.log(dim) + (n1 - 1) * above_one - (2 * n1 - 1) * dim * log_mu.sum())

    best = minimize_scalar(loss, bounds=(0.5, 12), method="bounded", options={"xatol": 1e-9}).x
    assert likelihood_root(log_mu, n1) == pytest.approx(best, rel=1e-6)


def test_profile_has_the_orders_that_rows_allow() -> None:
    assert list(compute("gride", clouds.gaussian(200, 4))) == [f"n1={order}" for order in ORDERS]
    assert list(compute("gride", clouds.gaussian(12, 4))) == ["n1=1", "n1=2", "n1=4"]
    assert list(compute("gride", clouds.gaussian(1, 4))) == ["n1=1"]


def test_each_order_is_the_single_one() -> None:
    points = clouds.torus(300, 8)
    profile = compute("gride", points)
    for n1 in ORDERS:
        single = compute("gride", points, n1=n1)
        assert single == profile[f"n1={n1}"]
        assert single.k == 2 * n1


def test_error_is_that_of_repeated_draws() -> None:
    made = [compute("gride", clouds.periodic_table(1000, 5, seed, k=8), n1=4) for seed in range(12)]
    values = [float(estimate) for estimate in made]
    assert np.mean(values) == pytest.approx(5, abs=0.1)
    assert np.std(values, ddof=1) == pytest.approx(made[0].stderr, rel=0.6)


def test_no_order_below_one() -> None:
    with pytest.raises(UsageError, match="n1 = 0"):
        compute("gride", clouds.gaussian(50, 3), n1=0)


def test_ties_do_not_stop_it() -> None:
    """A lattice in the plane: most ratios are 1."""
    points = np.array(np.meshgrid(range(12), range(12))).reshape(2, -1).T.astype(float)
    assert all(estimate.status in ("ok", "undefined") for estimate in compute("gride", points).values())
    assert compute("gride", points, n1=8).value == pytest.approx(2, rel=0.2)
