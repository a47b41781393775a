"""mutual_knn: whether the same rows are neighbours in two sets.

Mean over paired rows of the share of their k nearest others that are the same rows in both (Huh et al. 2024). Only
ranks of near distances count, so nothing global enters. Copies tie by row number, in both sets alike.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.pairing import pairs_of
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Ints

ROWS = 8192


@statistic(
    "mutual_knn",
    needs=("neighbors", "points", "ids", "reference"),
    range=(0.0, 1.0),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="down",
    source="Huh et al. 2024",
    k=10,
    null="k / (n - 1)",
    fails="unpaired rows; k pairs or fewer; ties among copies, which go by row number",
)
def mutual_knn(scan: Scan, reference: Scan, *, k: int = 10, paired: bool = False) -> Estimate:
    """Mean share of the k nearest others of a row that are the same rows in both sets; null k / (n - 1).

    per_point (n,) the share of each pair, in the order of this set's rows. paired=True pairs rows by position where
    ids are missing. Undefined with k pairs or fewer, or a set without spread. Raises UsageError for k < 1.
    """
    if k < 1:
        raise UsageError(f"mutual_knn needs k of 1 or more, not {k}")
    x, y = pairs_of(scan, reference, paired, "mutual_knn")
    fields = {"n": x.n, "d": x.d, "k": k}
    if x.n <= k:
        return undefined("mutual_knn", "few-rows", **fields)
    if not (has_spread(x) and has_spread(y)):
        return undefined("mutual_knn", "no-spread", **fields)
    shared = overlap(x.neighbors(k).index, y.neighbors(k).index) / k
    null = k / (x.n - 1)
    return measured(
        "mutual_knn",
        float(shared.mean()),
        stderr=_stderr(shared, y.neighbors(k).index, null),
        method="rows and their neighbours",
        null=null,
        per_point=shared,
        **fields,
    )


def overlap(first: Ints, second: Ints) -> Floats:
    """(n,) how many entries of each row of (n, k) are in the same row of the other."""
    counts = np.empty(len(first))
    for start in range(0, len(first), ROWS):
        part = slice(start, start + ROWS)
        counts[part] = (first[part, :, None] == second[part, None, :]).any(axis=2).sum(axis=1)
    return counts


def _stderr(shared: Floats, index: Ints, null: float) -> float:
    """Standard error of the mean over rows; neighbours have like shares, so their products with a row enter too.

    Never below that of as many independent draws as there are entries in the table, each shared with chance `null`.
    """
    n, k = index.shape
    residual = shared - shared.mean()
    near = float((residual[:, None] * residual[index]).sum())
    floor = null * (1 - null) / (n * k)
    return float(np.sqrt(max((float(residual @ residual) + near) / n**2, floor)))
