"""modality_gap: how far apart the groups of one set lie, how well their means tell them apart, and each group's cone.

distance: root mean square distance of the group means over all pairs of groups, less what n rows leave of it by chance:
|m_a - m_b|^2 - tr S_a / (n_a - 1) - tr S_b / (n_b - 1), S with ddof 0 (Liang et al. 2022 for the distance of means).
gap: that distance over the rms distance of a row to its own group's mean. separability: share of rows nearer to the
mean of their own group, taken without them, than to any other. cone: |mean| / rms |x| of each group's raw rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.estimates import measured, undefined, wilson_interval
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import statistic
from geometry.types import Array, Estimate, Floats, Ints

SHUFFLES = 8
DRAWS = 16
MOST_GROUPS = 1000
FEWEST = 2  # rows of a group that has a place and a spread


@dataclass(frozen=True)
class Groups:
    """names (g,), group (n,) of every row, counts (g,), and the means (g, d) about the centre (d,) of all rows.

    sq_spread (g,): mean squared distance to the group's mean; rows (n, d) float64 about the centre.
    """

    names: Array
    group: Ints
    counts: Ints
    means: Floats
    sq_spread: Floats
    rows: Floats
    centre: Floats


@statistic(
    "modality_gap",
    needs=("points", "labels"),
    range=(0.0, np.inf),
    invariances=("rotation", "row order", "zero-padding"),
    direction="down",
    source="Liang et al. 2022",
    null="distance and gap 0; separability: the share with labels dealt at random",
    fails="without labels, or with one group; groups of one row take no part",
)
def modality_gap(scan: Scan) -> dict[str, Estimate]:
    """distance and gap of the group means, separability by them, and the cone of each group, as `cone NAME`.

    null of distance and gap 0, of separability its mean with labels dealt at random; errors of distance and gap by half
    samples, of separability after Wilson. per_point of separability (n,) bool: nearest to its own group's mean.
    profile of distance: group (g,), rows (g,), cone (g,). Groups of one row take no part. Undefined without labels,
    with fewer than two groups or more than 1000, or without spread.
    """
    names = ("distance", "gap", "separability")
    fields = {"n": scan.n, "d": scan.d}
    reason = _reason(scan)
    groups = groups_of(scan.rows, np.asarray(scan.labels)) if not reason else None
    if groups is None or not 2 <= len(groups.names) <= MOST_GROUPS:
        reason = reason or ("one-group" if groups is None or len(groups.names) < 2 else "too-many-groups")
        return {name: undefined("modality_gap", reason, variant=name, **fields) for name in names}
    cones = cones_of(groups)
    return (
        _distances(groups, cones, scan.seed, fields)
        | _separability(groups, scan.seed, fields)
        | {
            f"cone {name}": measured("modality_gap", cone, variant=f"cone {name}", n=int(count), d=scan.d)
            for name, cone, count in zip(groups.names.tolist(), cones.tolist(), groups.counts, strict=True)
        }
    )


def _reason(scan: Scan) -> str:
    if scan.labels is None:
        return "no-labels"
    if scan.n < 2:
        return "few-rows"
    return "" if has_spread(scan) else "no-spread"


def groups_of(points: Array, labels: Array) -> Groups:
    """The groups of at least two rows; rows of smaller ones are left out."""
    names, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    kept = counts >= FEWEST
    inside = kept[group]
    number = np.cumsum(kept) - 1
    rows = points[inside].astype(np.float64)
    centre = rows.mean(axis=0) if len(rows) else np.zeros(points.shape[1])
    return _grouped(names[kept], number[group[inside]], rows - centre, centre)


def _grouped(names: Array, group: Ints, rows: Floats, centre: Floats) -> Groups:
    counts = np.bincount(group, minlength=len(names)).astype(np.int64)
    means = sums_by(group, rows, len(names)) / np.maximum(counts, 1)[:, None]
    squares = np.zeros(len(names))
    for part in blocks(len(rows), 4096):
        apart = rows[part] - means[group[part]]
        squares += np.bincount(group[part], np.einsum("ij,ij->i", apart, apart), minlength=len(names))
    return Groups(names, group, counts, means, squares / np.maximum(counts, 1), rows, centre)


def sums_by(group: Ints, rows: Floats, count: int) -> Floats:
    """(count, d) sums of the rows of each group."""
    order = np.argsort(group, kind="stable")
    sums = np.zeros((count, rows.shape[1]))
    present, starts = np.unique(group[order], return_index=True)
    if len(present):
        sums[present] = np.add.reduceat(rows[order], starts, axis=0)
    return sums


def gap_of(groups: Groups) -> tuple[float, float]:
    """Distance, and distance over spread (NaN without spread)."""
    noise = groups.sq_spread / np.maximum(groups.counts - 1, 1)
    sq_norms = np.einsum("ij,ij->i", groups.means, groups.means)
    apart = sq_norms[:, None] + sq_norms - 2 * groups.means @ groups.means.T - noise[:, None] - noise
    pairs = apart[np.triu_indices(len(groups.names), 1)]
    distance = float(np.sqrt(max(float(pairs.mean()), 0.0))) if len(pairs) else float("nan")
    spread = float(np.sqrt(groups.counts @ groups.sq_spread / groups.counts.sum()))
    floor = np.finfo(np.float64).eps * 64 * float(np.sqrt(sq_norms.max(initial=0.0)))
    return distance, distance / spread if spread > floor else float("nan")


def cones_of(groups: Groups) -> Floats:
    """(g,) |mean| / rms length of the raw rows of each group, 0 where all are zero."""
    centre = np.linalg.norm(groups.means + groups.centre, axis=1)
    length = np.hypot(centre, np.sqrt(groups.sq_spread))
    cones: Floats = np.divide(centre, length, out=np.zeros(len(centre)), where=length > 0)
    return cones


def nearest_own(groups: Groups) -> Array:
    """(n,) bool: nearer to the mean of its own group's other rows than to any other mean."""
    own = np.empty(len(groups.rows), np.bool_)
    sq_norms = np.einsum("ij,ij->i", groups.means, groups.means)
    for part in blocks(len(groups.rows), 4096):
        rows, group = groups.rows[part], groups.group[part]
        apart = rows - groups.means[group]
        factor = groups.counts[group] / (groups.counts[group] - 1)
        mine = np.einsum("ij,ij->i", apart, apart) * factor**2
        others = np.einsum("ij,ij->i", rows, rows)[:, None] + sq_norms - 2 * rows @ groups.means.T
        others[np.arange(len(rows)), group] = np.inf
        own[part] = mine < others.min(axis=1)
    return own


