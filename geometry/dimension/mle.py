"""mle: intrinsic dimension by maximum likelihood from the k nearest distances (Levina, Bickel 2004, eq. 8-9).

1 / m_i = (1 / (k - 1)) sum_{j<k} log(r_k / r_j). Averages of m_i and of 1 / m_i have different biases, so each goes
with its own constant: the harmonic mean with k - 1 (MacKay, Ghahramani 2005), the arithmetic mean with k - 2. Noise of
the size of r_k raises the answer; where its size is known, each log(r_k / r_j) is replaced by its mean over the true
distances s that r_j may stand for, s ~ N(r_j, 2 sigma^2) and positive (Haro, Randall, Sapiro 2008, eq. 9). A boundary
lowers the answer and is not corrected here.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import half_sample_stderr, width_for
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Neighbors

K = 20
COMBINE = ("harmonic", "arithmetic")
NOISE_NODES = 32  # true distances that one measured distance may stand for


@statistic(
    "mle",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Levina and Bickel 2004; MacKay and Ghahramani 2005; Haro, Randall and Sapiro 2008",
    k=width_for(K),
    null="d for rows uniform in d dimensions without edge",
    fails="lowered by edges and few rows, raised by noise and by bending within the k-th neighbour",
    whole="neighbors",
)
def mle(scan: Scan, *, k: int = K, combine: str = "harmonic", noise: float = 0.0) -> Estimate:
    """Dimension from the k nearest distances of every row; per_point holds that of each row.

    noise: its standard deviation per coordinate, in the unit of the points, taken off as above; the correction is of
    first order and stops short where noise is as large as the distances.

    k falls to the neighbours there are, at least 3. Copies (r_j = 0) drop out of a row's sum and its count; per_point
    is NaN where a row has fewer than two distances left (three for arithmetic) or all of them equal. The standard error
    comes from random halves within the table, without it where the table is too narrow; where all information lies in
    pairs (no boundary, even density) it is too large by a fifth. Undefined with fewer than four
    rows or without distinct distances.
    """
    if combine not in COMBINE:
        raise UsageError(f"mle cannot combine by '{combine}'; choose one of {', '.join(COMBINE)}")
    if k < 3:
        raise UsageError(f"mle: k = {k} is too small; it needs at least 3 neighbours")
    if not 0 <= noise < np.inf:
        raise UsageError(f"mle: noise = {noise} is no standard deviation; it starts at 0")
    k = min(k, scan.most_neighbors)
    fields = {"variant": combine, "n": scan.n, "d": scan.d, "k": k}
    if k < 3:
        return undefined("mle", "few-rows", **fields)
    table = scan.neighbors(min(width_for(k), scan.most_neighbors))
    value, per_point = combined(table, k, combine, noise)
    if not np.isfinite(value):
        return undefined("mle", "no-distinct-distances", **fields)
    stderr = half_sample_stderr(table, k, lambda half: combined(half, k, combine, noise)[0], scan.seed)
    return measured("mle", value, stderr=stderr, method="random halves", per_point=per_point, **fields)


def combined(table: Neighbors, k: int, combine: str, noise: float = 0.0) -> tuple[float, Array]:
    """The value over all rows, NaN where there is none, and per row (n,) under the same constant."""
    counts, logs = _log_ratios(table, k) if noise == 0 else _denoised(table.exact_dist(k), noise)
    correction = 0 if combine == "harmonic" else 1
    used = (counts > correction) & (logs > 0)
    per_point = np.full(len(logs), np.nan)
    per_point[used] = (counts[used] - correction) / logs[used]
    if not used.any():
        return float("nan"), per_point
    value = counts.sum() / logs.sum() if combine == "harmonic" else per_point[used].mean()
    return float(value), per_point


def _log_ratios(table: Neighbors, k: int) -> tuple[Floats, Floats]:
    """Per row the number of j < k with r_j > 0 (k - 1 without copies) and the sum of their log(r_k / r_j)."""
    sq_dist = table.sq_dist[:, :k]
    seen = (sq_dist[:, :-1] > 0) & (sq_dist[:, -1:] > 0)
    ratio = np.divide(sq_dist[:, -1:], sq_dist[:, :-1], out=np.ones_like(sq_dist[:, :-1]), where=seen)
    return seen.sum(axis=1).astype(np.float64), 0.5 * np.log(ratio).sum(axis=1)


def _denoised(dist: Floats, noise: float) -> tuple[Floats, Floats]:
    """The same with each logarithm averaged over the quantiles of the true distance."""
    from scipy.special import ndtr, ndtri

    last, near = dist[:, -1:], dist[:, :-1]
    spread = np.sqrt(2.0) * noise
    below = ndtr(-near / spread)
    middle = (np.arange(NOISE_NODES) + 0.5) / NOISE_NODES
    mean_log = np.zeros_like(near)
    for share in middle:
        true = near + spread * ndtri(below + share * (1 - below))
        mean_log += np.log(np.maximum(true, np.finfo(np.float64).tiny)) / NOISE_NODES
    seen = (near > 0) & (last > 0)
    logs = np.where(seen, np.log(np.where(last > 0, last, 1.0)) - mean_log, 0.0)
    return seen.sum(axis=1).astype(np.float64), logs.sum(axis=1)
