"""duplicates: the share of rows that repeat another, exactly or nearly.

  exact   rows with an equal row before them, over all rows: what would go if each were kept once
  near    rows whose nearest other row is nearer than 1e-3 of the median r_10, over all rows: exact copies and their
          originals count too; the median runs over rows with r_10 > 0, so that many copies do not make it vanish
A pair of copies adds one row to `exact` and two to `near`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.estimates import measured, undefined, wilson_interval
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Neighbors

K = 10
NEAR = 1e-3  # of the median distance to the tenth neighbour


@statistic(
    "duplicates",
    needs=("neighbors",),
    range=(0.0, 1.0),
    invariances=SIMILARITY,
    direction="up",
    source="copies among nearest neighbours",
    k=K,
    null="the reference in a run; 0 for rows of a continuous law",
    fails="coarse numbers, such as counts or bytes, repeat without any copying; under two rows",
    whole="neighbors",
)
def duplicates(scan: Scan) -> dict[str, Estimate]:
    """Shares "exact" and "near", with Wilson's interval over rows (copies come in groups: it is a lower bound).

    Undefined for fewer than two rows; exact also for a ready table without row numbers.
    """
    k = min(K, scan.most_neighbors)
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k}
    if k < 1:
        return {key: undefined("duplicates", "few-rows", variant=key, **fields) for key in ("exact", "near")}
    table = scan.neighbors(k)
    dist = table.exact_dist(k)
    spaced = dist[dist[:, -1] > 0, -1]
    near = (dist[:, 0] == 0) | (dist[:, 0] < NEAR * (np.median(spaced) if len(spaced) else 0.0))
    return {"exact": _exact(table, fields), "near": _share(float(near.mean()), "near", fields)}


def _exact(table: Neighbors, fields: dict[str, Any]) -> Estimate:
    """Ties are ranked by row number, so a row's first neighbour at distance 0 is its earliest copy."""
    if table.index.shape != table.sq_dist.shape:
        return undefined("duplicates", "no-row-numbers", variant="exact", **fields)
    earlier = (table.sq_dist[:, 0] == 0) & (table.index[:, 0] < table.numbers)
    return _share(float(earlier.mean()), "exact", fields)


def _share(share: float, variant: str, fields: dict[str, Any]) -> Estimate:
    low, high = wilson_interval(share, fields["n"])
    return measured("duplicates", share, variant=variant, method="wilson", low=low, high=high, **fields)
