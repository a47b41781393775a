"""The float64 truth of sampled rows, the recall against it, and the data that are timed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import truth
from benchmarks.data import KINDS, cloud, generations
from benchmarks.truth import Truth, recall, truth_of
from geometry.pairs import reference


@pytest.mark.parametrize("block", [1 << 27, 7 * 64])
def test_the_truth_is_the_reference_whatever_the_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "BLOCK", block)
    points = cloud("mixture", 300, 7)
    points[10:20] = points[:10]
    found = truth_of(points, 6)
    sq_dist, index = reference.neighbors(points, points, 6, exclude_self=True)
    assert len(found.rows) == 256 and np.all(np.diff(found.rows) > 0)
    np.testing.assert_array_equal(found.index, index[found.rows])
    np.testing.assert_array_equal(found.sq_dist, sq_dist[found.rows])


def test_fewer_rows_are_sampled_where_they_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "WORK", 50 * 400 * 5)
    assert len(truth_of(cloud("isotropic", 400, 5), 3).rows) == 50
    monkeypatch.setattr(truth, "WORK", 1)
    assert len(truth_of(cloud("isotropic", 400, 5), 3).rows) == truth.LEAST


def test_recall_counts_what_is_near_enough_and_only_once() -> None:
    points = np.array([[0.0], [1.0], [-1.0], [2.0], [5.0]])
    known = Truth(np.array([0]), np.array([[1, 2]]), np.array([[1.0, 1.0]]))
    for columns, share in (
        ([0, 1, 2], 1.0),
        ([2, 1], 1.0),
        ([1, 3], 0.5),
        ([1, 1, -1], 0.5),
        ([0, 0, 0], 0.0),
        ([3, 4], 0.0),
    ):
        assert recall(known, points, np.array([columns])) == share, columns
    tie = Truth(np.array([0]), np.array([[1]]), np.array([[1.0]]))
    assert recall(tie, points, np.array([[2]])) == recall(tie, points, np.array([[1, 2]])) == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_cloud_is_its_seed(kind: str) -> None:
    a, b, c = cloud(kind, 50, 8, 0), cloud(kind, 50, 8, 0), cloud(kind, 50, 8, 1)
    assert a.dtype == np.float32 and a.shape == (50, 8)
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_kinds_are_what_they_say() -> None:
    nearest = {
        kind: np.sqrt(reference.neighbors(points, points, 1, exclude_self=True)[0]).mean()
        for kind in KINDS
        for points in [cloud(kind, 1000, 32)]
    }
    assert nearest["tight"] < 0.05 * nearest["isotropic"]
    assert abs(nearest["tight"] - 0.02 * np.sqrt(2 * 32)) < 0.05
    spread = cloud("mixture", 4000, 64).std(axis=0)
    assert spread[0] > 5 * spread[-1]
    with pytest.raises(ValueError, match="mixture, isotropic, tight"):
        cloud("other", 5, 5)


def test_two_draws_are_of_one_law() -> None:
    a, b = cloud("tight", 4000, 8, 0), cloud("tight", 400, 8, 1)
    assert np.sqrt(reference.neighbors(b, a, 1, exclude_self=False)[0]).max() < 1
    lost = generations(2, 400, 4)
    assert len(lost) == 2 and lost[0].shape == (400, 4)
