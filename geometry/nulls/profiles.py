"""Histograms of radii and pair cosines beside those of the elliptical null: is the inside empty, what lies in it?

Radii are in units of the root mean square distance to the centroid. Both are read on the core of the set, so that one
far row does not squeeze the picture; the null is one elliptical draw of the same spectrum and radii.
"""

from __future__ import annotations

import numpy as np

from geometry.nulls.core import Core
from geometry.nulls.draws import elliptical
from geometry.types import Floats

RADIUS_EDGES = np.linspace(0.0, 2.5, 76)
COSINE_EDGES = np.linspace(-1.0, 1.0, 101)
PAIR_ROWS = 1000


def null_rows(core: Core, seed: int) -> Floats:
    """One elliptical draw in all kept directions."""
    return elliptical(core, len(core.sd), np.random.default_rng((seed, len(core.sd))))


def radius_density(rows: Floats) -> Floats:
    """(b,) density of |x| / rms |x| over RADIUS_EDGES; what lies beyond counts in the last bin."""
    radius = np.linalg.norm(rows, axis=1)
    return _density(radius / np.sqrt(np.mean(radius**2)), RADIUS_EDGES)


def cosine_density(rows: Floats) -> Floats:
    """(b,) density of the cosines of the pairs of at most PAIR_ROWS rows, evenly spaced, over COSINE_EDGES."""
    some = rows[:: max(1, -(-len(rows) // PAIR_ROWS))]
    unit = some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), np.finfo(float).tiny)
    cosines = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return _density(cosines, COSINE_EDGES)


def _density(values: Floats, edges: Floats) -> Floats:
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    density: Floats = counts / max(len(values), 1) / np.diff(edges)
    return density
