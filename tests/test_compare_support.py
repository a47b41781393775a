"""authenticity, alpha_precision, beta_recall: by hand, nulls by geometry and simulation, collapse on core and rim."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.compare.quantile_balls import integrated
from geometry.errors import UsageError
from geometry.estimates import share_below

# Share of points of a homogeneous Poisson process that are not their nearest neighbour's nearest neighbour
NOT_MUTUAL = {1: 1 / 3, 2: 1 - 0.62150, 3: 1 - 0.59259}


def test_authenticity_by_hand() -> None:
    """Training 0 1 5: .2 copies 0, 3.5 and 9 keep the distance; 1.1 copies 1."""
    made = compute("authenticity", np.array([[0.2], [3.5], [9.0], [1.1]]), np.array([[0.0], [1], [5]]))
    np.testing.assert_array_equal(made.per_point, [False, False, True, False])
    assert made.value == 0.25


@pytest.mark.parametrize("d", NOT_MUTUAL)
def test_the_null_is_the_rate_of_mutual_neighbours(d: int) -> None:
    rng = np.random.default_rng(d)
    made = compute("authenticity", rng.uniform(size=(3000, d)), rng.uniform(size=(3000, d)))
    assert made.null == pytest.approx(NOT_MUTUAL[d], abs=0.035)
    assert abs(made.z) < 3.5


def test_memorised_rows_are_not_authentic() -> None:
    reference = clouds.gaussian(500, 6)
    made = compute("authenticity", reference[:200] + 1e-3 * clouds.gaussian(200, 6, 1), reference)
    assert made.value == 0 and made.z < -5
    assert made.low == 0 < made.high < 0.03


def test_the_error_of_authenticity_is_that_of_new_rows() -> None:
    reference = clouds.gaussian(300, 3)
    found = [compute("authenticity", clouds.gaussian(200, 3, 9 + s), reference) for s in range(40)]
    assert 0.6 < np.mean([one.stderr for one in found]) / np.std([one.value for one in found]) < 1.6


def test_levels_and_integral_by_hand() -> None:
    np.testing.assert_array_equal(share_below(np.array([0.5, 2, 9]), np.array([1.0, 2, 3, 4])), [0, 0.375, 1])
    assert integrated((np.arange(1000) + 0.5) / 1000) == pytest.approx(1, abs=3e-3)
    assert integrated(np.zeros(10)) == pytest.approx(0)
    assert integrated(np.full(10, 2.0)) == pytest.approx(0)
    assert integrated(np.full(10, 0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 300, 3), (60, 60, 120)])
def test_alpha_precision_of_one_law(n: int, m: int, d: int) -> None:
    found = [compute("alpha_precision", clouds.gaussian(n, d, s), clouds.gaussian(m, d, 300 + s)) for s in range(40)]
    values = [one.value for one in found]
    assert np.mean(values) == pytest.approx(found[0].null, abs=4 * np.std(values) / np.sqrt(40))
    assert 0.5 < np.mean([one.stderr for one in found]) / np.std(values) < 2


def test_core_rim_and_elsewhere() -> None:
    reference = clouds.gaussian(600, 4)
    core = compute("alpha_precision", 0.01 * clouds.gaussian(300, 4, 1), reference)
    assert core.value < 0.02
    np.testing.assert_array_equal(core.profile["precision"][20:], 1)
    assert compute("alpha_precision", clouds.gaussian(300, 4, 1) + 50, reference).value == 0
    half = compute("alpha_precision", 0.7 * clouds.gaussian(300, 4, 1), reference).value
    assert 0.2 < half < 0.8
    assert core.per_point.min() >= 0 and core.per_point.max() < 0.05


def test_recall_of_one_law_lost_modes_and_k() -> None:
    reference = clouds.gaussian(600, 4)
    made = compute("beta_recall", clouds.gaussian(600, 4, 1), reference)
    assert 0.75 < made.value <= 1
    assert compute("beta_recall", clouds.gaussian(600, 4, 1), reference, k=1).value < 0.7
    lost = clouds.clusters(600, 4, 1, count=4)
    assert compute("beta_recall", lost[clouds.cluster_labels(600, 4) == 0], lost).value < 0.45
    assert compute("beta_recall", 0.05 * reference, reference).value < 0.4
    assert compute("beta_recall", reference + 99, reference).value == 0
    with pytest.raises(UsageError, match="k of 1"):
        compute("beta_recall", reference, reference, k=0)


def test_the_errors_of_recall() -> None:
    found = [
        compute("beta_recall", 0.8 * clouds.gaussian(200, 3, s), clouds.gaussian(200, 3, 99 + s)) for s in range(24)
    ]
    assert 0.5 < np.mean([one.stderr for one in found]) / np.std([one.value for one in found]) < 2


@pytest.mark.parametrize("name", ["alpha_precision", "beta_recall"])
def test_seeds_reach_the_errors(name: str) -> None:
    x, y = clouds.gaussian(100, 3), clouds.gaussian(100, 3, 1)
    first, second = (compute(name, x, y, seed=seed).stderr for seed in (0, 1))
    assert first != second
