"""hubness: counts by hand, closed answers of a star and a lattice, the binomial null, errors, copies."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.stats import skew

from geometry.catalog import compute
from geometry.collapse import hubness as module
from geometry.errors import UsageError
from geometry.types import Neighbors


def table(index: np.ndarray) -> Neighbors:
    index = np.asarray(index)
    return Neighbors(np.ones(index.shape), index.astype(np.int64))


def star(n: int) -> Neighbors:
    """Row 0 is everybody's neighbour, row 1 that of row 0."""
    return table(np.r_[1, np.zeros(n - 1, int)][:, None])


def test_star() -> None:
    made = compute("hubness", star(10), k=1)
    assert made["antihub_share"].value == pytest.approx(0.8)
    assert made["hub_occurrence"].value == pytest.approx(0.9)
    assert made["robin_hood"].value == pytest.approx(0.8)
    assert made["gini"].value == pytest.approx((8 + 8 * 9 + 8 * 1) / 100)  # differences of 9, 1 and eight times 0
    np.testing.assert_array_equal(made["skewness"].per_point, [9, 1, *[0] * 8])


def test_equal_counts() -> None:
    made = compute("hubness", table((np.arange(12)[:, None] + [1, 2]) % 12), k=2)
    assert made["skewness"].reason == "equal-counts"
    for key in ("robin_hood", "gini", "antihub_share", "hub_occurrence"):
        assert made[key].value == pytest.approx(0, abs=1e-12)


def test_measures_by_hand() -> None:
    points = clouds.gaussian(400, 20)
    made = compute("hubness", points, k=5)
    sq_dist = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    counts = np.bincount(np.argsort(sq_dist, axis=1)[:, 1:6].ravel(), minlength=400)
    np.testing.assert_array_equal(made["skewness"].per_point, counts)
    assert made["skewness"].value == pytest.approx(skew(counts))
    assert made["robin_hood"].value == pytest.approx(np.abs(counts - 5).sum() / (2 * 400 * 5))
    assert made["gini"].value == pytest.approx(np.abs(counts[:, None] - counts).sum() / (2 * 400**2 * 5))
    assert made["antihub_share"].value == pytest.approx((counts == 0).mean())
    assert made["hub_occurrence"].value == pytest.approx(counts[counts >= 10].sum() / 2000)
    assert made["gini"].k == 5


def test_null_is_that_of_random_neighbours() -> None:
    rng = np.random.default_rng(0)
    index = np.array([rng.choice(np.delete(np.arange(2000), i), 10, replace=False) for i in range(2000)])
    for key, made in compute("hubness", table(index)).items():
        assert made.value == pytest.approx(made.null, rel=0.1, abs=0.06), key


def test_high_dimensions_have_hubs() -> None:
    low, high = (compute("hubness", clouds.gaussian(1000, d)) for d in (2, 100))
    for key in low:
        assert high[key].value > low[key].value + 3 * (low[key].stderr + high[key].stderr), key


def test_error_is_that_of_repeated_draws() -> None:
    made = [compute("hubness", clouds.gaussian(400, 8, seed)) for seed in range(30)]
    for key in module.MEASURES:
        spread = np.std([one[key].value for one in made], ddof=1)
        assert 0.6 < np.mean([one[key].stderr for one in made]) / spread < 2.5, key


def test_a_narrow_table_has_no_error_and_distances_alone_no_value() -> None:
    assert compute("hubness", star(200), k=1)["gini"].stderr is None
    made = compute("hubness", Neighbors(np.ones((5, 2))), k=1)
    assert made["gini"].reason == "no-row-numbers"


def test_k_falls_to_the_rows_there_are() -> None:
    assert compute("hubness", clouds.gaussian(6, 3))["gini"].k == 5
    with pytest.raises(UsageError, match="hubness"):
        compute("hubness", clouds.gaussian(6, 3), k=0)
