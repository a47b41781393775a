"""Rows that should lie together: how near they are, and how many directions tell their groups apart.

  alignment   mean |u_i - u_j|^2 over positive pairs of directions from the mean              Wang, Isola 2020, eq. 5
  lidar       exp(entropy) of the eigenvalues of (Sw + delta I)^{-1/2} Sb (Sw + delta I)^{-1/2}    Thilak et al. 2024
Sb is the covariance of the group means, Sw the mean covariance inside the groups. Groups are the labels or an array
given, each of two rows or more; every pair inside a group is positive. Errors take groups as the sample (delta method).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.collapse.groups import Groups, groups_of, means_apart
from geometry.collapse.spectrum import entropy_rank
from geometry.collapse.unit_rows import directions
from geometry.errors import InputError, UsageError
from geometry.estimates import measured, standard_error, undefined
from geometry.pairs.influence import influence_stderr
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import RIGID, SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Ints

DELTA = 1e-4
FAILS = "without labels, groups or pairs; groups of one row take no part"


@statistic(
    "alignment",
    needs=("points", "moments", "labels"),
    range=(0.0, 4.0),
    invariances=SIMILARITY,
    direction="down",
    source="Wang and Isola 2020, eq. 5",
    null="2 (1 - mean cosine) over all pairs: rows paired at random",
    fails=FAILS,
)
def alignment(scan: Scan, *, groups: Array | None = None, pairs: Array | None = None) -> Estimate:
    """Mean |u_i - u_j|^2 over positive pairs, u the directions from the mean: 0 where they coincide, 4 where opposite.

    Pairs are those within the labels, within groups (n,), or pairs (m, 2) of row numbers, whose error takes them as
    independent. Undefined without any (`no-labels`, `no-pairs`), for fewer than two rows, or without spread.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    if groups is not None and pairs is not None:
        raise UsageError("alignment: pass groups or pairs, not both")
    found = groups_of(scan, groups) if pairs is None else None
    reason = _reason(scan, pairs is None and found is None)
    if reason:
        return undefined("alignment", reason, **fields)
    unit, seen = directions(scan, center=True)
    sums, counts = _of_groups(unit, seen, found) if found is not None else _of_pairs(unit, seen, pairs)
    if not counts.sum():
        return undefined("alignment", "no-pairs", **fields)
    value, n = float(sums.sum() / counts.sum()), int(seen.sum())
    stderr = standard_error(sums - value * counts) / float(counts.mean())
    null = 2 * (1 - (float((unit.sum(axis=0) ** 2).sum()) - n) / (n * (n - 1)))
    method = "pairs" if found is None else "groups"
    value = min(max(value, 0.0), 4.0)
    return measured("alignment", value, stderr=stderr, method=method, null=null, variant=method, **fields)


@statistic(
    "lidar",
    needs=("points", "moments", "labels"),
    range=(1.0, np.inf),
    invariances=RIGID,
    direction="down",
    source="Thilak et al. 2024",
    null="the reference in a run",
    fails=FAILS + "; delta is in units of the input squared and should lie well below Sw",
)
def lidar(scan: Scan, *, groups: Array | None = None, delta: float = DELTA) -> Estimate:
    """Entropy rank of the LDA matrix: how many directions tell the groups apart, at most groups - 1.

    Groups are the labels, or groups (n,). delta is added to Sw as in the source, in units of the input squared.
    Undefined without labels, with fewer than two groups of two rows, without spread, or where all group means agree.
    """
    if not delta > 0:
        raise UsageError(f"lidar: delta = {delta} must be positive")
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    found = groups_of(scan, groups)
    reason = _reason(scan, found is None)
    if not reason and found is not None and len(found.counts) < 2:
        reason = "few-groups"
    if reason or found is None:
        return undefined("lidar", reason, **fields)
    scores = scan.scores[found.rows]
    means = found.means(scores)
    inside = scores - means[found.number]
    if not means_apart(means, scan.spectrum.mean, float(np.sqrt((inside**2).sum(axis=1).mean()))):
        return undefined("lidar", "equal-means", **fields)
    value, pull = _lda_rank(found, means - means.mean(axis=0), inside, delta)
    fields["n"] = len(found.rows)
    stderr = influence_stderr(pull, len(pull)) if len(pull) > 2 else None
    return measured("lidar", max(value, 1.0), stderr=stderr, method="influence of groups", **fields)


def _reason(scan: Scan, unlabelled: bool) -> str:
    if unlabelled:
        return "no-labels"
    return "few-rows" if scan.n < 2 else "" if has_spread(scan) else "no-spread"


def _of_groups(unit: Floats, seen: Array, groups: Groups) -> tuple[Floats, Ints]:
    """Per group the sum over its pairs, m sum |u_i - mean|^2, and the number m (m - 1) / 2 of them."""
    groups = groups.among(seen[groups.rows])
    if len(groups.rows) == 0:
        return np.zeros(1), np.zeros(1, np.int64)
    rows = unit[groups.rows]
    apart = ((rows - groups.means(rows)[groups.number]) ** 2).sum(axis=1)
    return groups.counts * groups.sums(apart), groups.counts * (groups.counts - 1) // 2


def _of_pairs(unit: Floats, seen: Array, given: Array | None) -> tuple[Floats, Ints]:
    pairs = np.asarray(given)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise InputError(f"alignment: pairs have shape {pairs.shape}, dtype {pairs.dtype}; pass (m, 2) row numbers")
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < len(unit)):
        raise InputError(f"alignment: pairs name rows {pairs.min()} to {pairs.max()}; there are 0 to {len(unit) - 1}")
    pairs = pairs[seen[pairs].all(axis=1)]
    return ((unit[pairs[:, 0]] - unit[pairs[:, 1]]) ** 2).sum(axis=1), np.ones(len(pairs), np.int64)


def _lda_rank(groups: Groups, between: Floats, inside: Floats, delta: float) -> tuple[float, Floats]:
    """The rank, and the pull (g,) of each group on it: on Sb by its mean, on Sw by its rows, at weight their number."""
    within, axes = np.linalg.eigh(inside.T @ inside / len(inside))
    whiten = axes / np.sqrt(np.maximum(within, 0.0) + delta)
    white_means = between @ whiten
    values, turn = np.linalg.eigh(white_means.T @ white_means / len(between))
    values = np.where(values > len(values) * np.finfo(np.float64).eps * values[-1], values, 0.0)
    rank, weights = entropy_rank(values)
    own = groups.sums((inside @ (whiten @ turn)) ** 2)
    share = groups.counts[:, None] / groups.counts.mean()
    spread = own / groups.counts.mean() - share * own.sum(axis=0) / len(inside)
    pull: Floats = ((white_means @ turn) ** 2 - values - values * spread) @ weights
    return rank, pull
