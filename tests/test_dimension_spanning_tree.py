"""spanning_tree: the same length as a tree from all pairs, however narrow the table."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from geometry.dimension.spanning_tree import spanning_edges
from geometry.pairs import neighbors
from geometry.pairs.torch_engine import TorchExecutor


def edges_of(points: clouds.Cloud, k: int) -> clouds.Cloud:
    return spanning_edges(neighbors(points, k), points, TorchExecutor())


@pytest.mark.parametrize("k", [1, 3, 16])
@pytest.mark.parametrize("maker", [clouds.gaussian, clouds.clusters, clouds.helix])
def test_edges_are_those_of_all_pairs(maker: clouds.Maker, k: int) -> None:
    points = maker(250, 4, 0)
    want = minimum_spanning_tree(squareform(pdist(points))).data
    np.testing.assert_allclose(np.sort(edges_of(points, k)), np.sort(want), rtol=1e-9)


def test_copies_are_joined_at_no_cost() -> None:
    points = np.repeat(clouds.gaussian(30, 3), 3, axis=0)
    edges = np.sort(edges_of(points, 4))
    assert len(edges) == 89
    assert not edges[:60].any()
    assert edges[60:].sum() == pytest.approx(minimum_spanning_tree(squareform(pdist(points[::3]))).sum())


def test_ties_close_no_circle() -> None:
    points = np.array(np.meshgrid(range(9), range(9))).reshape(2, -1).T.astype(float)
    np.testing.assert_array_equal(edges_of(points, 3), np.ones(80))
    assert len(edges_of(clouds.gaussian(2, 3), 1)) == 1
