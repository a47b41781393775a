"""Do the raw rows point evenly? By the partition function along the eigenvectors, and by the square cosines.

partition_isotropy   min F(c) / max F(c), F(c) = sum_i exp(c.x_i), over the unit eigenvectors c of X'X and their
                     negatives                                                     Mu, Viswanath 2018, eq. 2
self_cluster         (d |V'V|_F^2 - n (d + n - 1)) / ((d - 1)(n - 1) n), V the unit rows: (d m - 1) / (d - 1) with
                     m the mean squared cosine over pairs                          Tsitsulin et al. 2023, eq. 6
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.collapse.rankme import uncentred
from geometry.collapse.unit_rows import cosines
from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.registry import statistic
from geometry.types import Estimate, Floats

BLOCK = 32  # directions whose exponentials are held at once


@statistic(
    "partition_isotropy",
    needs=("points", "moments"),
    range=(0.0, 1.0),
    invariances=("rotation", "row order"),
    direction="down",
    source="Mu and Viswanath 2018, eq. 2",
    null="the reference in a run; 1 where all directions are alike",
    fails="moves with the unit of the rows: near 1 for short rows, 0 for long ones whatever their directions",
)
def partition_isotropy(scan: Scan) -> Estimate:
    """min over max of the partition function F(c) = sum exp(c.x) of the raw rows, c along the eigenvectors of X'X.

    1 where all directions are alike. F goes through the logarithm, so long rows give 0 and not an overflow. Beyond
    20,000 rows a seeded sample. The error counts that rows turn the two directions. Undefined without rows.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    if scan.n < 1:
        return undefined("partition_isotropy", "few-rows", **fields)
    _, rows = uncentred(scan)
    if rows.shape[1] < scan.d:  # the eigenvectors that no row reaches: F = n
        rows = np.hstack([rows, np.zeros((len(rows), 1))])
    signs = np.repeat([1.0, -1.0], rows.shape[1])
    columns = np.tile(np.arange(rows.shape[1]), 2)
    logs = np.concatenate([_log_mean_exp(signs[b] * rows[:, columns[b]])[0] for b in blocks(len(signs), BLOCK)])
    ends = [int(np.argmin(logs)), int(np.argmax(logs))]
    value = float(np.exp(logs[ends[0]] - logs[ends[1]]))
    shares = _log_mean_exp(signs[ends] * rows[:, columns[ends]])[1]
    low, high = (
        share + sign * _turning(rows, column, share)
        for share, sign, column in zip(shares.T, signs[ends], columns[ends], strict=True)
    )
    stderr = value * influence_stderr(low - high, scan.n)
    exact = len(rows) == scan.n
    return measured("partition_isotropy", value, stderr=stderr, method="influence function", exact=exact, **fields)


@statistic(
    "self_cluster",
    needs=("points",),
    range=(-1.0, 1.0),
    invariances=("rotation", "row order", "scale"),
    direction="up",
    source="Tsitsulin, Munkhoeva and Perozzi 2023, eq. 6",
    null="0: directions uniform on the sphere",
    fails="a mean far from the origin reads as one cluster; undefined at d = 1",
)
def self_cluster(scan: Scan) -> Estimate:
    """How far the raw unit rows cluster: 0 for directions uniform on the sphere, 1 where all lie along one line.

    Undefined at d = 1 and with fewer than two rows of non-zero length.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    reason = "few-rows" if scan.n < 2 else "one-dimension" if scan.d == 1 else ""
    if not reason and cosines(scan).n < 2:
        reason = "zero-rows"
    if reason:
        return undefined("self_cluster", reason, **fields)
    made = cosines(scan)
    fields["n"] = n = made.n
    pairs, of_rows = (n * made.square - 1) / (n - 1), (n * made.squares() - 1) / (n - 1)
    value = float(np.clip((scan.d * pairs - 1) / (scan.d - 1), -1.0, 1.0))
    stderr = influence_stderr(2 * (of_rows - pairs), n) * scan.d / (scan.d - 1)
    return measured("self_cluster", value, stderr=stderr, method="row means", null=0.0, exact=made.exact, **fields)


def _log_mean_exp(along: Floats) -> tuple[Floats, Floats]:
    """Per column of (n, q) the log of the mean exponential, and each row's exponential over that mean."""
    top = along.max(axis=0)
    shifted = np.exp(along - top)
    mean = shifted.mean(axis=0)
    return np.log(mean) + top, shifted / mean


def _turning(rows: Floats, column: int, shares: Floats) -> Floats:
    """(n,) pull of each row on log F by turning this eigenvector, by x_j x_k / (lambda_j - lambda_k) towards others.

    Nearly equal eigenvalues are parted by the sampling error of their difference.
    """
    values = (rows**2).mean(axis=0)
    top = float(values.max()) or 1.0
    apart = (values[column] - values) / top
    noise = values[column] / top * values / top / len(rows)
    weight = np.divide(apart, apart**2 + noise, out=np.zeros_like(apart), where=apart != 0) / top
    toward = shares @ rows / len(rows)
    pull: Floats = rows[:, column] * (rows @ (weight * toward))
    return pull
