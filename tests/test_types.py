"""The records passed between the floors: what little they derive."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from geometry.types import Estimate, Neighbors, PairSums


def test_squares_come_from_distances_where_only_those_are_known() -> None:
    table = Neighbors(np.array([[1, 2], [0.5, 3]], np.float32))
    assert table.sq_dist.dtype == np.float64 and table.sq_dist.tolist() == [[1, 4], [0.25, 9]]
    assert table.k == 2


def test_squares_that_are_given_are_kept_unrounded() -> None:
    exact = np.array([[2.0]])
    table = Neighbors(np.sqrt(exact).astype(np.float32), sq_dist=exact)
    assert table.exact_dist(1)[0, 0] == np.sqrt(2.0) != float(table.dist[0, 0])


def test_a_table_is_cut_by_columns() -> None:
    dist = np.arange(6, dtype=np.float32).reshape(2, 3)
    table = Neighbors(dist, np.arange(6).reshape(2, 3), np.array([True, False]))
    cut = table.first(2)
    assert (cut.k, table.k) == (2, 3)
    assert cut.dist.tolist() == [[0, 1], [3, 4]] and cut.index.tolist() == [[0, 1], [3, 4]]
    assert cut.sq_dist.tolist() == [[0, 1], [9, 16]] and cut.certified.tolist() == [True, False]


def test_pair_sums_are_exact_where_every_row_was_summed() -> None:
    some = np.zeros(2)
    sums = PairSums(
        2, np.arange(2), some, some, 2.0, some, some, some, np.zeros(1, np.int64), some, np.zeros(1, np.int64)
    )
    assert sums.exact and not replace(sums, n=3).exact


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Estimate("x", 1.0).value = 2.0  # type: ignore[misc]
