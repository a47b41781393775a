"""Laws that hold nothing but a set's own spectrum and radii: what structure is measured against.

elliptical             uniform directions, the set's own whitened radii permuted, stretched by its spectrum
independent            each principal score permuted on its own: own marginals, nothing between them
normalised_gaussian    N(a, diag l) put on the sphere, with a and l such that mean and spectrum are the set's
ellipsoid              for rows of one whitened radius: uniform directions at that radius, stretched by the spectrum
One null is not enough: a set can differ from any one of them without holding structure.

The first two are given the set's sample covariance exactly. Drawn with it as their law they would spread it once more:
for a shell of 1,500 rows in 256 dimensions that alone reads as a dimension gap of -.11. Radii and columns are sorted
before they are permuted, and a column's sign is set by its third moment: a draw depends on their values alone, not on
the order of rows or the sign that a direction happens to have.

A sphere's own whitened radii are not quite equal, since its centre and shape are estimated. Permuted, they would make a
thick shell of a smooth surface: on a 2-sphere of 3,000 rows a dimension gap of .06 to .10. Hence the ellipsoid.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from geometry.nulls.core import Core
from geometry.types import Floats

ITERATIONS = 12  # of the fit of a and l; the spectrum agrees to a few per cent after five


def elliptical(core: Core, m: int, rng: np.random.Generator) -> Floats:
    """(c, m) rows in the first m directions."""
    sd = core.sd[:m]
    whitened = np.linalg.norm(core.scores[:, :m] / sd, axis=1)
    direction = rng.normal(size=(len(core.rows), m))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return _with_covariance(direction * rng.permutation(np.sort(whitened))[:, None], sd)


def independent(core: Core, m: int, rng: np.random.Generator) -> Floats:
    """(c, m) rows, every column of the scores permuted on its own."""
    return _with_covariance(rng.permuted(core.sorted_scores[:m], axis=1).T, core.sd[:m])


def ellipsoid(core: Core, rng: np.random.Generator) -> Floats:
    """(c, r) rows in all kept directions, on one smooth surface."""
    direction = rng.normal(size=core.scores.shape)
    return _with_covariance(direction / np.linalg.norm(direction, axis=1, keepdims=True), core.sd)


def _with_covariance(rows: Floats, sd: Floats) -> Floats:
    """The rows centred, made orthonormal (Gram-Schmidt, so that leading columns move least) and stretched to sd."""
    rows = rows - rows.mean(axis=0)
    lower = np.linalg.cholesky(rows.T @ rows / len(rows))
    stretched: Floats = solve_triangular(lower, rows.T, lower=True).T * sd
    return stretched


def normalised_gaussian(core: Core, rng: np.random.Generator) -> Floats:
    """(c, r) centred rows in all kept directions, of one raw length, with the mean and spectrum of the core."""
    radius = np.sqrt(max(core.norm**2 - core.apart**2, 1e-300))
    mean, variance = core.mean / radius, (core.sd / radius) ** 2
    noise = rng.normal(size=core.scores.shape)
    offset, spread = mean.copy(), variance.copy()
    rows = noise
    for _ in range(ITERATIONS):
        rows = noise * np.sqrt(spread) + offset
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        centre = rows.mean(axis=0)
        found = ((rows - centre) ** 2).mean(axis=0)
        spread *= np.clip(variance / np.maximum(found, 1e-12 * variance.max()), 0.3, 3.0)
        offset += mean - centre
    centred: Floats = (rows - rows.mean(axis=0)) * radius
    return centred
