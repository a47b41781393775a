"""prdc: how much of each set lies in the k-nearest-neighbour balls of the other.

precision: share of generated rows inside any ball of the reference (Kynkaanniemi et al. 2019, eq. 1); recall: the same
with the roles changed. density: mean number of reference balls around a generated row, over k; coverage: share of
reference balls with a generated row inside (Naeem et al. 2020, eqs. 3 and 4). A ball reaches to the k-th nearest other
row of its own set and is closed (`<=`): identical sets are inside each other, whatever copies they hold.

Of sets that stay in their files (`Scan.base`) density and coverage are those of the balls of sampled reference rows,
out to the k-th nearest of all its rows, against all generated rows: density = N / (k M) times the mean number of rows
in such a ball. Precision and recall ask for every ball, and look at the sampled rows alone.

For one law, any law, N reference and M generated rows: a generated row is equally likely to take any rank among a
reference row's N others, so E density = 1; a ball is empty if the first k of N + M - 1 others are all of the reference,
so E coverage = 1 - prod_{i<k} (N-1-i) / (N+M-1-i). Copies that tie at a radius raise both. Errors come from
subsampling both sets without replacement (Politis, Romano and Wolf 1999), since balls that overlap are not independent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from geometry.compare.subsampling import joint_sq_dist, subsample_errors
from geometry.errors import UsageError
from geometry.estimates import measured, undefined, wilson
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Ints


@statistic(
    "prdc",
    needs=("neighbors", "points", "reference"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Kynkaanniemi et al. 2019; Naeem et al. 2020",
    k=5,
    null="density 1, coverage 1 - prod_{i<k} (N-1-i)/(N+M-1-i); precision and recall: halves of the reference in a run",
    fails="one outlier's ball takes in far rows (precision, recall); copies that tie at a radius; k rows or fewer",
    whole="pairs",
)
def prdc(scan: Scan, reference: Scan, *, k: int = 5, seed: int = 0) -> dict[str, Estimate]:
    """precision, recall, density and coverage of a generated set against a reference, ties inside.

    Radii leave the row itself out. null of density 1 and of coverage 1 - prod_{i<k} (N-1-i)/(N+M-1-i), with N reference
    and M generated rows. per_point: of precision and density per generated row, of recall and coverage per reference
    row. Intervals from `seed`ed subsampling; of balls among all rows in files after Wilson, balls that overlap counted
    as dependent. Undefined with k rows or fewer on the side whose balls are asked for. Raises UsageError for k < 1.
    """
    if scan.base is None and reference.base is None:
        return _of_sets(scan, reference, k, seed)
    a, b = (one if one.base is None else one.base.sample for one in (scan, reference))
    n = min(a.n, b.n)
    found = _of_sets(a.at_most(n), b.at_most(n), k, seed)
    told = ", ".join(f"{n} of {one.base_rows} rows" for one in (scan, reference))
    alone = {
        name: replace(one, exact=False, method="; ".join(filter(None, (one.method, told))))
        for name, one in found.items()
        if name in ("precision", "recall")
    }
    return found | alone | _of_all_rows(scan, reference, k)


def _of_all_rows(scan: Scan, reference: Scan, k: int) -> dict[str, Estimate]:
    """density and coverage of the balls of the reference's rows that are looked at, out to and among all rows."""
    counts: dict[str, Any] = {"n": reference.n, "d": scan.d, "k": k}
    if reference.most_neighbors < k or scan.base_rows < 1:
        return {name: undefined("prdc", "few-rows", variant=name, **counts) for name in ("density", "coverage")}
    sq_radii = reference.neighbors(k).sq_dist[:, k - 1]
    held = inside(scan, reference.points, sq_radii)
    m, of, among = reference.n, reference.base_rows, scan.base_rows
    overlap = k / of  # balls about as many rows as share a neighbour are one witness
    covered, share = held > 0, float((held > 0).mean())
    stderr, low, high = wilson(share, m, share * (1 - share) * overlap)
    per_ball = held * of / (k * among)
    error = float(np.std(per_ball, ddof=1) * np.sqrt(1 / m + overlap)) if m > 1 else None
    counts |= {"method": f"balls of {m} of {of} rows, {among} rows in them", "exact": False}
    density: dict[str, Any] = {"null": 1.0, "stderr": error}
    coverage: dict[str, Any] = {"null": expected_coverage(of, among, k), "stderr": stderr, "low": low, "high": high}
    return {
        "density": measured("prdc", float(per_ball.mean()), variant="density", **density, **counts),
        "coverage": measured("prdc", share, variant="coverage", per_point=covered, **coverage, **counts),
    }


