"""novelty: what each generated row is to the reference: a copy, an interpolation, a blend of two modes, or outside.

copy: nearer to its nearest reference row t than t's nearest other row is, by more than chance: |x - t| over that
distance is below the `level` quantile of the same ratio of the reference's own rows, each held against the others.
blend: where the reference is sparse (r_k above its own 1 - level quantile), in no mode, and near the straight line
between two modes that lie apart: within the larger of their radii of the segment between their centres.
extrapolation: farther outside the hull of its k nearest reference rows, over r_k, than the 1 - level quantile of the
reference's own rows (`geometry.compare.hull`). interpolation: the rest. Modes are the clusters of mode_coverage.

Of a reference that stays in its files all distances are to the nearest of all its rows; its quantiles are those of its
sampled rows, whose modes these are.

The first that holds is taken, in this order. The reference's own rows are sorted the same way, each held against the
others: their shares are the nulls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geometry.compare import modes as of
from geometry.compare.authenticity import nearest_other
from geometry.compare.hull import hull_residuals
from geometry.compare.tail_survival import quantile
from geometry.errors import UsageError
from geometry.estimates import measured, undefined, wilson_interval
from geometry.pairs.gathered import from_files
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Neighbors

KINDS = ("copy", "interpolation", "blend", "extrapolation")
FEWEST = 30  # reference rows that a quantile of their own can be read from


@dataclass(frozen=True)
class Measures:
    """Per row (n,): distance ratio to the nearest, residual of the hull, r_k, and whether it lies between two modes."""

    ratio: Floats
    residual: Floats
    radius: Floats
    between: NDArray[np.bool_]


@statistic(
    "novelty",
    needs=("neighbors", "points", "reference"),
    range=(0.0, 1.0),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="down",
    source="nearest-neighbour ratio, hull residual and modes, against the reference's own rows",
    k=10,
    null="the shares of the reference's own rows, each held against the others: about `level` for copy, extrapolation",
    fails="a reference full of copies, where no row can be nearer than chance; blends inside a dense region",
    whole="pairs",
)
def novelty(scan: Scan, reference: Scan, *, k: int = 10, level: float = 0.01, seed: int = 0) -> dict[str, Estimate]:
    """Shares of generated rows that are a copy, an interpolation, a blend of two modes, or an extrapolation.

    level: share of the reference's own rows beyond each limit. per_point (m,) bool of each kind. profile of copy: ratio
    (m,) and limit (1,); of extrapolation: residual (m,) and limit (1,); of blend: radius (m,), between (m,) and limit
    (1,). Wilson intervals. Undefined with fewer than 30 or k + 1 reference rows, no generated row, or without spread.
    Raises UsageError for k < 2 or a level outside (0, .5).
    """
    if k < 2 or not 0 < level < 0.5:
        raise UsageError(f"novelty: k = {k} must be 2 or more, level = {level} between 0 and .5")
    counts: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k} | _told(scan, reference)
    few = reference.n < max(FEWEST, k + 2) or reference.most_neighbors < k
    reason = "few-rows" if few or scan.n < 1 else ""
    reason = reason or ("" if has_spread(reference) else "no-spread")
    if reason:
        fields = {name: counts[name] for name in ("n", "d", "k")}
        return {kind: undefined("novelty", reason, variant=kind, **fields) for kind in KINDS}
    modes = of.fit(reference, seed)
    table, near = reference.neighbors(k), scan.among(reference, k)
    of_own, of_asked = _sq_nearest_others(reference, table, near)
    own = _measures(reference, reference, table, of_own, modes)
    asked = _measures(scan, reference, near, of_asked, modes)
    limits = {
        "copy": float(np.quantile(own.ratio, level, method="lower")),
        "extrapolation": quantile(own.residual, level),
        "blend": quantile(own.radius, level),
    }
    kinds, chance = sort(asked, limits), sort(own, limits)
    profiles = {
        "copy": {"ratio": asked.ratio, "limit": np.array([limits["copy"]])},
        "extrapolation": {"residual": asked.residual, "limit": np.array([limits["extrapolation"]])},
        "blend": {"radius": asked.radius, "between": asked.between, "limit": np.array([limits["blend"]])},
    }
    return {
        kind: _share(kind, kinds == i, float((chance == i).mean()), reference.n, profiles.get(kind), counts)
        for i, kind in enumerate(KINDS)
    }


def _told(scan: Scan, reference: Scan) -> dict[str, Any]:
    """Method and exactness, where a set stays in its files."""
    if scan.base is None and reference.base is None:
        return {"method": "Wilson"}
    of = f"{scan.n} of {scan.base_rows} rows against {reference.n} rows, among {reference.base_rows}"
    return {"method": f"Wilson; {of}", "exact": False}


def _sq_nearest_others(reference: Scan, own: Neighbors, near: Neighbors) -> tuple[Floats, Floats]:
    """Of the nearest row t in either table the squared distance to its nearest other but the row itself."""
    first = own.index[:, 0], near.index[:, 0]
    if reference.base is None:
        return nearest_other(own.index, own.sq_dist), reference.neighbors(1).sq_dist[first[1], 0]
    sq_dist, index = reference.base.nearest_others(np.concatenate(first), 2)
    n = len(first[0])
    mutual = index[:n, 0] == own.numbers
    return np.where(mutual, sq_dist[:n, 1], sq_dist[:n, 0]), sq_dist[n:, 0]


def sort(rows: Measures, limits: dict[str, float]) -> Array:
    """(n,) number of the kind of each row, in the order of KINDS."""
    copy = rows.ratio < limits["copy"]
    blend = (rows.radius > limits["blend"]) & rows.between
    outside = rows.residual > limits["extrapolation"]
    return np.select([copy, blend, outside], [0, 2, 3], 1)


def _measures(scan: Scan, reference: Scan, table: Neighbors, sq_other: Floats, modes: of.Modes | None) -> Measures:
    nearest = table.sq_dist[:, 0]
    same = (nearest == 0) & (sq_other == 0)  # a copy of what the reference holds twice is no nearer than that
    with np.errstate(over="ignore"):  # beside two reference rows that are nearly one
        ratio = np.sqrt(np.divide(nearest, sq_other, out=np.full(len(nearest), 1e300), where=sq_other > 0))
    return Measures(
        np.where(same, 1.0, np.minimum(ratio, 1e150)),
        _hulls(scan, reference, table),
        np.sqrt(table.sq_dist[:, -1]),
        np.zeros(scan.n, np.bool_) if modes is None else between_modes(scan.points, modes),
    )


def _hulls(scan: Scan, reference: Scan, table: Neighbors) -> Floats:
    """`hull_residuals` of the rows of a scan against their neighbours in the reference, in files or not."""
    if reference.base is None:
        return hull_residuals(scan.points, reference.points, table)
    parts = from_files(reference.base, table)
    return np.concatenate([hull_residuals(scan.points[part.cut], part.points, part.table) for part in parts])


def between_modes(points: Array, modes: of.Modes) -> NDArray[np.bool_]:
    """(n,) whether a row is in no mode and near the segment between the centres of two modes that lie apart."""
    if modes.mean is None or modes.axes is None or modes.centres is None or modes.radii is None:
        raise ValueError("modes that are labels have no place")
    centres, radii = modes.centres, modes.radii
    gaps = np.linalg.norm(centres[:, None] - centres, axis=2)
    first, second = np.nonzero(np.triu(gaps > radii[:, None] + radii, 1))
    found = np.zeros(len(points), np.bool_)
    for part in blocks(len(points), 1024):
        scores = (points[part].astype(np.float64) - modes.mean) @ modes.axes
        sq = np.maximum((scores**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * scores @ centres.T, 0.0)
        alone = (sq > radii**2).all(axis=1)
        length = gaps[first, second]
        along = (sq[:, first] + length**2 - sq[:, second]) / (2 * length)
        beside = sq[:, first] - along**2
        reach = np.maximum(radii[first], radii[second])
        near = (along > 0) & (along < length) & (beside <= reach**2)
        found[part] = alone & near.any(axis=1)
    return found


def _share(
    kind: str, rows: Array, null: float, n_reference: int, profile: dict[str, Array] | None, counts: dict[str, Any]
) -> Estimate:
    share, n = float(rows.mean()), len(rows)
    low, high = wilson_interval(share, n)
    usual = float(np.clip(null, 1 / n_reference, 1 - 1 / n_reference))
    return measured(
        "novelty",
        share,
        stderr=float(np.sqrt(share * (1 - share) / n)),
        low=low,
        high=high,
        null=null,
        z=(share - null) / float(np.sqrt(usual * (1 - usual) * (1 / n + 1 / n_reference))),
        variant=kind,
        per_point=rows,
        profile=profile,
        **counts,
    )
