"""alpha_precision and beta_recall: whether mass lies where it should, from the core of a set to its rim.

A set's alpha-support is the ball about its mean that holds a share alpha of its rows; P_alpha is the share of
generated rows in the reference's alpha-support, and under one law P_alpha = alpha at every level. R_beta is the share
of reference rows that the beta-support of the generated rows covers: a row is covered if its nearest generated row lies
in that support and within the distance to the row's own k-th nearest other reference row. The answers are
  1 - 2 int |P_alpha - alpha| d alpha,   1 - 2 int |R_beta - beta| d beta        (Alaa et al. 2022, eqs. 4 to 7),
1 for one law, 0 if all mass is in the core, or all outside. Distances to the own mean leave the row itself out.

Left out: the learned one-class embedding of the paper; balls are drawn in the space the rows are in. The paper's code
takes k = 1, with which R_beta cannot pass 1/2 for one law.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.mean_regression import radii
from geometry.compare.subsampling import joint_sq_dist, subsample_errors
from geometry.errors import UsageError
from geometry.estimates import measured, share_below, undefined
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats

LEVELS = (np.arange(200) + 0.5) / 200
DRAWS = 16
NOWHERE = 2.0  # level of a row that no support covers


@statistic(
    "alpha_precision",
    needs=("points", "reference"),
    range=(0.0, 1.0),
    invariances=SIMILARITY,
    direction="down",
    source="Alaa et al. 2022, eqs. 4 and 6",
    null="1 - sqrt(2 pi) / 4 sqrt(1/n + 1/m): what sampling leaves of 1",
    fails="sets that are no ball about their mean: rings and clusters look full inside",
)
def alpha_precision(scan: Scan, reference: Scan, *, seed: int = 0) -> Estimate:
    """1 less twice the mean gap between the generated share in the reference's quantile balls and their level.

    per_point (m,): the level at which a generated row enters, 1 beyond all reference rows; profile: alpha, precision.
    null: the mean over two samples of one law. Standard error by half samples. Undefined with fewer than 2 reference
    rows, no generated row, or a reference without spread.
    """
    counts = {"n": scan.n, "d": scan.d}
    reason = "few-rows" if scan.n < 1 or reference.n < 2 else "" if has_spread(reference) else "no-spread"
    if reason:
        return undefined("alpha_precision", reason, **counts)
    own, asked = radii(reference), distances_to(scan.points, reference.spectrum.mean)
    level = share_below(asked, own)
    rng = np.random.default_rng(seed)
    draws = [integrated(share_below(_half(asked, rng), np.sort(_half(own, rng)))) for _ in range(DRAWS)]
    noise = float(np.sqrt(1 / scan.n + 1 / reference.n))
    return measured(
        "alpha_precision",
        integrated(level),
        stderr=float(np.std(draws, ddof=1)) if min(scan.n, reference.n) >= 8 else None,
        method="half samples",
        null=max(1 - float(np.sqrt(2 * np.pi)) / 4 * noise, 0.0),
        per_point=level,
        profile={"alpha": LEVELS, "precision": share_by_level(level)},
        **counts,
    )


@statistic(
    "beta_recall",
    needs=("neighbors", "points", "reference"),
    range=(0.0, 1.0),
    invariances=SIMILARITY,
    direction="down",
    source="Alaa et al. 2022, eqs. 5 and 7",
    k=5,
    null="halves of the reference in a run; at most the coverage of `prdc` at this k",
    fails="sets that are no ball about their mean; hubs near the centre, which many rows have as nearest",
)
def beta_recall(scan: Scan, reference: Scan, *, k: int = 5, seed: int = 0) -> Estimate:
    """1 less twice the mean gap between the reference share that generated quantile balls cover and their level.

    per_point (n,): the level at which a reference row is covered, 2 where it never is; profile: beta, recall. Standard
    error by subsampling both sets. Undefined with k reference rows or fewer, fewer than 2 generated rows, or generated
    rows without spread. Raises UsageError for k < 1.
    """
    if k < 1:
        raise UsageError(f"beta_recall needs k of 1 or more, not {k}")
    counts = {"n": scan.n, "d": scan.d, "k": k}
    reason = "few-rows" if scan.n < 2 or reference.n <= k else "" if has_spread(scan) else "no-spread"
    if reason:
        return undefined("beta_recall", reason, **counts)
    nearest = reference.among(scan, 1)
    covered = nearest.sq_dist[:, 0] <= reference.neighbors(k).sq_dist[:, k - 1]
    own = radii(scan)
    level = np.where(covered, share_below(own, own)[nearest.index[:, 0]], NOWHERE)
    errors = subsample_errors(scan, reference, lambda a, b: _small_recall(a, b, k), seed, fewest=2 * k)
    return measured(
        "beta_recall",
        integrated(level),
        stderr=None if errors is None else float(errors[0]),
        method="" if errors is None else "subsampling",
        per_point=level,
        profile={"beta": LEVELS, "recall": share_by_level(level)},
        **counts,
    )


def share_by_level(level: Floats) -> Floats:
    """Share of rows that have entered at each of LEVELS."""
    return np.searchsorted(np.sort(level), LEVELS, side="right") / len(level)


def integrated(level: Floats) -> float:
    """1 - 2 int |share - level|, on the midpoints of LEVELS."""
    return float(np.clip(1 - 2 * np.abs(share_by_level(level) - LEVELS).mean(), 0.0, 1.0))


def distances_to(points: Array, centre: Floats) -> Floats:
    """(n,) distance of each row to a centre."""
    out = np.empty(len(points))
    for part in blocks(len(points), 4096):
        out[part] = np.linalg.norm(points[part].astype(np.float64) - centre, axis=1)
    return out


def _half(values: Floats, rng: np.random.Generator) -> Floats:
    return values[rng.permutation(len(values))[: max(len(values) // 2, 1)]]


def _small_recall(generated: Array, reference: Array, k: int) -> Floats:
    """The integrated recall of a few hundred rows, whole in memory."""
    sq_dist, slack = joint_sq_dist(generated, reference)
    m = len(generated)
    radius = np.partition(sq_dist[m:, m:], k, axis=1)[:, k]
    cross = sq_dist[m:, :m]
    nearest = cross.argmin(axis=1)
    covered = cross[np.arange(len(cross)), nearest] <= radius * (1 + 1e-9) + slack
    depth = distances_to(generated, generated.astype(np.float64).mean(axis=0))
    return np.array([integrated(np.where(covered, share_below(depth, depth)[nearest], NOWHERE))])
