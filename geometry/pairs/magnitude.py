"""The magnitude of a set at a scale: the effective number of its points (Leinster 2013).

With Z_ij = exp(-t |x_i - x_j|) over distinct rows it is 1' Z^-1 1: 1 for t near 0, the number of rows for large t.
Whole matrices: meant for at most a few thousand rows.
"""

from __future__ import annotations

import numpy as np

from geometry.types import Array, Floats

ONE_POINT = 1e-6  # of a unit of distance: a set of this diameter is one point, to as many digits


def distinct_distances(points: Array) -> tuple[Floats, float]:
    """(u, u) distances of the distinct rows of (n, d), in units of the largest centred coordinate, and that unit."""
    from scipy.spatial.distance import cdist

    rows = points.astype(np.float64)
    rows = rows - rows.mean(axis=0) if len(rows) else rows
    unit = float(np.abs(rows).max(initial=0.0)) or 1.0
    rows = np.unique(rows / unit, axis=0)
    made: Floats = cdist(rows, rows)
    return made, unit


def log_magnitude(dist: Array, t: float) -> float:
    """log of 1' Z^-1 1, NaN where Z is not positive definite in float64."""
    from scipy.linalg import cho_factor, cho_solve

    if t * float(dist.max(initial=0.0)) < ONE_POINT:
        return 0.0
    try:
        factor = cho_factor(np.exp(-t * dist), lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        return float("nan")
    total = float(cho_solve(factor, np.ones(len(dist)), check_finite=False).sum())
    return float(np.log(total)) if total > 0 else float("nan")
