"""Neighbourhoods with their coordinates: of points in memory all at once, of a set in its files some at a time.

Of rows that stay in files a scan has the table of sampled rows among all (`geometry.pairs.streamed`), whose entries
name rows of the files. Those of some of the sampled rows and their neighbours are read together, as many as a block of
the files may take in memory: at most m k rows in all are read for m sampled rows, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.types import Array, Ints, Neighbors

if TYPE_CHECKING:
    from geometry.pairs.streamed import Whole


@dataclass(frozen=True)
class Gathered:
    """Rows `cut` of a scan's table with all points (m, d) that they name, and the table with their places in these.

    numbers (m,): that of each point in the set, ascending.
    """

    cut: slice
    points: Array
    table: Neighbors
    numbers: Ints


def gathered(scan: Scan, k: int) -> Iterator[Gathered]:
    """Every row of the scan's table and its k nearest others, in order; InputError where there are no coordinates."""
    table = scan.neighbors(k)
    if scan.base is None:
        yield Gathered(slice(0, scan.n), scan.rows, table, np.arange(scan.n))
        return
    yield from from_files(scan.base, table)


def from_files(base: Whole, table: Neighbors) -> Iterator[Gathered]:
    """Every row of a table of others in files, in order; the rows themselves too unless they are from elsewhere."""
    stored = base.stored
    most = max(base.block_bytes // max(stored.d * stored.dtype.itemsize, 1), 1)
    for cut in blocks(len(table.index), len(table.index) if len(stored) <= most else max(most // (table.k + 1), 1)):
        own = table.index[cut, :1] if table.own is None else table.own[cut, None]
        named = np.hstack([own, table.index[cut]])
        numbers, at = np.unique(named, return_inverse=True)
        at = at.reshape(named.shape)
        here = Neighbors(
            table.dist[cut],
            at[:, 1:],
            table.certified[cut],
            table.sq_dist[cut],
            own=None if table.own is None else at[:, 0],
        )
        yield Gathered(cut, stored[numbers], here, numbers)
