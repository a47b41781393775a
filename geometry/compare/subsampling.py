"""The error of a statistic of two sets: its spread over subsamples of both, drawn without replacement.

Of both sets the same fraction f is drawn, whole in memory; the spread times sqrt(f / (1 - f)) is the standard error at
full size for a statistic with root-n error (Politis, Romano and Wolf 1999).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geometry.pairs.scan import Scan
from geometry.types import Array, Floats

DRAWS = 16
SUBSAMPLE = 500  # most rows of a subsample: the draws together cost a small part of the pass over 10,000 rows
Values = Callable[[Array, Array], Floats]  # of generated (m, d) and reference (n, d) rows


def subsample_errors(scan: Scan, reference: Scan, values: Values, seed: int, *, fewest: int) -> Floats | None:
    """Standard error of each value; None where a subsample of either set would have `fewest` rows or fewer."""
    fraction = min(0.5, SUBSAMPLE / max(scan.n, reference.n, 1))
    sizes = int(scan.n * fraction), int(reference.n * fraction)
    if min(sizes) <= fewest:
        return None
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(DRAWS):
        a, b = (rng.permutation(s.n)[:size] for s, size in zip((scan, reference), sizes, strict=True))
        draws.append(values(scan.points[a], reference.points[b]))
    spread: Floats = np.std(draws, axis=0, ddof=1) * np.sqrt(fraction / (1 - fraction))
    return spread


def joint_sq_dist(first: Array, second: Array) -> tuple[Floats, float]:
    """(m + n, m + n) squared distances of the rows of both sets, themselves at 0, and what rounding may have moved."""
    rows = np.concatenate([first, second]).astype(np.float64)
    rows -= rows.mean(axis=0)
    sq_norms = np.einsum("ij,ij->i", rows, rows)
    sq_dist: Floats = sq_norms[:, None] + sq_norms - 2 * rows @ rows.T
    np.fill_diagonal(sq_dist, 0.0)
    return np.maximum(sq_dist, 0.0), 1e-12 * float(sq_norms.max(initial=0.0))
