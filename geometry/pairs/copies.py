"""Byte-equal rows, collapsed before the pass and expanded after it: what a collapsed generation is made of.

Neighbours are found among the distinct rows; a row's table is then filled with its own copies (distance 0), and every
neighbour is repeated by its copies, in the order of (squared distance, index). That is the exact answer: the k nearest
distinct rows with all their copies hold the k nearest rows. Minus zero and zero are one value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.pairs.merging import NOBODY, Ranked
from geometry.types import Array, Floats, Ints, RadiusCounts

Search = Callable[
    [Array, Array, int], tuple[Floats, Ints, Array]
]  # queries, base, k: squared distance, index, certified
Between = Callable[
    [Array, Array, int, tuple[Floats, Floats]], tuple[Ranked, Ranked]
]  # two sets, k, squared distances beyond which nobody is wanted: tables of both
Count = Callable[[Array, Array, Floats, tuple[Ints, Ints]], tuple[Ints, Ints]]  # queries, base, squared radii, weights

ROWS = 4096  # rows compared at a time


@dataclass(frozen=True)
class Copies:
    """first (u,): row number of each distinct row, ascending; group (n,): the distinct row of every row."""

    first: Ints
    group: Ints

    @property
    def any(self) -> bool:
        return len(self.first) < len(self.group)

    @property
    def counts(self) -> Ints:
        return np.bincount(self.group, minlength=len(self.first))


def find_copies(points: Array) -> Copies:
    """Groups of byte-equal rows, numbered by their first row."""
    from geometry.pairs.cpu.digests import row_digests

    _, first, group = np.unique(row_digests(points), return_index=True, return_inverse=True)
    if not _alike(points, first[group.ravel()]):  # two different rows of one digest: 64 bits make that most unlikely
        whole = np.ascontiguousarray(points + points.dtype.type(0))
        keys = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return Copies(first[order].astype(np.int64), place[group.ravel()].astype(np.int64))


def _alike(points: Array, first: Ints) -> bool:
    """Whether every row equals the first of its group."""
    rows = np.flatnonzero(first != np.arange(len(points)))
    parts = (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))
    return all(np.array_equal(points[part], points[first[part]]) for part in parts)


def over_distinct(
    queries: Array, base: Array, k: int, search: Search, *, exclude_self: bool
) -> tuple[Floats, Ints, Array]:
    """What `search` finds among the distinct base rows, for all rows; with exclude_self it is given those twice."""
    copies = find_copies(base)
    distinct = base[copies.first] if copies.any else base
    asked = distinct if exclude_self else queries
    most = min(k, len(distinct) - int(exclude_self))
    none = np.empty((len(asked), 0)), np.empty((len(asked), 0), np.int64), np.ones(len(asked), np.bool_)
    sq_dist, index, certified = search(asked, distinct, most) if most else none
    if not copies.any:
        return sq_dist, index, certified
    sq_dist, index = expand(sq_dist, index, copies, k, own=exclude_self)
    return sq_dist, index, certified[copies.group] if exclude_self else certified


def expand(sq_dist: Floats, index: Ints, copies: Copies, k: int, *, own: bool) -> tuple[Floats, Ints]:
    """Tables over distinct base rows, (u, j), turned into tables over all base rows.

    With own, queries are the same rows: each gets its own copies too and loses itself, and the result has n rows.
    Without, the result keeps the u query rows of the input.
    """
    if own:
        sq_dist = np.hstack([np.zeros((len(sq_dist), 1)), sq_dist])
        index = np.hstack([np.arange(len(index))[:, None], index])
    members = np.argsort(copies.group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(copies.counts)])
    take = np.minimum(copies.counts[index], k + 1)
    query = np.repeat(np.arange(len(index)), take.sum(axis=1))
    flat = take.ravel()
    within = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)
    rows = members[np.repeat(starts[index.ravel()], flat) + within]
    values = np.repeat(sq_dist.ravel(), flat)
    order = np.lexsort((rows, values, query))
    heads = np.concatenate([[0], np.cumsum(take.sum(axis=1))[:-1]])
    return (
        _per_row(values[order], rows[order], heads, copies, k) if own else _first(values[order], rows[order], heads, k)
    )


def _first(values: Floats, rows: Ints, heads: Ints, k: int) -> tuple[Floats, Ints]:
    at = heads[:, None] + np.arange(k)
    return values[at], rows[at]


def _per_row(values: Floats, rows: Ints, heads: Ints, copies: Copies, k: int) -> tuple[Floats, Ints]:
    """Every row of a group reads its group's list and skips itself."""
    at = heads[copies.group][:, None] + np.arange(k + 1)
    mine: NDArray[np.bool_] = rows[np.minimum(at, len(rows) - 1)] == np.arange(len(copies.group))[:, None]
    skip = np.cumsum(mine, axis=1)[:, :k] > 0
    at = at[:, :k] + skip
    return values[at], rows[at]


def counts_of_distinct(queries: Array, base: Array, sq_radii: Floats, count: Count) -> RadiusCounts:
    """Counts per query and per ball of squared radius, each set of copies counted once with their number as weight.

    A collapsed set would otherwise be n x n pairs at distance 0. Copies of a base row with different radii stay apart.
    """
    asked = find_copies(queries)
    balls = find_copies(np.column_stack([find_copies(base).group, sq_radii]))
    per_query, per_ball = count(
        queries[asked.first] if asked.any else queries,
        base[balls.first] if balls.any else base,
        np.asarray(sq_radii, np.float64)[balls.first],
        (asked.counts, balls.counts),
    )
    return RadiusCounts(per_query[asked.group], per_ball[balls.group])


def between_distinct(
    sets: tuple[Array, Array], k: int, known: tuple[Floats, Floats], search: Between
) -> tuple[Ranked, Ranked]:
    """What `search` finds for the distinct rows of two sets in one another, for all rows; copies have one `known`."""
    copies = [find_copies(one) for one in sets]
    first, second = (one[found.first] if found.any else one for one, found in zip(sets, copies, strict=True))
    told = [one[found.first] for one, found in zip(known, copies, strict=True)]
    tables = search(first, second, k, (told[0], told[1]))
    one, other = (
        _of_all(table, mine, theirs, k) for table, mine, theirs in zip(tables, copies, copies[::-1], strict=True)
    )
    return one, other


def _of_all(table: Ranked, mine: Copies, theirs: Copies, k: int) -> Ranked:
    """A table of distinct rows among distinct rows as one of all among all; `nobody` is one more row, past the last."""
    if theirs.any:
        distinct, rows = len(theirs.first), len(theirs.group)
        padded = Copies(np.append(theirs.first, rows), np.append(theirs.group, distinct))
        sq_dist, index = expand(table[0], np.where(table[1] == NOBODY, distinct, table[1]), padded, k, own=False)
        table = sq_dist, np.where(index == rows, NOBODY, index)
    return (table[0][mine.group], table[1][mine.group]) if mine.any else table
