"""kernel_distance: maximum mean discrepancy of two sets under three kernels, unbiased, without an n x n matrix.

  MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{ij} k(x_i, y_j)      (Gretton et al. 2012)
  kid      k = (x.y / d + 1)^3 on the raw rows                                               Binkowski et al. 2018
  rbf      mean over a ladder of bandwidths, s^2 = median squared distance times 1/4 .. 4, of exp(-|x - y|^2 / (2 s^2))
  energy   k = -|x - y|, the energy distance 2 E|x - y| - E|x - x'| - E|y - y'|               Szekely and Rizzo 2013
One pass over blocks of the pooled rows gives the sums of every row against either set, from which follow the value and
the first-order variance F = 4 var(h_x) / n + 4 var(h_y) / m. Where the laws are equal the true F vanishes and
S = 2 (1/n + 1/m)^2 E k'^2 remains, k' the centred kernel; the measured F is then 2 S on average. So the variance is
max(F - S, S), and z counts sqrt(S).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.compare.subsampling import joint_sq_dist
from geometry.estimates import measured, undefined
from geometry.pairs.plan import DEFAULT_BUDGET, block_rows, blocks
from geometry.pairs.scan import Scan
from geometry.pairs.sums import sample_rows
from geometry.registry import statistic
from geometry.types import Array, Estimate, Floats

LADDER = np.array([4.0, 2.0, 1.0, 0.5, 0.25])  # of s^2, each half the one before: its kernel is the square of that one
MEDIAN_ROWS = 2000  # of the pooled rows that the median squared distance is taken over
VARIANTS = ("kid", "rbf", "energy")
TILES = 6  # float64 arrays of a block that live at a time


@statistic(
    "kernel_distance",
    needs=("points", "reference"),
    range=(-np.inf, np.inf),
    invariances=("rotation", "row order"),
    direction="up",
    source="Gretton et al. 2012; Binkowski et al. 2018; Szekely and Rizzo 2013",
    null="0, unbiased: below 0 as often as above",
    fails="kid depends on the origin and the unit of the rows; rbf has no value where most rows are equal",
)
def kernel_distance(scan: Scan, reference: Scan, *, most: int = 5000) -> dict[str, Estimate]:
    """Unbiased squared maximum mean discrepancy: kid (cubic polynomial), rbf (ladder of bandwidths), energy distance.

    On at most `most` seeded rows of each set; `exact` says whether these are all. energy in units of the input. null 0;
    z by the spread under one law. profile of rbf: bandwidth s and distance at each. Undefined with fewer than 2 rows in
    a set; rbf where the median distance is 0.
    """
    x, y = (one.at_most(most) for one in (scan, reference))
    counts = {"n": x.n, "d": scan.d}
    if min(x.n, y.n) < 2:
        return {name: undefined("kernel_distance", "few-rows", variant=name, **counts) for name in VARIANTS}
    exact = x.n == scan.n and y.n == reference.n
    with np.errstate(over="ignore", invalid="ignore"):  # cubes of huge rows: no value, with the reason not-finite
        rows, shift = _joint(x.points, y.points)
        middle = _median_sq_dist(x, y)
        sums = _sums(rows, shift, x.n, middle)
        found = {name: _estimate(name, sums[name], counts, exact) for name in VARIANTS}
    if not middle > 0:
        found["rbf"] = undefined("kernel_distance", "equal-rows", variant="rbf", **counts)
    return found


@dataclass
class Sums:
    """Of a kernel over pooled rows, the first n of one set: (N,) of each row against either set, and of all squares."""

    n: int
    first: Floats
    second: Floats
    squares: float = 0.0
    ladder: Floats | None = None

    def add(self, part: slice, tile: Floats) -> None:
        """Take in the kernel (b, N) of some rows with all; entries of a row with itself are 0."""
        self.first[part] = tile[:, : self.n].sum(axis=1)
        self.second[part] = tile[:, self.n :].sum(axis=1)
        self.squares += float(np.einsum("ij,ij->", tile, tile))

    def mmd(self) -> float:
        """The unbiased squared discrepancy."""
        return float(np.mean(self.effects()[0]) + np.mean(self.effects()[1]))

    def effects(self) -> tuple[Floats, Floats]:
        """(n,), (m,) what each row says: its mean kernel with its own set less that with the other."""
        n, m = self.n, len(self.first) - self.n
        x = self.first[:n] / (n - 1) - self.second[:n] / m
        y = self.second[n:] / (m - 1) - self.first[n:] / n
        return x, y

    def variances(self) -> tuple[float, float]:
        """F and S of the module."""
        n, total = self.n, len(self.first)
        m = total - n
        x, y = self.effects()
        first = 4 * float(x.var()) / n + 4 * float(y.var()) / m
        of_rows = (self.first + self.second) / (total - 1)
        centred = self.squares / (total * (total - 1)) - 2 * float(np.mean(of_rows**2)) + np.square(of_rows.mean())
        return first, 2 * (1 / n + 1 / m) ** 2 * max(float(centred), 0.0)


def _joint(first: Array, second: Array) -> tuple[Floats, Floats]:
    """(N, d) rows of both sets about their joint mean, and that mean."""
    rows = np.concatenate([first, second]).astype(np.float64)
    shift = rows.mean(axis=0)
    return rows - shift, shift


def _sums(rows: Floats, shift: Floats, n: int, middle: float) -> dict[str, Sums]:
    total, d = rows.shape
    found = {name: Sums(n, np.zeros(total), np.zeros(total)) for name in VARIANTS}
    steps = [Sums(n, np.zeros(total), np.zeros(total)) for _ in LADDER]
    sq_norms, along = np.einsum("ij,ij->i", rows, rows), rows @ shift
    for part in blocks(total, block_rows(total * 8 * TILES, 4 * DEFAULT_BUDGET)):
        product = rows[part] @ rows.T
        itself = np.arange(part.stop - part.start), np.arange(part.start, part.stop)
        sq_dist = np.maximum(sq_norms[part, None] + sq_norms - 2 * product, 0.0)
        sq_dist[itself] = 0.0
        product += along[part, None] + along + shift @ shift
        product /= d
        product += 1
        cubic = product * product * product
        cubic[itself] = 0.0
        found["kid"].add(part, cubic)
        found["energy"].add(part, -np.sqrt(sq_dist))
        if middle > 0:
            mean = np.zeros_like(sq_dist)
            step = np.exp(sq_dist / (-2 * LADDER[0] * middle))
            step[itself] = 0.0
            for one in steps:
                one.add(part, step)
                mean += step / len(LADDER)
                step *= step
            found["rbf"].add(part, mean)
    bandwidth = np.sqrt(LADDER * middle)
    found["rbf"].ladder = np.column_stack([bandwidth, [one.mmd() for one in steps]])
    return found


def _median_sq_dist(x: Scan, y: Scan) -> float:
    """Median squared distance between distinct rows of the pooled sets, or of a seeded sample of them."""
    parts = [one.points[sample_rows(one.n, min(one.n, MEDIAN_ROWS // 2), one.seed)] for one in (x, y)]
    sq_dist, slack = joint_sq_dist(*parts)
    middle = float(np.median(sq_dist[np.triu_indices(len(sq_dist), 1)]))
    return middle if middle > slack else 0.0


def _estimate(name: str, sums: Sums, counts: dict[str, int], exact: bool) -> Estimate:
    value = sums.mmd()
    first, second = sums.variances()
    spread = float(np.sqrt(second))
    z = value / spread if spread > 0 and np.isfinite([value, spread]).all() else None
    ladder = sums.ladder
    return measured(
        "kernel_distance",
        value,
        stderr=float(np.sqrt(max(first - second, second))),
        method="row means",
        variant=name,
        null=0.0,
        z=z,
        exact=exact,
        profile=None if ladder is None else {"bandwidth": ladder[:, 0], "distance": ladder[:, 1]},
        **counts,
    )
