"""Null laws on the sphere: quadrature against closed moments, p values against chi2, the series against draws."""

from __future__ import annotations

from math import pi

import clouds
import numpy as np
import pytest
from scipy import stats

from geometry.collapse import sphere_laws as laws


@pytest.mark.parametrize("d", [2, 3, 10, 768])
def test_quadrature_gives_the_moments_of_a_cosine(d: int) -> None:
    nodes, weights = laws.quadrature(d)
    for power, want in ((0, 1), (1, 0), (2, 1 / d), (4, 3 / (d * (d + 2)))):
        assert weights @ nodes**power == pytest.approx(want, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("d", [2, 3, 10, 768])
@pytest.mark.parametrize("name", ["gine", "ajne"])
def test_kernels_have_mean_zero(name: str, d: int) -> None:
    nodes, weights = laws.quadrature(d)
    assert weights @ laws.kernel_of(name, d)(nodes) == pytest.approx(0, abs=2e-6)
    assert laws.kernel_of(name, d)(np.ones(1))[0] == laws.AT_ZERO[name]


def test_ajne_on_the_circle() -> None:
    """lambda_l = 1 / (pi l)^2 for odd l, twice each (Watson 1967): variance 1/24 sums them squared."""
    odd = np.arange(1, 2000, 2)
    assert laws.of_pairs("ajne", 10**9, 2).variance == pytest.approx(4 * ((pi * odd) ** -4.0).sum(), rel=1e-4)
    assert laws.third_moment("ajne", 2) == pytest.approx(2 * ((pi * odd) ** -6.0).sum(), rel=1e-4)


@pytest.mark.parametrize("freedom", [1.0, 5.0, 300.0])
def test_p_value_of_a_chi2_is_exact(freedom: float) -> None:
    for value in (0.5 * freedom, freedom, 1.5 * freedom):
        assert laws.p_value(value, laws.chi2(freedom)) == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-9)


@pytest.mark.parametrize("name", ["gine", "ajne"])
def test_third_cumulant_against_a_simulation(name: str) -> None:
    """E k(u, v) k(v, w) k(w, u) over uniform directions."""
    d = 3
    u, v, w = (clouds.shell(400_000, d, seed) for seed in (1, 2, 3))
    kernel = laws.kernel_of(name, d)
    product = kernel((u * v).sum(1)) * kernel((v * w).sum(1)) * kernel((w * u).sum(1))
    error = product.std() / np.sqrt(len(product))
    assert laws.third_moment(name, d) == pytest.approx(product.mean(), abs=4 * error)
    assert error < 0.1 * laws.third_moment(name, d)
