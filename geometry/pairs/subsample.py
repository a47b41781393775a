"""Subsampling without replacement inside a neighbour table: the error of neighbour statistics, with no new pass.

The neighbours within a random half are those table entries that belong to it. For a statistic with root-n error the
spread of its values over halves, around the whole, equals its standard error at n: Var(half) - Var(whole) = Var(whole)
(Politis, Romano and Wolf 1999, chapter 2). The naive bootstrap repeats rows, puts r_1 = 0 and is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geometry.pairs.plan import blocks
from geometry.types import Floats, Ints, Neighbors

DRAWS = 16
ROWS = 8192  # of a table looked at together


def width_for(k: int) -> int:
    """Columns a table needs so that a random half nearly always finds k neighbours in it: 2k and four deviations."""
    return int(2 * k + np.ceil(4 * np.sqrt(2 * k)))


def restrict(table: Neighbors, rows: NDArray[np.bool_], among: NDArray[np.bool_], k: int) -> Neighbors:
    """The k nearest of `among` for each of `rows`, both masks (n,); rows that the table cannot fill are left out."""
    asked = np.flatnonzero(rows)
    parts = [_nearest_kept(table, asked[part], among, k) for part in blocks(len(asked), ROWS)]
    if not parts:
        parts = [_nearest_kept(table, asked, among, k)]
    found, sq_dist, index = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Neighbors(np.sqrt(sq_dist).astype(np.float32), index, table.certified[found], sq_dist)


def _nearest_kept(table: Neighbors, rows: Ints, among: NDArray[np.bool_], k: int) -> tuple[Ints, Floats, Ints]:
    """Those of `rows` that have k neighbours in `among`, with their squared distances and numbers."""
    inside = among[table.index[rows]]
    full = inside.sum(axis=1) >= k
    order = np.argsort(~inside[full], axis=1, kind="stable")[:, :k]
    rows = rows[full]
    return rows, table.sq_dist[rows[:, None], order], table.index[rows[:, None], order]


def within(table: Neighbors, keep: NDArray[np.bool_], k: int) -> Neighbors:
    """The k nearest kept rows of each kept row of the table; keep, a mask, is of the set it was looked up in."""
    return restrict(table, keep[table.numbers], keep, k)


def halves(n: int, draws: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Masks of random halves of n rows; the complement of each is the other half."""
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        keep = np.zeros(n, np.bool_)
        keep[rng.permutation(n)[: n // 2]] = True
        yield keep


def half_masks(n: int, seed: int) -> NDArray[np.bool_]:
    """(DRAWS, n) the `halves` of n rows together."""
    return np.stack(list(halves(n, DRAWS, seed)))


def named(table: Neighbors) -> Ints:
    """(u,) the numbers of all rows that a table tells of, ascending: of sampled rows far fewer than there are."""
    if table.own is None:
        return np.arange(len(table.sq_dist))
    return np.unique(np.concatenate([table.own, table.index.ravel()]))


def renumbered(table: Neighbors) -> Neighbors:
    """A table of sampled rows as one of a set of no rows but those it names; any other as it is."""
    if table.own is None:
        return table
    known = named(table)
    own, index = (np.searchsorted(known, numbers) for numbers in (table.own, table.index))
    return replace(table, own=own, index=index, among=len(known))


def half_sample_stderr(table: Neighbors, k: int, value: Callable[[Neighbors], float], seed: int = 0) -> float:
    """Standard error of value(table of k columns) at the table's n; NaN where the table is too narrow or too short.

    Of sampled rows looked up among all of a set, a half of the set holds half of the sample: the same holds of both.
    """
    if table.index.shape != table.sq_dist.shape or table.k < k or len(table.sq_dist) < 4 * k:
        return float("nan")
    table = renumbered(table)
    values = [value(within(table, keep, k)) for keep in halves(table.base_rows, DRAWS, seed)]
    return float(np.std(values, ddof=1))
