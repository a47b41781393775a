"""The null of a comparison: pooled rows of both sets, split at random into halves that differ by chance alone.

Under one law the pooled rows are exchangeable, so the difference of a statistic between the halves has the law that the
observed one would have by chance, up to the sizes. Halves are drawn without replacement and neighbours inside a half
are read from the pooled table, so no row is its own copy. At most ROWS of each set take part; for statistics with
root-n error the spread shrinks as the root of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geometry.pairs import Scan
from geometry.pairs.subsample import halves, restrict, width_for
from geometry.types import Floats, Neighbors

ROWS = 1000
DRAWS = 12
K = 20  # largest number of neighbours that a statistic of halves asks for
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """Rows of two sets of equal size in one scan; `rows` of each set stand for `of_rows`."""

    scan: Scan
    rows: int
    of_rows: int

    @cached_property
    def table(self) -> Neighbors | None:
        """Neighbours wide enough for K inside a half; None where the pool is too small for that."""
        width = width_for(K)
        return self.scan.neighbors(width) if self.scan.n > width else None

    def within(self, rows: Mask, among: Mask, k: int) -> Neighbors | None:
        """The k nearest rows of one mask for each row of another, from the pooled table."""
        return None if self.table is None else restrict(self.table, rows, among, k)

    def spread(self, difference: Callable[[Mask], float]) -> float:
        """Standard deviation, about 0, of a difference between a half and its complement, at the sizes of the sets."""
        values = np.array([difference(half) for half in halves(self.scan.n, DRAWS, self.scan.seed)])
        shrink = np.sqrt(self.rows / self.of_rows)
        return float(np.sqrt(np.mean(values**2)) * shrink) if np.isfinite(values).all() else float("nan")


def pool(a: Scan, b: Scan) -> Pool:
    """The pool of two sets, an equal number of rows from each."""
    of_rows = min(a.n, b.n)
    rows = min(ROWS, of_rows)
    points: Floats = np.concatenate([_some(one, rows) for one in (a, b)])
    return Pool(Scan(points, a.executor, seed=a.seed), rows, of_rows)


def _some(scan: Scan, rows: int) -> Floats:
    chosen = scan.at_most(rows)
    return chosen.points.astype(np.float64)
