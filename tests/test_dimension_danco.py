"""danco: its two divergences in closed form, the calibration against drawn balls, balls recovered, no cap."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.special import binom, digamma, iv

from geometry.catalog import compute
from geometry.dimension import danco
from geometry.dimension.danco import Shape, calibration, concentration, nearest_ball
from geometry.errors import UsageError


@pytest.mark.parametrize("k", [2, 10])
def test_the_divergence_of_distances_is_the_published_sum(k: int) -> None:
    """H_k q - log q - (k - 1) sum_i (-1)^i C(k, i) psi(1 + i/q), up to a constant."""
    q = np.array([0.3, 0.8, 1.0, 1.7, 4.0])
    i = np.arange(k + 1)
    psi = digamma(1 + i / q[:, None])
    published = (
        (1 / np.arange(1, k + 1)).sum() * q - np.log(q) - (k - 1) * ((-1.0) ** i * binom(k, i) * psi).sum(axis=1)
    )
    ours = danco._divergence(Shape(1.0, 1.0, 2.0), Shape(q, 1.0, 2.0), k)
    np.testing.assert_allclose(ours - ours[2], published - published[2], atol=1e-6)
    assert np.argmin(ours) == 2


def test_the_divergence_of_angles_is_that_of_von_mises_laws() -> None:
    def density(t: np.ndarray, nu: float, tau: float) -> np.ndarray:
        return np.exp(tau * np.cos(t - nu)) / (2 * np.pi * iv(0, tau))

    t = np.linspace(-np.pi, np.pi, 20001)[:-1]
    p = density(t, 1.2, 3.0)
    for nu, tau in ((1.2, 3.0), (1.5, 3.0), (1.0, 8.0)):
        wanted = (p * np.log(p / density(t, nu, tau))).mean() * 2 * np.pi
        same = danco._divergence(Shape(4.0, 1.2, 3.0), Shape(4.0, 1.2, 3.0), 10)
        ours = danco._divergence(Shape(4.0, 1.2, 3.0), Shape(4.0, nu, tau), 10) - same
        assert float(ours[0]) == pytest.approx(wanted, abs=1e-9)


def test_concentration_inverts_the_quotient_of_bessel_functions() -> None:
    tau = np.array([0.01, 0.5, 1.0, 3.0, 20.0, 400.0])
    np.testing.assert_allclose(concentration(iv(1, tau[:-1]) / iv(0, tau[:-1])), tau[:-1], rtol=1e-6)
    assert np.isfinite(concentration(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("dim", [1, 3, 10])
def test_the_calibration_is_that_of_whole_balls(dim: int) -> None:
    """Against three balls drawn whole, 600 rows each."""
    shapes = []
    for seed in range(3):
        scan = danco.Scan(clouds.ball(600, dim, seed), clouds_executor())
        dist = scan.neighbors(11).exact_dist(11)
        shapes.append(danco._shape(dist, danco.local_sums(scan, 10)))
    made = calibration(dim, 600, 10)
    assert made.dim == pytest.approx(np.mean([one.dim for one in shapes]), rel=0.08)
    assert made.nu == pytest.approx(np.mean([one.nu for one in shapes]), abs=0.06)
    if dim > 1:  # in one dimension few rows with all neighbours on one side own the mean of tau
        assert made.tau == pytest.approx(np.mean([one.tau for one in shapes]), rel=0.08)


def clouds_executor() -> object:
    from geometry.pairs import executor

    return executor()


@pytest.mark.parametrize("dim", [1, 2, 6, 20, 60])
def test_a_calibration_is_its_own_nearest_ball(dim: int) -> None:
    """Far past k = 10: the search is not capped."""
    assert nearest_ball(calibration(dim, 500, 10), 500, 10, dim) == pytest.approx(dim, rel=0.02, abs=0.05)


def test_between_rungs_the_calibration_is_smooth() -> None:
    """13 lies between the rungs 12 and 14."""
    assert 13 not in [rung for rung, _ in zip(danco.ladder(), range(30), strict=False)]
    assert nearest_ball(calibration(13, 500, 10), 500, 10, 13) == pytest.approx(13, rel=0.03)


@pytest.mark.parametrize("dim", [2, 5, 25])
def test_uniform_balls(dim: int) -> None:
    made = compute("danco", clouds.laid_in(clouds.ball(500, dim), 30, 0, 0.0))
    assert made.value == pytest.approx(dim, rel=0.08)
    assert abs(made.value - dim) < 5 * made.stderr


def test_k_is_the_number_of_neighbours() -> None:
    points = clouds.helix(500, 6, noise=0.02)
    assert compute("danco", points, k=4).value > compute("danco", points, k=30).value
    assert compute("danco", clouds.gaussian(8, 3)).k == 6


def test_a_run_repeats_itself() -> None:
    calibration.cache_clear()
    first = compute("danco", clouds.gaussian(120, 4))
    calibration.cache_clear()
    assert compute("danco", clouds.gaussian(120, 4)) == first


def test_too_few_neighbours_are_named() -> None:
    with pytest.raises(UsageError, match="danco: k = 1"):
        compute("danco", clouds.gaussian(50, 3), k=1)
