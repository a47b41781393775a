"""knn_graph: the mean over all subsamples by enumeration, known dimensions, its options."""

from __future__ import annotations

from itertools import combinations

import clouds
import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from geometry.catalog import compute
from geometry.dimension.knn_graph import _weights
from geometry.errors import UsageError


@pytest.mark.parametrize("k", [1, 2])
def test_expected_length_is_the_mean_over_all_subsamples(k: int) -> None:
    points, m = clouds.gaussian(8, 2), 5
    square = squareform(pdist(points))
    lengths = []
    for rows in combinations(range(8), m):
        inside = np.sort(square[np.ix_(rows, rows)], axis=1)[:, 1 : k + 1]
        lengths.append(inside.sum())
    others = np.sort(square, axis=1)[:, 1:]
    assert m * (others @ _weights(8, m, k, 7)).mean() == pytest.approx(np.mean(lengths), rel=1e-12)


def test_without_boundary_it_is_the_dimension() -> None:
    made = [compute("knn_graph", clouds.periodic_table(1500, 4, seed, k=64)) for seed in range(6)]
    values = [one.value for one in made]
    assert np.mean(values) == pytest.approx(4, abs=0.06)
    assert 0.7 < np.mean([one.stderr for one in made]) / np.std(values, ddof=1) < 4
    assert np.nanmedian(made[0].per_point) == pytest.approx(4, rel=0.15)


def test_slope_of_the_profile_is_the_value() -> None:
    made = compute("knn_graph", clouds.swiss_roll(600, 5, noise=0.0))
    slope = np.polyfit(made.profile["log_rows"], made.profile["log_length"], 1)[0]
    assert made.value == pytest.approx(1 / (1 - slope), rel=1e-9)
    assert made.value == pytest.approx(2, abs=0.15)


def test_options_are_used() -> None:
    points = clouds.gaussian(400, 4)
    values = {compute("knn_graph", points, **o).value for o in ({}, {"k": 1}, {"gamma": 2.0})}
    assert len(values) == 3
    assert compute("knn_graph", clouds.gaussian(12, 3)).k == 2
    assert compute("knn_graph", clouds.gaussian(7, 3)).reason == "few-rows"
    for options in ({"k": 0}, {"gamma": 0.0}):
        with pytest.raises(UsageError, match="knn_graph"):
            compute("knn_graph", points, **options)
