"""How far a row lies outside the convex hull of its neighbours, in units of the farthest of these.

min |x - sum_j w_j t_j| over w >= 0, sum w = 1, divided by r_k. With v_j = t_j - x that is the least-norm point of the
hull of the v_j: solve non-negative least squares for [V'; 1'] u = [0; 1], then w = u / sum u, exactly (Lawson and
Hanson 1974, chapter 23). Plain membership says little: fresh rows of one law are nearly all inside at 3 dimensions and
never at 32, so the residual is held against that of other rows.
"""

from __future__ import annotations

import numpy as np

from geometry.types import Array, Floats, Neighbors


def hull_residuals(
    queries: Array,  # (n, d)
    base: Array,  # (m, d)
    table: Neighbors,  # (n, k) of the queries among the base
) -> Floats:
    """(n,) distance to the hull of the row's k neighbours over the distance to the k-th, 0 to 1; 0 where that is 0."""
    from scipy.optimize import nnls

    radius = np.sqrt(table.sq_dist[:, -1])
    aim = np.append(np.zeros(queries.shape[1]), 1.0)
    residual = np.zeros(len(queries))
    for i in np.flatnonzero(radius > 0):
        sides = (base[table.index[i]].astype(np.float64) - queries[i].astype(np.float64)) / radius[i]
        try:
            weights = nnls(np.vstack([sides.T, np.ones(len(sides))]), aim)[0]
        except RuntimeError:  # no end of the iteration: the nearest vertex bounds the distance
            residual[i] = np.sqrt(table.sq_dist[i, 0]) / radius[i]
            continue
        total = float(weights.sum())
        residual[i] = float(np.linalg.norm(weights @ sides)) / total if total > 0 else 1.0
    return np.minimum(residual, 1.0)
