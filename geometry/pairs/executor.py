"""The interface that every engine fills: five reductions over pairs or rows, each within a memory plan.

Engines meet one contract, `geometry.pairs.reference`; NumPy decides on what they return.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from geometry.types import Array, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts


class Executor(Protocol):
    """An engine on one device. Points are (n, d) float arrays without NaN; results are exact unless they say so."""

    @property
    def name(self) -> str: ...

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        """The k nearest base rows of every query; with exclude_self queries and base are the same rows."""
        ...

    def radii(self, points: Array, k: int) -> Floats:
        """(n, k) distances to the nearest others, float64, without index or certificate: for draws looked at once."""
        ...

    def radius_counts(self, queries: Array, base: Array, sq_radii: Floats) -> RadiusCounts:
        """Closed balls of squared radius sq_radii (m,) around the base rows, ties inside."""
        ...

    def pair_sums(self, points: Array, rows: Ints, t: float) -> PairSums:
        """Means and histograms over the pairs (row of `rows`, any other row)."""
        ...

    def moments(self, points: Array) -> Moments:
        """Mean and covariance, accumulated in float64 about the mean."""
        ...


def table_of(sq_dist: Floats, index: Ints, certified: Array) -> Neighbors:
    """An engine's (n, k) squared distances and indices as a table; distances are rounded last."""
    dist = np.empty(sq_dist.shape, np.float32)
    with np.errstate(over="ignore"):  # beyond float32 dist is infinite; sq_dist stays
        np.sqrt(sq_dist, out=dist, casting="same_kind")  # of float64, rounded piece by piece
    return Neighbors(dist, index, certified, sq_dist)
