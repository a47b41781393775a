"""The rows furthest along the leading principal directions of a set: what stands at the two ends of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.pairs.scan import Scan
from geometry.types import Array, Floats, Ints

FURTHEST = 6  # rows at each end of a direction
BLOCK = 4096  # rows scored at a time
FLAT = 1e-12  # share of the leading eigenvalue below which a direction is rounding


@dataclass(frozen=True)
class Directions:
    """axes (d, m) orthonormal, mean (d,), spread (m,) standard deviations along them."""

    axes: Floats
    mean: Floats
    spread: Floats


def directions(scan: Scan, count: int) -> Directions:
    """The leading principal directions that have variance, at most `count`."""
    spectrum = scan.spectrum
    leading = spectrum.eigenvalues[:count]
    kept = int((leading > FLAT * max(float(leading.max(initial=0.0)), 1e-300)).sum())
    return Directions(spectrum.eigenvectors[:, :kept], spectrum.mean, np.sqrt(leading[:kept]))


def furthest(points: Array, along: Directions, most: int = FURTHEST) -> tuple[Ints, Floats]:
    """(m, 2, most) row numbers at the high and the low end of each direction, and their scores in its deviations."""
    most = min(most, len(points))
    parts = [(points[start : start + BLOCK] - along.mean) @ along.axes for start in range(0, len(points), BLOCK)]
    scores = np.concatenate(parts) / along.spread
    order = np.argsort(-scores, axis=0, kind="stable")
    rows = np.stack([order[:most].T, order[::-1][:most].T], axis=1).astype(np.int64)
    found: Floats = np.take_along_axis(scores.T[:, None, :], rows, axis=2)
    return rows, found
