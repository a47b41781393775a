"""Tables of parts joined: what the whole base gives, however it is cut, with ties and copies."""

from itertools import pairwise

import numpy as np
import pytest

from geometry.pairs import neighbors
from geometry.pairs.merging import joined_to, merged, without_own


@pytest.fixture
def points() -> np.ndarray:
    rng = np.random.default_rng(5)
    grid = rng.integers(0, 3, (180, 3)).astype(np.float32)  # many copies, many ties
    return np.vstack([grid, rng.normal(size=(120, 3)).astype(np.float32)])


@pytest.mark.parametrize("cuts", [[150], [40, 41, 200], [299]])
def test_parts_of_a_base_give_the_table_of_the_whole(points: np.ndarray, cuts: list[int]) -> None:
    k, whole = 9, neighbors(points, 9, queries=points[::7])
    edges = [0, *cuts, len(points)]
    parts = []
    for start, stop in pairwise(edges):
        table = neighbors(points[start:stop], min(k, stop - start), queries=points[::7])
        parts.append((table.sq_dist, table.index + start))
    for order in (parts, parts[::-1]):
        sq_dist, index = merged(order, k)
        np.testing.assert_array_equal(sq_dist, whole.sq_dist)
        np.testing.assert_array_equal(index, whole.index)


def test_parts_one_after_another_give_the_table_of_the_whole_and_touch_only_what_gains(points: np.ndarray) -> None:
    k, whole = 9, neighbors(points, 9, queries=points[::7])
    best = np.empty((len(whole.index), 0)), np.empty((len(whole.index), 0), np.int64)
    for start in (200, 0, 100):  # ties of a later part have the smaller numbers
        table = neighbors(points[start : start + 100], k, queries=points[::7])
        best = joined_to(best, (table.sq_dist, table.index + start), k)
    np.testing.assert_array_equal(best[0], whole.sq_dist)
    np.testing.assert_array_equal(best[1], whole.index)
    far = np.full_like(best[0], np.inf), np.zeros_like(best[1])
    same = joined_to(best, far, k)
    assert same[0] is best[0] and same[1] is best[1] and (best[1] == whole.index).all()


@pytest.mark.parametrize(("wide", "other", "k"), [(0, 4, 9), (4, 0, 4), (3, 2, 9), (9, 9, 9), (5, 9, 9), (9, 1, 9)])
def test_two_tables_are_joined_as_they_are_merged(wide: int, other: int, k: int) -> None:
    rng = np.random.default_rng(wide + 10 * other)
    numbers = rng.permuted(np.tile(np.arange(wide + other), (40, 1)), axis=1)
    parts = []
    for index in (numbers[:, :wide], numbers[:, wide:]):
        sq_dist = rng.integers(0, 3, index.shape).astype(np.float64)  # ties everywhere
        sq_dist[sq_dist == 2] = np.inf
        order = np.lexsort((index, sq_dist), axis=1)
        parts.append((np.take_along_axis(sq_dist, order, 1), np.take_along_axis(index, order, 1)))
    expected = merged(parts, k)
    made = joined_to(parts[0], parts[1], k)
    np.testing.assert_array_equal(made[0], expected[0])
    np.testing.assert_array_equal(made[1], expected[1])


def test_a_row_is_no_neighbour_of_itself_even_among_copies(points: np.ndarray) -> None:
    k, whole = 6, neighbors(points, 6)
    table = neighbors(points, k + 1, queries=points)
    sq_dist, index = without_own((table.sq_dist, table.index), np.arange(len(points)), k)
    np.testing.assert_array_equal(index, whole.index)
    np.testing.assert_array_equal(sq_dist, whole.sq_dist)


def test_tables_narrower_than_k_give_what_they_hold() -> None:
    one = np.array([[1.0, 4.0]]), np.array([[3, 1]])
    two = np.array([[1.0]]), np.array([[2]])
    sq_dist, index = merged([one, two], 5)
    assert index.tolist() == [[2, 3, 1]]
    assert sq_dist.tolist() == [[1.0, 1.0, 4.0]]
