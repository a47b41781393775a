"""mean_regression: how much of its distance from the mean a row keeps from one generation to the next.

slope: of centred x_{t+1} on centred x_t over paired rows and all coordinates, sum x.y / sum y.y: 1 where every row
keeps its place, b < 1 where outputs regress to the mean by that factor (Galton 1886), 0 for a redraw. Where rows are
not paired the radii still say whether a set shrinks: radius_q is the ratio of the two sets' q-quantiles of the distance
to their own mean, each row's mean taken without the row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.compare.pairing import pairs_of, require_one_space
from geometry.errors import UnpairedError
from geometry.estimates import Z95, measured, standard_error, undefined
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

QUANTILES = {"radius_10": 0.1, "radius_50": 0.5, "radius_90": 0.9}
DRAWS = 16
NEAR = 1e-12  # of the largest radius: a quantile below is a copy of the mean


@statistic(
    "mean_regression",
    needs=("points", "ids", "reference"),
    range=(-np.inf, np.inf),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="down",
    source="Galton 1886",
    null="1: every row keeps its place, and the set its radii",
    fails="slope where rows are not paired; noise added to x_t alone pulls the slope below 1",
)
def mean_regression(scan: Scan, reference: Scan, *, paired: bool = False, seed: int = 0) -> dict[str, Estimate]:
    """slope of centred rows on their earlier selves where paired; radius_10, _50, _90: ratios of radial quantiles.

    null 1 of each. slope is undefined (`unpaired`) where nothing says which rows belong together: ids, or paired=True.
    per_point of slope (n,): the share of its own earlier offset that each row kept. Standard error of the slope by its
    influence on each row, of the ratios by half samples, on the log. Undefined under 3 rows or without spread.
    """
    require_one_space(scan, reference, "mean_regression")
    return {"slope": _slope(scan, reference, paired)} | _radii(scan, reference, seed)


def _slope(scan: Scan, reference: Scan, paired: bool) -> Estimate:
    try:
        after, before = pairs_of(scan, reference, paired, "mean_regression")
    except UnpairedError:
        return undefined("mean_regression", "unpaired", variant="slope", n=scan.n, d=scan.d)
    fields = {"variant": "slope", "n": after.n, "d": after.d}
    if after.n < 3:
        return undefined("mean_regression", "few-rows", **fields)
    if not has_spread(before):
        return undefined("mean_regression", "no-spread", **fields)
    along, square = _products(after, before)
    unit = float(square.mean())
    value = float(along.mean()) / unit
    stderr = standard_error((along - value * square) / unit)
    kept = np.divide(along, square, out=np.full(after.n, np.nan), where=square > 0)
    return measured("mean_regression", value, stderr=stderr, method="influence", null=1.0, per_point=kept, **fields)


def _products(after: Scan, before: Scan) -> tuple[Floats, Floats]:
    """(n,) products of each centred row with its centred earlier self, and of that with itself, at unit scale."""
    means = after.spectrum.mean, before.spectrum.mean
    unit = float(np.sqrt(before.spectrum.eigenvalues.sum()))
    along, square = np.empty(after.n), np.empty(after.n)
    for part in blocks(after.n, 4096):
        x = (after.points[part].astype(np.float64) - means[0]) / unit
        y = (before.points[part].astype(np.float64) - means[1]) / unit
        along[part], square[part] = np.einsum("ij,ij->i", x, y), np.einsum("ij,ij->i", y, y)
    return along, square


def _radii(scan: Scan, reference: Scan, seed: int) -> dict[str, Estimate]:
    counts = {"n": scan.n, "d": scan.d}
    reason = "few-rows" if min(scan.n, reference.n) < 3 else "" if has_spread(reference) else "no-spread"
    if reason:
        return {name: undefined("mean_regression", reason, variant=name, **counts) for name in QUANTILES}
    new, old = radii(scan), radii(reference)
    rng = np.random.default_rng(seed)
    halves = [(_half(new, rng), _half(old, rng)) for _ in range(DRAWS)]
    found = {}
    for name, level in QUANTILES.items():
        fields: dict[str, Any] = {"variant": name, **counts}
        base = float(np.quantile(old, level))
        if base <= NEAR * float(old.max()):
            found[name] = undefined("mean_regression", "rows-at-the-mean", **fields)
            continue
        ratio = float(np.quantile(new, level)) / base
        draws = [float(np.quantile(a, level)) / max(float(np.quantile(b, level)), NEAR * base) for a, b in halves]
        found[name] = _ratio(ratio, draws, fields)
    return found


def _ratio(ratio: float, draws: list[float], fields: dict[str, Any]) -> Estimate:
    """A ratio with its interval on the log, where it has one."""
    if ratio <= 0 or min(draws) <= 0:
        return measured("mean_regression", ratio, null=1.0, **fields)
    error = float(np.std(np.log(draws), ddof=1))
    return measured(
        "mean_regression",
        ratio,
        stderr=ratio * error,
        low=ratio * float(np.exp(-Z95 * min(error, 300.0))),
        high=ratio * float(np.exp(Z95 * min(error, 300.0))),
        method="half samples, log",
        null=1.0,
        z=float(np.log(ratio)) / error if error > 0 else None,
        **fields,
    )


def radii(scan: Scan) -> Floats:
    """(n,) distance of each row to the mean of the others; 0 where the set has no spread."""
    if not has_spread(scan):
        return np.zeros(scan.n)
    out = np.empty(scan.n)
    for part in blocks(scan.n, 4096):
        out[part] = np.linalg.norm(scan.points[part].astype(np.float64) - scan.spectrum.mean, axis=1)
    return out * scan.n / (scan.n - 1)


def _half(values: Floats, rng: np.random.Generator) -> Floats:
    return values[rng.permutation(len(values))[: max(len(values) // 2, 1)]]
