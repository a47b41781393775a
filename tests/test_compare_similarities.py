"""procrustes, svcca, gulp, mutual_knn, rtd: closed answers, other implementations, options, chance."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import procrustes as of_scipy

from geometry.catalog import compute
from geometry.compare.rtd import distances, divergence, tree_length
from geometry.errors import UsageError

X, NOISE = clouds.power_law(120, 6), clouds.gaussian(120, 6, 9)
COPY = 7 * X @ clouds.rotation(6) + 3
SAME = {"procrustes": 0.0, "svcca": 1.0, "gulp": 0.0, "mutual_knn": 1.0, "rtd": 0.0}


@pytest.mark.parametrize("name", SAME)
def test_a_rotated_scaled_moved_copy_is_the_same(name: str) -> None:
    assert compute(name, COPY, X, paired=True).value == pytest.approx(SAME[name], abs=1e-6)


@pytest.mark.parametrize("name", SAME)
def test_noise_moves_the_value_towards_chance(name: str) -> None:
    """Copies under growing noise, and unrelated rows, whose value is the null."""
    made = [compute(name, COPY + s * NOISE * COPY.std(), X, paired=True) for s in (0.01, 0.3, 3.0)]
    gaps = [abs(one.value - one.null) for one in made]
    assert gaps[0] > gaps[1] > gaps[2]
    assert abs(made[0].z) > 5
    unrelated = compute(name, clouds.gaussian(120, 6, 3), clouds.gaussian(120, 6, 4), paired=True)
    assert abs(unrelated.value - unrelated.null) < 0.25 * max(gaps[0], 0.05)


@pytest.mark.parametrize("name", SAME)
def test_the_error_is_that_of_new_pairs(name: str) -> None:
    found = []
    for seed in range(24):
        x = clouds.power_law(100, 6, seed)
        found.append(compute(name, x + 0.4 * clouds.gaussian(100, 6, 500 + seed), x, paired=True))
    ratio = np.mean([one.stderr for one in found]) / np.std([one.value for one in found])
    assert 0.5 < ratio < 2


def test_procrustes_is_scipys_disparity() -> None:
    y = X + 0.3 * NOISE
    assert compute("procrustes", y, X, paired=True).value == pytest.approx(of_scipy(X, y)[2], rel=1e-9)


def test_procrustes_of_different_dimensions_is_that_of_padded_ones() -> None:
    y = X[:, :4] + 0.1
    padded = np.hstack([y, np.zeros((120, 2))])
    assert compute("procrustes", X, y, paired=True).value == pytest.approx(of_scipy(X, padded)[2], rel=1e-9)


def test_svcca_is_the_mean_canonical_correlation() -> None:
    """Two shared directions of three: correlations 1, 1 and about 0."""
    x = clouds.gaussian(4000, 3)
    y = np.c_[x[:, :2], clouds.gaussian(4000, 1, 5)]
    made = compute("svcca", y @ clouds.rotation(3), x, paired=True)
    assert made.value == pytest.approx(2 / 3, abs=0.02)


def test_svcca_share_decides_which_directions_count() -> None:
    x = clouds.gaussian(500, 3)
    y = np.c_[x[:, 0], 0.01 * clouds.gaussian(500, 2, 5)]
    x = x * [1, 0.01, 0.01]
    assert compute("svcca", y, x, paired=True).value == pytest.approx(1, abs=1e-3)
    assert compute("svcca", y, x, paired=True, share=1.0).value < 0.5
    with pytest.raises(UsageError, match="share"):
        compute("svcca", y, x, paired=True, share=0.0)


def test_gulp_is_the_formula() -> None:
    y, ridge = np.tanh(X) + 0.2 * NOISE, 0.05
    a, b = ((z - z.mean(0)) / np.sqrt(((z - z.mean(0)) ** 2).sum()) for z in (X, y))
    s, t, c = a.T @ a, b.T @ b, a.T @ b
    p, q = (np.linalg.inv(m + ridge * np.eye(6)) for m in (s, t))
    want = np.trace(p @ s @ p @ s) + np.trace(q @ t @ q @ t) - 2 * np.trace(p @ c @ q @ c.T)
    assert compute("gulp", X, y, paired=True, ridge=ridge).value == pytest.approx(np.sqrt(want), rel=1e-9)
    with pytest.raises(UsageError, match="ridge"):
        compute("gulp", X, y, paired=True, ridge=0)


def test_mutual_knn_by_hand() -> None:
    """Two rows of a line change their nearest when one of them moves across."""
    x = np.array([0.0, 1, 2.1, 4.3, 8])[:, None]
    y = np.array([0.0, 1, 2.1, -4.3, 8])[:, None]
    made = compute("mutual_knn", y, x, paired=True, k=1)
    np.testing.assert_array_equal(made.per_point, [1, 1, 1, 0, 0])
    assert made.value == pytest.approx(0.6)
    assert made.null == 1 / 4
    with pytest.raises(UsageError, match="k of 1"):
        compute("mutual_knn", y, x, paired=True, k=0)


def test_tree_length_is_scipys() -> None:
    dist = distances(clouds.gaussian(50, 4))
    assert tree_length(dist) == pytest.approx(minimum_spanning_tree(dist).sum(), rel=1e-12)
    assert tree_length(np.zeros((4, 4))) == 0


def test_rtd_by_hand() -> None:
    """Two pairs against one pair and two singles: trees 1 + 1 + 9, 1 + 9 + 9, and overlaid 1 + 1 + 9."""
    a, b = (np.full((4, 4), 9.0) for _ in range(2))
    a[0, 1] = a[1, 0] = a[2, 3] = a[3, 2] = 1
    b[0, 1] = b[1, 0] = 1
    for one in (a, b):
        np.fill_diagonal(one, 0)
    assert divergence(a, b) == pytest.approx((11 + 19 - 2 * 11) / (2 * 3))


def test_rtd_sees_a_broken_cluster_and_takes_landmarks() -> None:
    whole = clouds.clusters(300, 5, count=3, spread=0.05)
    torn = whole + np.where((np.arange(300) % 6 == 0)[:, None], 2.0, 0.0)
    made = compute("rtd", torn, whole, paired=True)
    assert made.value > 3 * compute("rtd", whole + 0.001 * clouds.gaussian(300, 5), whole, paired=True).value
    part = compute("rtd", torn, whole, paired=True, landmarks=100)
    assert made.exact and not part.exact and part.value != made.value
    with pytest.raises(UsageError, match="landmarks"):
        compute("rtd", torn, whole, paired=True, landmarks=3)


@pytest.mark.parametrize("name", SAME)
def test_few_pairs_and_sets_without_spread(name: str) -> None:
    assert compute(name, X[:5], X[:5], paired=True).reason == "few-rows"
    assert compute(name, np.ones((50, 3)), clouds.gaussian(50, 3), paired=True).reason == "no-spread"
