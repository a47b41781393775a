"""The standard manifolds: their sizes, seeds, and what defines some of them."""

from __future__ import annotations

import numpy as np
import pytest
from manifolds import MANIFOLDS

DIMENSIONS = [10, 3, 4, 4, 1, 2, 6, 2, 12, 20, 10, 17, 24, 70, 2, 20, 2, 1, 10, 18, 24, 3, 6, 9]
AMBIENT = [11, 5, 6, 8, 3, 3, 36, 3, 72, 20, 11, 18, 25, 71, 3, 20, 3, 13, 40, 72, 96, 12, 21, 30]


def test_they_are_the_benchmark() -> None:
    assert [one.dim for one in MANIFOLDS.values()] == DIMENSIONS
    assert [one.ambient for one in MANIFOLDS.values()] == AMBIENT


@pytest.mark.parametrize("name", MANIFOLDS)
def test_each_is_finite_sized_and_seeded(name: str) -> None:
    one = MANIFOLDS[name]
    points, dim = one.sample(50, 3)
    assert points.shape == (50, one.ambient)
    assert dim == one.dim
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == 50
    assert np.array_equal(points, one.sample(50, 3)[0])
    assert not np.array_equal(points, one.sample(50, 4)[0])


def test_what_defines_them() -> None:
    np.testing.assert_allclose(np.linalg.norm(MANIFOLDS["M1"].sample(50)[0], axis=1), 1)
    assert np.linalg.matrix_rank(MANIFOLDS["M2"].sample(50)[0] - [3, -1, 0, 0, 8]) == 3
    cube = MANIFOLDS["M10a"].sample(50)[0]
    assert ((cube == 0) | (cube == 1)).sum(axis=1).tolist() == [1] * 50
    x = MANIFOLDS["Mp1"].sample(50)[0]
    np.testing.assert_allclose(x[:, 3], (x[:, :3] ** 2).sum(axis=1))
    np.testing.assert_allclose(x[:, 4:8], np.sin(x[:, :4]))
    wound = MANIFOLDS["M6"].sample(50)[0]
    np.testing.assert_array_equal(wound[:, :12], wound[:, 12:24])
