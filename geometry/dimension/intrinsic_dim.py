"""intrinsic_dim: one answer from a distance, an angle and a spectrum without their known bias, and how they differ.

Each member is read against rows uniform in a ball with the same n and k (`calibration`):
  distance   the mean log r_k / r_j over the k = 10 neighbours, mle (Levina, Bickel 2004)
  angle      the mean area share of the neighbours, ess (Johnsson, Soneson, Fontes 2015)
  spectrum   the mean participation of the eigenvalues of the neighbours' covariance
What is left is bending and noise, which grow with the scale: two_nn (Facco et al. 2017), read in the same way, says by
how much from the nearest pair's scale to that of 10, q = d_2 / d_10, and all three are multiplied by it. log q is
shrunk by 1 - 1 / (n log^2 q), at least 0 (James, Stein 1961): a ratio within its own error corrects nothing. No
member exceeds the rank of the covariance. The value is the geometric mean with weights 1/2, 1/4, 1/4: the angle and the
spectrum read the same products of neighbours and err together, so that they are one witness against the distance. The
disagreement is the log of the largest over the smallest member, 0 where they are one. A cusp of the density lowers all
three alike and is not seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geometry.dimension import calibration
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.local import local_spectra, local_sums
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Neighbors

K = 10
WIDE = 2 * K  # columns of sampled rows among all, so that K are left where some are copies of one another
NEAR = 1e-5  # of the median r_10: rows nearer to each other are copies; on a curve 1e-4 of the rows are by chance
FEWEST = 5  # distinct rows
WEIGHTS = {"distance": 0.5, "angle": 0.25, "spectrum": 0.25}
KEYS = ("ensemble", *WEIGHTS, "disagreement")


@statistic(
    "intrinsic_dim",
    needs=("neighbors", "points", "moments"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Levina and Bickel 2004; Facco et al. 2017; Johnsson, Soneson and Fontes 2015; Li 2011 for the ball",
    k=WIDE,
    null="d for rows uniform in a ball of d dimensions; closed surfaces read up to a tenth high",
    fails="cusps of the density read low; jittered copies and noise on the nearest pair's scale mislead it",
    whole="neighbors",
)
def intrinsic_dim(scan: Scan, *, member: str | None = None) -> Estimate | dict[str, Estimate]:
    """Weighted geometric mean of a distance, an angle and a spectrum estimator freed of edges, and their disagreement.

    Keys: ensemble, distance, angle, spectrum, disagreement; `member` picks one. Copies and near copies (nearer than
    1e-5 of the median r_10) are merged first. The standard error is the one of two_nn through its calibration: an upper
    bound, reached where q is far from 1. Undefined with fewer than five distinct rows or without distinct distances.
    """
    if member is not None and member not in KEYS:
        raise UsageError(f"intrinsic_dim has no member '{member}'; choose one of {', '.join(KEYS)}")
    distinct = _distinct(scan)
    fields: dict[str, Any] = {"n": distinct.n, "d": scan.d, "k": min(K, max(distinct.n - 1, 0))}
    found = "few-distinct-rows" if distinct.n < FEWEST else _members(distinct)
    if isinstance(found, str):
        made = {key: undefined("intrinsic_dim", found, variant=key, **fields) for key in KEYS}
    else:
        made = _estimates(*found, fields)
    return made if member is None else made[member]


def _estimates(values: Floats, relative: float, fields: dict[str, Any]) -> dict[str, Estimate]:
    """Of the members (3,) with one relative error, in the order of KEYS."""
    weights = np.array(list(WEIGHTS.values()))
    value = {"ensemble": float(np.exp(weights @ np.log(values))), **dict(zip(WEIGHTS, values.tolist(), strict=True))}
    method = "two_nn through the ball"
    made = {
        key: measured("intrinsic_dim", one, variant=key, stderr=one * relative, method=method, **fields)
        for key, one in value.items()
    }
    apart = float(np.log(values.max() / values.min()))
    return made | {"disagreement": measured("intrinsic_dim", apart, variant="disagreement", null=0.0, **fields)}


def _distinct(scan: Scan) -> Scan:
    """The scan, or one of the first of every group of copies and near copies."""
    if "distinct" not in scan.memo and scan.base is not None:
        scan.memo["distinct"] = _distinct_in_files(scan)
    if "distinct" not in scan.memo:
        k = min(K, len(scan.rows) - 1)
        kept: NDArray[np.bool_] = np.ones(scan.n, np.bool_)
        if k >= 1:
            table = scan.neighbors(k)
            near = table.sq_dist <= NEAR**2 * np.median(table.sq_dist[:, -1])
            earlier = near & (table.index < np.arange(scan.n)[:, None])
            kept = np.logical_not(earlier.any(axis=1))
        scan.memo["distinct"] = scan if kept.all() else scan.of_rows(np.flatnonzero(kept))
    found: Scan = scan.memo["distinct"]
    return found


def _distinct_in_files(scan: Scan) -> Scan:
    """Sampled rows that are the first of their group, with their nearest distinct others among all rows.

    Neighbours at one distance, to NEAR, are taken for copies of one another; the rows there are fall by the share of
    sampled rows that go.
    """
    table = scan.neighbors(min(WIDE, scan.most_neighbors))
    reach = NEAR * np.sqrt(np.median(table.sq_dist[:, min(K, table.k) - 1]))
    near = table.sq_dist <= reach**2
    if not near.any():
        return scan
    gone = near.copy()
    gone[:, 1:] |= np.diff(table.exact_dist(table.k), axis=1) <= reach
    k = min(K, table.k)
    first = np.logical_not((near & (table.index < table.numbers[:, None])).any(axis=1))
    rows = np.flatnonzero(first & ((~gone).sum(axis=1) >= k))
    order = rows[:, None], np.argsort(gone[rows], axis=1, kind="stable")[:, :k]
    among = round(table.base_rows * float(first.mean()))
    left = Neighbors(
        table.dist[order], table.index[order], table.certified[rows], table.sq_dist[order], own=table.numbers[rows],
        among=among,
    )  # fmt: skip
    assert scan.base is not None
    return scan.base.on(left, scan.points[rows])


def _members(scan: Scan) -> tuple[Floats, float] | str:
    """(3,) the members at the nearest pair's scale and their relative standard error, or the reason for none."""
    k = min(K, scan.most_neighbors)
    n = scan.neighbors(k).base_rows
    log_dist = np.log(scan.neighbors(k).exact_dist(k))
    pair, wide = (float((log_dist[:, j - 1 : j] - log_dist[:, : j - 1]).sum(axis=1).mean()) for j in (2, k))
    share, value = (
        calibration.area_share(local_sums(scan, k)),
        calibration.local_participation(local_spectra(scan, k)),
    )
    if not (pair > 0 and wide > 0 and np.isfinite([share, value]).all()):
        return "no-distinct-distances"
    near, wide_dim = calibration.from_log_ratio(pair, n, 2), calibration.from_log_ratio(wide, n, k)
    if not np.isfinite([near, wide_dim]).all():
        return "beyond-calibration"
    read = [wide_dim, calibration.from_area(share, n, k), calibration.from_participation(value, n, k)]
    values = np.clip(np.array(read) * _carried(near / wide_dim, scan.n), calibration.LOWEST, _rank(scan))
    return values, _relative_error(near, n, scan.n)


def _rank(scan: Scan) -> int:
    """Of the covariance; of rows in files with too many columns to form one, that of the sample."""
    judged = scan if scan.base is None or scan.d <= MOST_COVARIANCE else scan.base.sample
    return int((judged.spectrum.eigenvalues > 0).sum())


def _carried(ratio: float, rows: int) -> float:
    """The correction from the scale of k neighbours to the nearest pair's, shrunk by its own error over the rows."""
    log_ratio = float(np.log(ratio))
    return float(np.exp(log_ratio * max(1 - 1 / (rows * log_ratio**2), 0.0))) if log_ratio else 1.0


def _relative_error(near: float, n: int, rows: int) -> float:
    """That of the nearest pair's dimension: 1 / sqrt(rows) of its mean logarithm over the calibration's steepness.

    rows: that were looked at, of n.
    """
    step = 0.01
    ahead = calibration.log_ratio(near * (1 + step), n, 2)
    steepness = np.log(calibration.log_ratio(near, n, 2) / ahead) / np.log1p(step)
    return float(1 / (steepness * np.sqrt(rows)))
