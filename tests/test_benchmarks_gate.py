"""The gate lets the engine through and stops every wrong one, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pair_clouds import CLOUDS, DTYPES, draw

from benchmarks.gate import by_unit, failures, queries_of, units
from geometry import neighbors
from geometry.types import Array, Neighbors


def engine(points: Array, k: int, queries: Array | None) -> Neighbors:
    return neighbors(points, k, queries=queries)


def products(points: Array, k: int, queries: Array | None) -> Neighbors:
    """Norms and products in float32, the usual way, and a certificate for the asking."""
    base, asked = points.astype(np.float32), (points if queries is None else queries).astype(np.float32)
    with np.errstate(all="ignore"):
        sq_dist = (asked**2).sum(1)[:, None] + (base**2).sum(1) - 2 * asked @ base.T
        sq_dist = np.maximum(np.nan_to_num(sq_dist, nan=np.inf), 0).astype(np.float64)
    if queries is None:
        np.fill_diagonal(sq_dist, np.inf)
    index = np.argsort(sq_dist, axis=1, kind="stable")[:, :k]
    values = np.take_along_axis(sq_dist, index, axis=1)
    return Neighbors(np.sqrt(values).astype(np.float32), index, np.ones(len(asked), np.bool_), values)


def spoilt(change: Callable[[Neighbors], Neighbors]) -> Callable[[Array, int, Array | None], Neighbors]:
    return lambda points, k, queries: change(engine(points, k, queries))


def swapped(table: Neighbors) -> Neighbors:
    order = np.array([1, 0, *range(2, table.k)])
    return replace(table, index=table.index[:, order], sq_dist=table.sq_dist[:, order])


def shifted(table: Neighbors) -> Neighbors:
    """Each row without its nearest neighbour: the last is reported twice."""
    order = np.array([*range(1, table.k), table.k - 1])
    return replace(table, index=table.index[:, order], sq_dist=table.sq_dist[:, order])


def uncertain(table: Neighbors) -> Neighbors:
    return replace(table, certified=np.arange(len(table.certified)) > 0)


def poisoned(table: Neighbors) -> Neighbors:
    values = table.sq_dist.copy()
    values[-1, -1] = np.nan
    return replace(table, sq_dist=values)


def longer(table: Neighbors) -> Neighbors:
    return replace(table, sq_dist=table.sq_dist * (1 + 1e-9))


def test_the_engine_passes() -> None:
    assert failures(engine, quick=True) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_queries_are_finite_wherever_the_cloud_is(dtype: type) -> None:
    for maker in CLOUDS:
        points = draw(maker, 70, 3, dtype)
        queries = queries_of(points)
        assert queries.dtype == dtype and len(queries) == 15 and np.isfinite(queries).all()


def test_units_that_are_timed_pass_too() -> None:
    assert "blas" in units()
    assert failures(by_unit("blas"), quick=True) == []


def test_products_in_float32_do_not_pass() -> None:
    found = failures(products, quick=True)
    assert any(line.startswith("tight_clusters") for line in found)
    assert any(line.startswith("offset_1e4") for line in found)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (swapped, "a nearer row was missed"),
        (shifted, "a nearer row was missed"),
        (uncertain, "1 rows without certificate"),
        (poisoned, "a distance is not that of its row"),
        (longer, "a distance is not that of its row"),
    ],
)
def test_what_is_wrong_is_said(change: Callable[[Neighbors], Neighbors], what: str) -> None:
    found = failures(spoilt(change), quick=True)
    assert any(line.startswith("gaussian") and line.endswith(what) for line in found), found


def test_an_engine_wrong_for_queries_alone_does_not_pass() -> None:
    def wrong(points: Array, k: int, queries: Array | None) -> Neighbors:
        table = engine(points, k, queries)
        return table if queries is None else uncertain(table)

    found = failures(wrong, quick=True)
    assert found and all(", queries: " in line for line in found)


def test_ties_must_be_ranked_by_index() -> None:
    def reversed_ties(points: Array, k: int, queries: Array | None) -> Neighbors:
        table = engine(points, k, queries)
        order = np.lexsort((-table.index, table.sq_dist), axis=1)
        return replace(table, index=np.take_along_axis(table.index, order, axis=1))

    found = failures(reversed_ties, quick=True)
    assert any(line.startswith("lattice") and line.endswith("(distance, index)") for line in found)


def test_an_engine_that_raises_does_not_pass() -> None:
    def broken(points: Array, k: int, queries: Array | None) -> Neighbors:
        raise MemoryError("no room")

    found = failures(broken, quick=True)
    assert found and all(line.endswith("MemoryError: no room") for line in found)
