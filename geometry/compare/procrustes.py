"""procrustes: what of a set no rotation and scale of the other can explain, over paired rows.

With both sets centred and brought to norm_F 1, the orthogonal Q and the scale c that minimise norm_F(X - c Y Q)^2 leave
1 - (sum of the singular values of X'Y)^2 (Schonemann 1966; Gower 1975). Q includes reflections. Sets of different
dimensions are compared as if the smaller were padded with zeros.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.pairing import pairs_of, similarity
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats


@statistic(
    "procrustes",
    needs=("points", "ids", "reference"),
    range=(0.0, 1.0),
    invariances=SIMILARITY,
    direction="up",
    source="Schonemann 1966; Gower 1975",
    null="mean over shuffled pairs: near 1 where rows outnumber dimensions, less where they do not",
    fails="unpaired rows; under 8 pairs; with fewer rows than dimensions nearly everything can be rotated into place",
)
def procrustes(scan: Scan, reference: Scan, *, paired: bool = False, seed: int = 0) -> Estimate:
    """Share of a set's variance that is left after the best rotation and scaling of its paired rows: 0 if congruent.

    null and z against shuffled pairs; standard error by subsampling pairs. paired=True pairs rows by position where ids
    are missing. Undefined with fewer than 8 pairs or without spread.
    """
    return similarity("procrustes", pairs_of(scan, reference, paired, "procrustes"), disparity, seed=seed)


def disparity(x: Floats, y: Floats) -> float:
    """Of centred rows (n, p), (n, q); NaN where a set has no extent."""
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    if norm == 0:
        return float("nan")
    return float(np.clip(1 - (np.linalg.svd(x.T @ y, compute_uv=False).sum() / norm) ** 2, 0.0, 1.0))
