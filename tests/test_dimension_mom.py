"""mom: moments by hand, without boundary, and copies."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.types import Neighbors


def test_formula_per_row_and_pooled() -> None:
    table = Neighbors(np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 2.0]]))
    made = compute("mom", table, k=3)
    np.testing.assert_allclose(made.per_point, [2 / (3 - 2), (4 / 3) / (2 - 4 / 3)])
    assert made.value == pytest.approx((2 / 3 + 2 / 3) / (1 / 3 + 1 / 3))


def test_without_boundary_it_is_the_dimension() -> None:
    values = [compute("mom", clouds.periodic_table(1000, 3, seed, k=60), k=60).value for seed in range(4)]
    assert np.mean(values) == pytest.approx(3 * 60 / 59, rel=0.015)


def test_k_and_copies() -> None:
    points = clouds.gaussian(300, 4)
    assert compute("mom", points, k=20).value != compute("mom", points, k=60).value
    assert compute("mom", points).k == 100
    copied = compute("mom", Neighbors(np.array([[0.0, 1.0, 3.0]])), k=3)
    assert copied.value == pytest.approx(2 / (3 - 2))
    assert compute("mom", np.eye(20)).reason == "no-distinct-distances"
