"""gulp: how differently two representations of the same rows predict, over all tasks that a ridge regression can meet.

With S, T the covariances of the two sets at trace 1, C their cross-covariance and S_r = S + ridge I, the distance
  d^2 = tr(S_r^-1 S S_r^-1 S) + tr(T_r^-1 T T_r^-1 T) - 2 tr(S_r^-1 C T_r^-1 C')
is the mean squared difference of the two ridge predictions, over the worst task of unit size (Boix-Adsera et al. 2022).
A small ridge compares what a linear probe could read in any direction, a large one the strong directions alone.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from geometry.compare.pairing import pairs_of, similarity
from geometry.errors import UsageError
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats


@statistic(
    "gulp",
    needs=("points", "ids", "reference"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="up",
    source="Boix-Adsera et al. 2022",
    null="mean over shuffled pairs: what two unrelated sets of these spectra differ by",
    fails="unpaired rows; under 8 pairs; a ridge below the noise of the covariance at this n",
)
def gulp(scan: Scan, reference: Scan, *, ridge: float = 0.01, paired: bool = False, seed: int = 0) -> Estimate:
    """Distance of the ridge predictions that two sets of paired rows allow, at trace 1: 0 for a rotated, scaled copy.

    null and z against shuffled pairs; standard error by subsampling pairs. paired=True pairs rows by position where ids
    are missing. Undefined with fewer than 8 pairs or without spread. Raises UsageError for a ridge of 0 or less.
    """
    if not ridge > 0:
        raise UsageError(f"gulp: ridge = {ridge} must be positive; it is measured against a total variance of 1")
    sets = pairs_of(scan, reference, paired, "gulp")
    return similarity("gulp", sets, partial(ridge_distance, ridge=ridge), seed=seed)


def ridge_distance(x: Floats, y: Floats, *, ridge: float) -> float:
    """Of centred rows (n, p), (n, q); NaN where a set has no extent."""
    lengths = [float((rows**2).sum()) for rows in (x, y)]
    if min(lengths) == 0:
        return float("nan")
    first, second = (_predictor(rows / np.sqrt(total), ridge) for rows, total in zip((x, y), lengths, strict=True))
    cross = first.T @ (x.T @ y / np.sqrt(lengths[0] * lengths[1])) @ second
    own = sum(
        float(np.linalg.norm(p.T @ (rows.T @ rows) @ p) ** 2) / total**2
        for p, rows, total in ((first, x, lengths[0]), (second, y, lengths[1]))
    )
    return float(np.sqrt(max(own - 2 * float(np.linalg.norm(cross) ** 2), 0.0)))


def _predictor(rows: Floats, ridge: float) -> Floats:
    """(p, p) symmetric root of (covariance + ridge)^-1, so that traces of products become squared norms."""
    values, vectors = np.linalg.eigh(rows.T @ rows)
    root: Floats = (vectors / np.sqrt(np.clip(values, 0.0, None) + ridge)) @ vectors.T
    return root
