"""svcca: the mean canonical correlation of paired rows between the leading directions of two sets.

Each set is reduced to the directions that hold 99 % of its variance; between these, the canonical correlations are the
singular values of the cross-correlation of the whitened rows, and their mean is the answer (Raghu et al. 2017). It
counts weak directions like strong ones and rises with the number of directions over the number of rows, whatever the
data: the value of shuffled pairs says how far.
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
    "svcca",
    needs=("points", "ids", "reference"),
    range=(0.0, 1.0),
    invariances=SIMILARITY,
    direction="down",
    source="Raghu et al. 2017",
    null="mean over shuffled pairs; it nears 1 as directions near rows",
    fails="unpaired rows; under 8 pairs; says nothing where directions are as many as rows",
)
def svcca(scan: Scan, reference: Scan, *, share: float = 0.99, paired: bool = False, seed: int = 0) -> Estimate:
    """Mean canonical correlation between the directions that hold `share` of each set's variance, over paired rows.

    null and z against shuffled pairs; standard error by subsampling pairs. paired=True pairs rows by position where ids
    are missing. Undefined with fewer than 8 pairs or without spread. Raises UsageError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise UsageError(f"svcca: share = {share} is no share of a variance; choose above 0 to 1")
    sets = pairs_of(scan, reference, paired, "svcca")
    return similarity("svcca", sets, partial(mean_correlation, share=share), seed=seed)


def mean_correlation(x: Floats, y: Floats, *, share: float) -> float:
    """Of centred rows (n, p), (n, q); NaN where a set has no extent."""
    white = [_whitening(rows, share) for rows in (x, y)]
    if min(axes.shape[1] for axes in white) == 0:
        return float("nan")
    correlations = np.linalg.svd(white[0].T @ (x.T @ y) @ white[1], compute_uv=False)
    return float(np.clip(correlations, 0.0, 1.0).mean())


def _whitening(rows: Floats, share: float) -> Floats:
    """(p, r) axes along which the kept directions have unit length over the rows."""
    values, vectors = np.linalg.eigh(rows.T @ rows)
    values, vectors = values[::-1], vectors[:, ::-1]
    real = values > len(values) * np.finfo(np.float64).eps * max(float(values[0]), 0.0)
    held = np.cumsum(np.where(real, values, 0.0))
    kept = int(np.searchsorted(held, share * held[-1] * (1 - 1e-12))) + 1 if real.any() else 0
    kept = min(kept, int(real.sum()))
    axes: Floats = vectors[:, :kept] / np.sqrt(values[:kept])
    return axes
