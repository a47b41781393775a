"""knn_graph: intrinsic dimension from the growth of the k-nearest-neighbour graph's length (Costa, Hero 2004).

The length L_m of the graph over m of the rows grows like m^((d - gamma) / d), edges to the power gamma. Subsamples are
without replacement, and their mean is taken exactly instead of drawn: the j-th nearest of all n rows is the i-th
nearest in a random subsample of m rows with the probability
  w_ij = C(j - 1, i - 1) C(n - 1 - j, m - 1 - i) / C(n - 1, m - 1),
so that E L_m = m mean_rows sum_i sum_j w_ij r_j^gamma. Then d = gamma / (1 - slope of log E L_m on log m).
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import half_sample_stderr
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats

COLUMNS = 64  # at a quarter of the rows 16 of them are left, 5 with p = .9997
HALF_COLUMNS = 24  # that a random half finds among COLUMNS for nearly every row
SHARES = (1.0, 2**-0.5, 0.5, 2**-1.5, 0.25)  # of the rows, from one size to the next


@statistic(
    "knn_graph",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Costa and Hero 2004",
    k=COLUMNS,
    null="d for rows uniform in d dimensions without edge",
    fails="lowered by edges, the more so in many dimensions; raised by noise and by bending at a quarter of the rows",
)
def knn_graph(scan: Scan, *, k: int = 5, gamma: float = 1.0) -> Estimate:
    """gamma / (1 - slope of the log length of the k-neighbour graph on the log of the rows), all to a quarter of them.

    per_point is the same for each row's own edges. Profile: log_rows, log_length. k falls to the neighbours there are
    at a quarter of the rows. Undefined with fewer than nine rows, with copies enough to make a length 0, or where the
    length does not grow more slowly than the rows.
    """
    if k < 1 or gamma <= 0:
        raise UsageError(f"knn_graph: k = {k} starts at 1, gamma = {gamma} must be positive")
    k = min(k, int(scan.n * SHARES[-1]) - 1)
    fields = {"n": scan.n, "d": scan.d, "k": max(k, 0)}
    if k < 1 or scan.most_neighbors < k:
        return undefined("knn_graph", "few-rows", **fields)
    table = scan.neighbors(min(max(COLUMNS, 4 * k), scan.most_neighbors))
    log_rows, lengths = _lengths(table.exact_dist(table.k), scan.n, k, gamma)
    if not (lengths.sum(axis=1) > 0).all():
        return undefined("knn_graph", "no-distinct-distances", **fields)
    log_length = np.log(lengths.mean(axis=1))
    value = _dimension(log_rows, log_length, gamma)
    if not np.isfinite(value):
        return undefined("knn_graph", "no-growth", **fields)
    half = min(max(HALF_COLUMNS, k), table.k)

    def of_half(part: Array) -> float:
        sizes, means = _lengths(part, scan.n // 2, k, gamma)
        return _dimension(sizes, np.log(np.maximum(means.mean(axis=1), np.finfo(float).tiny)), gamma)

    return measured(
        "knn_graph",
        value,
        stderr=half_sample_stderr(table, half, lambda part: of_half(part.exact_dist(half)), scan.seed),
        method="random halves",
        per_point=_rows(log_rows, lengths, gamma),
        profile={"log_rows": log_rows, "log_length": log_rows + log_length},
        **fields,
    )


def _lengths(dist: Floats, n: int, k: int, gamma: float) -> tuple[Floats, Floats]:
    """(s,) log subsample sizes and (s, n) expected edge lengths of each row at them, in units of the median r_k.

    What the table is too narrow to hold is left out, and the rest counts for it.
    """
    unit = float(np.median(dist[:, k - 1])) or float(dist.max()) or 1.0
    edges = (dist / unit) ** gamma
    sizes = np.array([max(round(share * n), k + 1) for share in SHARES])
    weights = np.stack([_weights(n, int(m), k, dist.shape[1]) for m in sizes])
    return np.log(sizes), weights @ edges.T


def _weights(n: int, m: int, k: int, columns: int) -> Floats:
    """(columns,) sum over i <= k of w_ij, each i normalised over the columns."""
    from scipy.special import gammaln

    def log_choose(a: Floats, b: Floats) -> Floats:
        inside = (b >= 0) & (b <= a)
        a, b = np.where(inside, a, 0.0), np.where(inside, b, 0.0)
        return np.where(inside, gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1), -np.inf)

    i = np.arange(1, k + 1, dtype=np.float64)[:, None]
    j = np.arange(1, columns + 1, dtype=np.float64)
    log_weight = log_choose(j - 1, i - 1) + log_choose(n - 1 - j, m - 1 - i)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    made: Floats = (weight / weight.sum(axis=1, keepdims=True)).sum(axis=0)
    return made


def _slopes(log_rows: Floats, log_mean: Floats) -> Floats:
    """Slope of the log mean edge on the log size, along the first axis: that of the length less 1."""
    centred = log_rows - log_rows.mean()
    slopes: Floats = centred @ (log_mean - log_mean.mean(axis=0)) / (centred @ centred)
    return slopes


def _dimension(log_rows: Floats, log_mean: Floats, gamma: float) -> float:
    slope = float(_slopes(log_rows, log_mean))
    return gamma / -slope if slope < 0 and np.isfinite(slope) else float("nan")


def _rows(log_rows: Floats, lengths: Floats, gamma: float) -> Array:
    """(n,) of each row's own edges, NaN where they are 0 or do not shrink."""
    per_point = np.full(lengths.shape[1], np.nan)
    known = (lengths > 0).all(axis=0)
    slopes = _slopes(log_rows, np.log(lengths[:, known]))
    per_point[known] = np.divide(gamma, -slopes, out=np.full_like(slopes, np.nan), where=slopes < 0)
    return per_point
