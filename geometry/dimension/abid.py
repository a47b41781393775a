"""abid: intrinsic dimension by the angles between neighbours (Thordsen, Schubert 2020, eq. 8 and 9).

The squared cosine of two independent directions of m dimensions is 1/m on average; abid = k^2 / sum_ij cos^2 t_ij over
the k neighbour directions seen from the row, i = j among them, so that it never exceeds k. Without i = j
("pairs": k (k - 1) / sum over i != j) nothing pulls it down where m is near k, and little keeps it from growing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.local import LocalSums, local_sums
from geometry.pairs.local_halves import half_stderr
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 100


@statistic(
    "abid",
    needs=("neighbors", "points"),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Thordsen and Schubert 2020, eq. 8",
    k=K,
    null="d for directions without preference, pulled down where d is near k",
    fails="many dimensions: near every row is an edge, neighbours lean inward, and it stays low",
    whole="neighbors",
)
def abid(scan: Scan, *, k: int = K, over: str = "all") -> Estimate:
    """Mean over the rows of k^2 / sum_ij cos^2 of the directions to their k neighbours; over="pairs" leaves out i = j.

    per_point holds that of each row; copies of a row have no direction and leave its k. k falls to the neighbours there
    are. Near a boundary directions lean to one side, which lowers the answer. Standard error by random halves of the
    neighbourhoods. Undefined with fewer than three rows, where all rows are equal, or (over="pairs") all directions
    orthogonal.
    """
    if over not in VALUES:
        raise UsageError(f"abid cannot go over '{over}'; choose one of {', '.join(VALUES)}")
    if k < 2:
        raise UsageError(f"abid: k = {k} is too small; it needs at least 2 neighbours")
    k = min(k, scan.most_neighbors)
    fields: dict[str, Any] = {"variant": over, "n": scan.n, "d": scan.d, "k": k}
    if k < 2:
        return undefined("abid", "few-rows", **fields)
    per_point = VALUES[over](local_sums(scan, k))
    if not np.isfinite(per_point).any():
        return undefined("abid", "no-directions", **fields)
    stderr = half_stderr(scan, k, "sums", VALUES[over])
    return measured(
        "abid", float(np.nanmean(per_point)), stderr=stderr, method="random halves", per_point=per_point, **fields
    )


def _all(sums: LocalSums) -> Floats:
    return _quotient(sums.directed.astype(np.float64) ** 2, sums.cos2)


def _pairs(sums: LocalSums) -> Floats:
    counted = sums.directed.astype(np.float64)
    beyond = sums.cos2 - counted
    return _quotient(counted * (counted - 1), np.where(beyond > 1e-9 * counted, beyond, 0.0))


def _quotient(over: Floats, under: Floats) -> Floats:
    """NaN where there are fewer than two directions or nothing to divide by."""
    made: Floats = np.divide(over, under, out=np.full(len(over), np.nan), where=(under > 0) & (over > 1))
    return made


VALUES: dict[str, Callable[[LocalSums], Floats]] = {"all": _all, "pairs": _pairs}
