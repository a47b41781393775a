"""Neighbour tables of parts of a base as one: each part is exact, so the first k of all parts are the answer.

Ranking is by (squared distance, row number) as in every table, so neither the number of parts nor their order shows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from geometry.types import Floats, Ints

Ranked = tuple[Floats, Ints]  # squared distance (m, k), row number in the whole base (m, k)
NOBODY = int(np.iinfo(np.int64).max)  # the row number where a table ends early, at an infinite distance: ranked last


def nobody(rows: int, k: int) -> Ranked:
    """A table in which nobody has been found yet."""
    return np.full((rows, k), np.inf), np.full((rows, k), NOBODY)


def merged(tables: Iterable[Ranked], k: int) -> Ranked:
    """The k nearest of tables of the same m queries without a row number in common; fewer where they hold fewer."""
    sq_dist, index = (np.hstack(part) for part in zip(*tables, strict=True))
    by_number = np.argsort(index, axis=1, kind="stable")
    ranked = np.take_along_axis(sq_dist, by_number, 1)
    order = np.take_along_axis(by_number, np.argsort(ranked, axis=1, kind="stable"), 1)[:, :k]
    return np.take_along_axis(sq_dist, order, 1), np.take_along_axis(index, order, 1)


def joined_to(best: Ranked, found: Ranked, k: int) -> Ranked:
    """`merged` of two ranked tables, in the memory of `best` once it has k columns.

    Rows that gain nothing are not touched: of the s-th part of a base about k / s of the rows gain something.
    """
    from geometry.pairs.joining import join

    sq_dist, index = (np.ascontiguousarray(part) for part in found)
    made: Ranked = join(*best, sq_dist, index, k)
    return made


def without_own(table: Ranked, own: Ints, k: int) -> Ranked:
    """The k nearest others from a table of k + 1: a row itself goes; among many copies it may not be in it at all.

    own (m,): the row number of each query in the base.
    """
    sq_dist, index = table
    order = np.argsort(index == own[:, None], axis=1, kind="stable")[:, :k]
    return np.take_along_axis(sq_dist, order, 1), np.take_along_axis(index, order, 1)