def inside(scan: Scan, centres: Array, sq_radii: Floats) -> Ints:
    """(m,) how many of all rows of a set lie in closed balls around centres (m, d)."""
    if scan.base is not None:
        return scan.base.inside(centres, sq_radii)
    return scan.executor.radius_counts(scan.points, centres, sq_radii).per_base


def _of_sets(scan: Scan, reference: Scan, k: int, seed: int) -> dict[str, Estimate]:
    counts = {"n": scan.n, "d": scan.d, "k": k}
    nulls = {"density": 1.0, "coverage": expected_coverage(reference.n, scan.n, k)}
    per_point = _per_point(scan, reference, k)
    errors = _errors(scan, reference, k, seed)
    found = {}
    for name in ("precision", "recall", "density", "coverage"):
        if name not in per_point:
            found[name] = undefined("prdc", "few-rows", variant=name, **counts)
            continue
        rows = per_point[name]
        found[name] = measured(
            "prdc",
            float(rows.mean()),
            stderr=errors.get(name),
            method="subsampling" if name in errors else "",
            variant=name,
            null=nulls.get(name),
            per_point=rows,
            **counts,
        )
    return found


def expected_coverage(n_reference: int, n_generated: int, k: int) -> float:
    """Coverage of two samples of one continuous law."""
    i = np.arange(k)
    return float(1 - np.prod((n_reference - 1 - i) / np.maximum(n_reference + n_generated - 1 - i, 1)))


def _per_point(scan: Scan, reference: Scan, k: int) -> dict[str, Array]:
    """The rows each value is a mean of; without those that have too few rows for a ball."""
    rows: dict[str, Array] = {}
    if k < 1:
        raise UsageError(f"prdc needs k of 1 or more, not {k}")
    if scan.n and reference.n > k:
        balls = scan.balls(reference, k)
        rows["precision"], rows["density"] = balls.per_query > 0, balls.per_query / k
        rows["coverage"] = balls.per_base > 0
    if reference.n and scan.n > k:
        rows["recall"] = reference.balls(scan, k).per_query > 0
    return rows


def _errors(scan: Scan, reference: Scan, k: int, seed: int) -> dict[str, float]:
    """Standard errors by name; none where a subsample would be too small."""
    spread = subsample_errors(scan, reference, lambda a, b: _small_values(a, b, k), seed, fewest=2 * k)
    names = ("precision", "density", "coverage", "recall")
    return {} if spread is None else dict(zip(names, spread.tolist(), strict=True))


def _small_values(generated: Array, reference: Array, k: int) -> Floats:
    """precision, density, coverage, recall of a few hundred rows, whole in memory; ties inside to about 1e-9."""
    sq_dist, slack = joint_sq_dist(generated, reference)
    m = len(generated)
    np.fill_diagonal(sq_dist, -np.inf)
    of_generated = np.partition(sq_dist[:m, :m], k, axis=1)[:, k]  # the row itself is the smallest
    of_reference = np.partition(sq_dist[m:, m:], k, axis=1)[:, k]
    cross = sq_dist[:m, m:]
    inside = cross <= of_reference * (1 + 1e-9) + slack
    recalled = (cross <= of_generated[:, None] * (1 + 1e-9) + slack).any(axis=0)
    return np.array(
        [inside.any(axis=1).mean(), inside.mean() * inside.shape[1] / k, inside.any(axis=0).mean(), recalled.mean()]
    )