def _distances(groups: Groups, cones: Floats, seed: int, fields: dict[str, int]) -> dict[str, Estimate]:
    rng = np.random.default_rng(seed)
    halves = []
    for _ in range(DRAWS):
        keep = rng.permutation(len(groups.rows))[: len(groups.rows) // 2]
        halves.append(gap_of(_without_small(groups, keep)))
    errors = [float(np.std(part, ddof=1)) if np.isfinite(part).all() else None for part in zip(*halves, strict=True)]
    values = gap_of(groups)
    profile = {"group": groups.names, "rows": groups.counts, "cone": cones}
    found = {}
    for name, value, error, kept in zip(("distance", "gap"), values, errors, (profile, None), strict=True):
        if not np.isfinite(value):
            found[name] = undefined("modality_gap", "groups-without-spread", variant=name, **fields)
            continue
        found[name] = measured(
            "modality_gap", value, stderr=error, method="half samples", variant=name, null=0.0, profile=kept, **fields
        )
    return found


def _without_small(groups: Groups, keep: Ints) -> Groups:
    """The groups of some of the rows, those of two rows or more."""
    present, number, counts = np.unique(groups.group[keep], return_inverse=True, return_counts=True)
    inside = counts[number] >= FEWEST
    place = np.cumsum(counts >= FEWEST) - 1
    rows = groups.rows[keep][inside]
    return _grouped(groups.names[present[counts >= FEWEST]], place[number[inside]], rows, groups.centre)


def _separability(groups: Groups, seed: int, fields: dict[str, int]) -> dict[str, Estimate]:
    rng = np.random.default_rng([seed, 1])
    own = nearest_own(groups)
    dealt = [_grouped(groups.names, rng.permutation(groups.group), groups.rows, groups.centre) for _ in range(SHUFFLES)]
    chance = [float(nearest_own(one).mean()) for one in dealt]
    share, null, spread = float(own.mean()), float(np.mean(chance)), float(np.std(chance, ddof=1))
    low, high = wilson_interval(share, len(own))
    made = measured(
        "modality_gap",
        share,
        low=low,
        high=high,
        method="Wilson",
        variant="separability",
        null=null,
        z=(share - null) / spread if spread > 0 else None,
        per_point=own,
        **fields,
    )
    return {"separability": made}
