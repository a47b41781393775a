"""abide: the test of even density by brute force, scales that follow the density, its options."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.stats import chi2

from geometry.catalog import compute
from geometry.dimension.abide import _even_scale, _gap, _log
from geometry.dimension.gride import likelihood_root
from geometry.errors import UsageError
from geometry.pairs import neighbors
from geometry.types import Neighbors


def uneven(seed: int = 0) -> clouds.Cloud:
    """A square that grows denser by far toward one side."""
    points = np.random.default_rng(seed).uniform(size=(800, 2))
    return np.c_[points[:, 0] ** 4, points[:, 1]]


def test_scale_is_where_the_likelihood_ratio_first_exceeds_its_quantile() -> None:
    table = neighbors(uneven(), 60)
    dist, alpha, dim = table.exact_dist(60), 1e-2, 1.7
    found = _even_scale(_gap(_log(dist), table), dim, alpha)
    for row in range(0, 800, 37):
        accepted = 60
        for k in range(1, 61):
            one, other = dist[row, k - 1] ** dim, dist[table.index[row, k - 1], k - 1] ** dim
            ratio = -2 * k * (np.log(one) + np.log(other) - 2 * np.log(one + other) + np.log(4))
            if ratio > chi2.isf(alpha, 1):
                accepted = k - 1
                break
        assert found[row] == max(int(np.ceil(accepted / 2)) * 2, 2)


def test_value_is_the_root_at_each_rows_own_order() -> None:
    points = uneven()
    made = compute("abide", points)
    orders = (made.profile["k_star"] / 2).astype(int)
    dist = neighbors(points, 100).exact_dist(100)
    rows = np.arange(len(points))
    log_mu = np.log(dist[rows, 2 * orders - 1] / dist[rows, orders - 1])
    assert made.value == pytest.approx(likelihood_root(log_mu, orders), rel=1e-12)


def test_without_boundary_it_is_the_dimension_at_the_largest_scale() -> None:
    made = [compute("abide", clouds.periodic_table(800, 3, seed, k=100)) for seed in range(4)]
    assert np.mean([one.value for one in made]) == pytest.approx(3, abs=0.06)
    assert np.median(made[0].profile["k_star"]) == 100


def test_alpha_and_rounds_are_used() -> None:
    points = uneven()
    wide, narrow = compute("abide", points), compute("abide", points, alpha=0.05)
    assert np.mean(narrow.profile["k_star"]) < 0.7 * np.mean(wide.profile["k_star"])
    assert narrow.stderr > wide.stderr
    assert compute("abide", points, rounds=1).value != wide.value
    for options in ({"alpha": 0.0}, {"rounds": 0}):
        with pytest.raises(UsageError, match="abide"):
            compute("abide", points, **options)


def test_copies_and_bare_distances() -> None:
    points = clouds.copies(300, 3, share=0.2)
    made = compute("abide", points)
    assert made.status == "ok"
    assert np.isnan(made.profile["k_star"]).sum() in range(121)
    assert (
        compute("abide", Neighbors(np.random.default_rng(0).uniform(size=(50, 9)).cumsum(axis=1))).reason == "no-index"
    )
