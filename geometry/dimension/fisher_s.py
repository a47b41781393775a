"""fisher_s: intrinsic dimension from how easily rows are separated from each other (Albergante, Bac, Zinovyev 2019).

Rows are centred, kept in the principal directions with lambda > lambda_1 / 10, whitened and divided by their length.
p_a is the share of pairs with x_i.x_j > a. On the unit sphere in n dimensions p_a = (1 - a^2)^((n - 1) / 2) / (a sqrt(2
pi n)) (Gorban, Tyukin 2018), which gives
  n_a = W(-w / (2 pi p_a^2 a^2 (1 - a^2))) / (-w),   w = log(1 - a^2), W Lambert's function.
Of a = .6, .62 .. .98 the value is at the one nearest .9 of the largest at which any pair is left.
"""

from __future__ import annotations

import numpy as np

from geometry.estimates import measured, undefined
from geometry.pairs.influence import pairwise_stderr
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.pairs.sums import sample_rows
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats

ALPHAS = np.arange(30, 50) / 50  # .6 .. .98
CONDITION = 10.0
ROWS = 2048  # rows up to which every pair counts; beyond, a seeded sample of them against all
BLOCK = 512


@statistic(
    "fisher_s",
    needs=("moments", "points"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Albergante, Bac and Zinovyev 2019",
    null="n for rows uniform on the sphere in n dimensions after whitening",
    fails="many dimensions and few rows leave no pair; the projection hides directions below a tenth of the largest",
)
def fisher_s(scan: Scan) -> Estimate:
    """Dimension of the sphere on which as many pairs of whitened unit rows would have a product above a.

    per_point is the same from each row's own share, NaN where it is 0 and for rows not looked at. Profile: alpha,
    share, dimension (NaN where no pair is left). The error is that of the share (pairs share rows), by the delta
    method. Undefined with fewer than three rows, without spread, or where no pair is left at a = .6.
    """
    fields = {"n": scan.n, "d": scan.d}
    if scan.n < 3:
        return undefined("fisher_s", "few-rows", **fields)
    if not has_spread(scan):
        return undefined("fisher_s", "no-spread", **fields)
    unit, rows = _unit_rows(scan)
    counts = _counts(unit, rows)
    shares = counts / (len(unit) - 1)
    mean = shares.mean(axis=1)
    if mean[0] == 0:
        return undefined("fisher_s", "no-pair-left", **fields)
    informative = ALPHAS[mean > 0]
    at = int(np.argmin(np.abs(ALPHAS - 0.9 * informative[-1])))
    value = sphere_dimension(mean[at], ALPHAS[at])
    w = -np.log1p(-(ALPHAS[at] ** 2)) * value
    stderr = 2 * value / (1 + w) / mean[at] * pairwise_stderr(shares[at], len(unit))
    per_point = np.full(scan.n, np.nan)
    per_point[rows[shares[at] > 0]] = sphere_dimension(shares[at][shares[at] > 0], ALPHAS[at])
    profile = {"alpha": ALPHAS, "share": mean, "dimension": np.full(len(ALPHAS), np.nan)}
    profile["dimension"][mean > 0] = sphere_dimension(mean[mean > 0], ALPHAS[mean > 0])
    return measured(
        "fisher_s",
        float(value),
        stderr=float(stderr),
        method="row shares",
        per_point=per_point,
        profile=profile,
        exact=len(rows) == scan.n,
        **fields,
    )


def sphere_dimension(share: Floats | float, alpha: Floats | float) -> Floats:
    """n_a of positive shares."""
    from scipy.special import lambertw

    w = np.log1p(-(np.asarray(alpha) ** 2))
    made: Floats = lambertw(-w / (2 * np.pi * np.asarray(share) ** 2 * np.asarray(alpha) ** 2 * np.exp(w))).real / -w
    return made


def _unit_rows(scan: Scan) -> tuple[Array, Array]:
    """(n, m) whitened rows of length 1 in float32 (a row at the mean stays 0), and the numbers of those looked at."""
    values = scan.spectrum.eigenvalues
    kept = values > values[0] / CONDITION
    white = scan.scores[:, kept] / np.sqrt(values[kept])
    length = np.linalg.norm(white, axis=1, keepdims=True)
    unit = np.divide(white, length, out=np.zeros_like(white), where=length > 1e-12)
    return unit.astype(np.float32), sample_rows(scan.n, ROWS, scan.seed)


def _counts(unit: Array, rows: Array) -> Floats:
    """(alphas, s) other rows whose product with each row of `rows` is above each alpha."""
    counts = np.empty((len(ALPHAS), len(rows)))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        product = unit[block] @ unit.T
        product[np.arange(len(block)), block] = -1.0
        at, _ = np.nonzero(product > ALPHAS[0])
        bins = np.searchsorted(ALPHAS, product[product > ALPHAS[0]], side="left")
        table = np.bincount(at * (len(ALPHAS) + 1) + bins, minlength=len(block) * (len(ALPHAS) + 1))
        above = table.reshape(len(block), -1)[:, ::-1].cumsum(axis=1)[:, ::-1]
        counts[:, start : start + len(block)] = above[:, 1:].T
    return counts
