"""cka: against the definition with n x n matrices, unrelated rows at any n and d, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.compare.cka import hsic


def unbiased_hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, as written."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    total = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return float((np.trace(k @ m) + total - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3)))


def test_hsic_is_the_definition() -> None:
    x, y = clouds.gaussian(30, 5), clouds.gaussian(30, 3, 1)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    assert hsic(x, y) == pytest.approx(unbiased_hsic(x @ x.T, y @ y.T), rel=1e-10)


def test_a_rotated_scaled_moved_copy_is_1() -> None:
    x = clouds.power_law(100, 6)
    assert compute("cka", x, 7 * x @ clouds.rotation(6) + 3, paired=True).value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(20, 5), (40, 200), (300, 30)])
def test_unrelated_rows_have_mean_0_where_the_plain_cka_has_not(n: int, d: int) -> None:
    values = [
        float(compute("cka", clouds.gaussian(n, d, s), clouds.gaussian(n, d, 100 + s), paired=True)) for s in range(40)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(40) + 1e-3


def test_known_mixture_and_honest_error() -> None:
    """y = a x + sqrt(1 - a^2) noise, isotropic: a^2 for many rows."""
    a, found = 0.6, []
    for seed in range(30):
        x, noise = clouds.gaussian(400, 10, seed), clouds.gaussian(400, 10, 1000 + seed)
        found.append(compute("cka", a * x + np.sqrt(1 - a * a) * noise, x, paired=True))
    values = [float(one) for one in found]
    assert np.mean(values) == pytest.approx(a**2, abs=0.02)
    assert 0.6 < np.mean([one.stderr for one in found]) / np.std(values) < 1.6
    assert found[0].null == 0 and found[0].z > 20
