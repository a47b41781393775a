"""The float64 truth beside every engine: plain NumPy, direct differences, no blocks, no product.

Slow and whole on purpose; it decides nothing and is imported by tests and by the engines' self-check alone.
"""

from __future__ import annotations

import numpy as np

from geometry.types import Array, Floats, Ints, Moments


def sq_dists(queries: Array, base: Array) -> Floats:
    """(n, m) squared distances by direct differences."""
    queries, base = np.asarray(queries, np.float64), np.asarray(base, np.float64)
    return np.stack([((base - row) ** 2).sum(axis=1) for row in queries]) if len(queries) else np.empty((0, len(base)))


def neighbors(queries: Array, base: Array, k: int, *, exclude_self: bool) -> tuple[Floats, Ints]:
    """(n, k) squared distances and indices, ranked by (squared distance, index)."""
    sq_dist = sq_dists(queries, base)
    if exclude_self:
        np.fill_diagonal(sq_dist, np.inf)
    index = np.argsort(sq_dist, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(sq_dist, index, axis=1), index.astype(np.int64)


def radius_counts(queries: Array, base: Array, sq_radii: Floats) -> tuple[Ints, Ints]:
    """Per query the number of base balls around it, per base row the number of queries in its ball."""
    inside = sq_dists(queries, base) <= sq_radii[None, :]
    return inside.sum(axis=1), inside.sum(axis=0)


def moments(points: Array) -> Moments:
    """Mean and covariance (ddof 0)."""
    points = np.asarray(points, np.float64)
    mean = points.mean(axis=0)
    centred = points - mean
    return Moments(len(points), mean, centred.T @ centred / len(points))
