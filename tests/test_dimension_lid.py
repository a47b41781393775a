"""lid: the closed answer of power-law distances, its tie to mle, and copies."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.types import Neighbors


@pytest.mark.parametrize(("dim", "mle"), [(2, 2.161666607), (5, 5.404166518), (10, 10.808333036)])
def test_power_law_distances(dim: int, mle: float) -> None:
    table = Neighbors(np.tile((np.arange(1, 21) / 20) ** (1 / dim), (10, 1)))
    made = compute("lid", table, k=20)
    assert made.value == pytest.approx(20 / 19 * mle, abs=1e-8)
    np.testing.assert_allclose(made.per_point, 20 / 19 * mle, atol=1e-8)


def test_k_is_the_number_of_neighbours_used() -> None:
    points = clouds.gaussian(300, 4)
    for k in (20, 50):
        assert compute("lid", points, k=k).value == pytest.approx(
            k / (k - 1) * compute("mle", points, k=k).value, rel=1e-9
        )
    assert compute("lid", points).k == 100


def test_copies_drop_out() -> None:
    table = Neighbors(np.array([[0.0, 1.0, 2.0, 4.0], [1.0, 2.0, 2.0, 4.0]]))
    made = compute("lid", table, k=4)
    want = [3 / np.log(8), 4 / np.log(16)]
    np.testing.assert_allclose(made.per_point, want)
    assert made.value == pytest.approx(7 / np.log(128))


def test_equal_distances_have_no_dimension() -> None:
    assert compute("lid", np.eye(20)).reason == "no-distinct-distances"
