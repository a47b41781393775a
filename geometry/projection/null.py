"""The null beside a view: for every generation a set with its covariance and its radii, and nothing else in it.

One elliptical draw (`geometry.nulls.draws`) of the very rows that are drawn, about their generation's centroid, for the
frame or the pooled layout of the data. What the null shows too is no structure. Left out where rows have no spread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geometry.nulls.core import directions_of, in_principal_directions
from geometry.nulls.profiles import null_rows
from geometry.pairs.scan import Scan
from geometry.types import Array, Floats, Ints


def null_sets(scans: Sequence[Scan], drawn: Sequence[Ints], centres: Sequence[Floats], seed: int) -> list[Array]:
    """One (s_g, d) float64 null of the rows drawn per generation about its centre; (0, d) where there is no spread."""
    return [
        _null(scan.points[rows].astype(np.float64), seed) + centre
        for scan, rows, centre in zip(scans, drawn, centres, strict=True)
    ]


def _null(points: Floats, seed: int) -> Floats:
    """(s, d) rows about the origin."""
    core = in_principal_directions(points, np.arange(len(points)), 0.0, 0.0)
    if len(core.sd) == 0:
        return np.empty((0, points.shape[1]))
    placed: Floats = null_rows(core, seed) @ directions_of(core, points).T
    return placed
