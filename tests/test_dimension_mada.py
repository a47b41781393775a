"""mada: exact on power-law distances, its known bias without boundary, rows that have no value."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.types import Neighbors


@pytest.mark.parametrize("k", [20, 15])
@pytest.mark.parametrize("dim", [2, 5, 10])
def test_power_law_distances_are_exact(dim: int, k: int) -> None:
    made = compute("mada", Neighbors(np.tile((np.arange(1, k + 1) / k) ** (1 / dim), (10, 1))), k=k)
    assert made.value == pytest.approx(dim, rel=1e-12)
    np.testing.assert_allclose(made.per_point, dim)


def test_bias_without_boundary_is_the_harmonic_one() -> None:
    values = [compute("mada", clouds.periodic_table(1500, 4, seed)).value for seed in range(6)]
    want = 4 * np.log(2) / (1 / np.arange(10, 20)).sum()
    assert np.mean(values) == pytest.approx(want, rel=0.01)


def test_rows_with_equal_or_no_distances_are_left_out() -> None:
    table = Neighbors(np.array([[1.0, 2.0], [0.0, 2.0], [2.0, 2.0]]))
    made = compute("mada", table, k=2)
    assert made.value == pytest.approx(1)
    np.testing.assert_allclose(made.per_point, [1, np.nan, np.nan])
