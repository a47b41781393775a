"""The rows that the structure gauges look at: distinct, without far outliers, in the principal directions that matter.

Rows are put in an order of their own (by distance to the mean) before the seeded choice, so the answer depends neither
on the order of the file nor on where the set lies. Copies are merged because a copy is a neighbour at distance zero:
10 % of near copies alone would read as a gain of 7. One far row would own the first direction: up to 5 % are set aside.
Where radii are heavy-tailed throughout (Student, 4 degrees of freedom), far rows bend the covariance towards themselves
and nothing reads as a gain of .1: rows beyond the median whitened radius of Huber's estimate of shape are pulled in
along their own direction to the radius that a Gaussian's row of their rank has, which leaves an elliptical law
elliptical. (All at the median they would lie on a sphere, in the plane on a circle: structure of our own making.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from geometry.pairs import Executor, Scan
from geometry.pairs.copies import find_copies
from geometry.pairs.frame import ROWS as BLOCK
from geometry.pairs.frame import mean_of
from geometry.pairs.plan import blocks
from geometry.pairs.spectrum import spectrum_of_points
from geometry.types import Array, Floats, Ints

ROWS = 2000  # gains hardly move beyond, and every projection costs the square of it
MERGE = 1e-3  # of the median r_10: nearer than this is a copy
FAR = 6.0  # median radii about the coordinate-wise median
MOST_FAR = 0.05  # share beyond FAR up to which those rows are outliers; above, they are the law's own tails
SMALLEST = 1e-4  # of the largest singular value: directions below it are dropped
K_MERGE = 10
MOST_ROUNDS, SETTLED = 20, 1e-3  # of the weights of taming
SHELL, SHELL_ROWS = 3.0, 16  # times the spread that estimation alone gives a shell's radii; rows needed per direction
HEAVY = 1.25  # times the Gaussian fourth moment of the whitened radii (Mardia 1970): above it the tails are tamed


@dataclass(frozen=True)
class Core:
    """rows (c,): row numbers kept. scores (c, r): centred rows in the principal directions kept, float64, descending.

    sd (r,): root mean square per direction. mean (r,): their mean in those directions before centring; apart: length
    of the rest of the mean. norm_cv: coefficient of variation of the raw norms; spread_of_norms: their standard
    deviation over the rms distance to the mean. merged: share of the set's rows that are near copies of another;
    outliers: share of the looked-at rows set aside.
    """

    rows: Ints
    scores: Floats
    sd: Floats
    mean: Floats
    apart: float
    norm: float
    norm_cv: float
    spread_of_norms: float
    merged: float
    outliers: float

    @cached_property
    def sorted_scores(self) -> Floats:
        """(r, c) the scores of each direction in ascending order, its sign such that the third moment is positive."""
        sign = np.where((self.scores**3).sum(axis=0) < 0, -1.0, 1.0)
        return np.sort((self.scores * sign).T, axis=1)

    @property
    def normalised(self) -> bool:
        """Rows of one length by design: the norms agree to 1e-3, and not just because the set lies far away."""
        return self.norm_cv < 1e-3 and self.spread_of_norms < 1e-2

    @property
    def one_radius(self) -> bool:
        """Rows of one distance to some centre, in some linear metric, as far as so few rows can tell.

        The sample's mean and covariance give the whitened squared radii of a perfect shell of r directions a relative
        variance of (4 / r + 2 (r - 1) / (r + 2)) / n. With few rows per direction whitening equals any radii.
        """
        n, r = self.scores.shape
        if r < 2 or n < SHELL_ROWS * r:
            return False
        square = ((self.scores / self.sd) ** 2).mean(axis=1)
        return bool(square.var() < SHELL * (4 / r + 2 * (r - 1) / (r + 2)) / n)


def core_of(scan: Scan, rows: int = ROWS) -> Core:
    """The core of a scan, at most `rows` rows, made once."""
    if ("core", rows) not in scan.memo:
        scan.memo["core", rows] = _core(scan, rows)
    made: Core = scan.memo["core", rows]
    return made


def _core(scan: Scan, most: int) -> Core:
    distinct = find_copies(scan.points).first
    looked = _sample(scan.points, distinct, most, scan.seed)
    chosen = _merge(scan.points, looked, scan.executor)
    merged = 1 - len(distinct) / max(scan.n, 1) * len(chosen) / max(len(looked), 1)
    points = scan.points[chosen].astype(np.float64)
    far = _far(points)
    outliers = float(far.mean()) if len(far) and far.mean() <= MOST_FAR else 0.0
    if outliers:
        chosen, points = chosen[~far], points[~far]
    return in_principal_directions(points, chosen, merged, outliers)


def _sample(points: Array, rows: Ints, most: int, seed: int) -> Ints:
    """At most `most` of `rows`, seeded, chosen in the order of their distance to the mean."""
    mean, radius = mean_of(points), np.empty(len(rows))
    for part in blocks(len(rows), BLOCK):
        radius[part] = np.linalg.norm(points[rows[part]] - mean, axis=1)
    order = rows[np.argsort(radius, kind="stable")]
    if len(order) <= most:
        return order
    picked: Ints = order[np.sort(np.random.default_rng(seed).choice(len(order), most, replace=False))]
    return picked


def _merge(points: Array, rows: Ints, executor: Executor) -> Ints:
    """One row of each group of near copies: groups are chains of neighbours nearer than MERGE median r_10."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    for _ in range(8):  # a chain longer than the table leaves several rows; they meet in the next round
        k = min(K_MERGE, len(rows) - 1)
        if k < 1:
            break
        table = executor.neighbors(points[rows], points[rows], k, exclude_self=True)
        dist = table.exact_dist(k)
        scale = dist[dist[:, -1] > 0, -1]
        near = dist < MERGE * np.median(scale) if len(scale) else dist == 0
        if not near.any():
            break
        row, column = np.nonzero(near)
        links = coo_array((np.ones(len(row)), (row, table.index[row, column])), shape=(len(rows), len(rows)))
        groups = connected_components(links, directed=False)[1]
        rows = rows[np.sort(np.unique(groups, return_index=True)[1])]
    return rows


def _far(points: Floats) -> NDArray[np.bool_]:
    radius = np.linalg.norm(points - np.median(points, axis=0), axis=1) if len(points) else np.empty(0)
    far: NDArray[np.bool_] = radius > FAR * float(np.median(radius)) if len(radius) else radius > 0
    return far


def in_principal_directions(points: Floats, rows: Ints, merged: float, outliers: float) -> Core:
    """The core of rows as they are, (c, d), with the shares that went before."""
    norms = np.linalg.norm(points, axis=1)
    spectrum = spectrum_of_points(points)
    mean, sd = spectrum.mean, np.sqrt(spectrum.eigenvalues)
    kept = int((sd > SMALLEST * sd[0]).sum()) if len(sd) else 0
    directions = spectrum.eigenvectors[:, :kept]
    inside = mean @ directions
    spread = float(np.sqrt(spectrum.eigenvalues.sum()))
    return Core(
        rows=rows,
        scores=(points - mean) @ directions,
        sd=sd[:kept],
        mean=inside,
        apart=float(np.sqrt(max(float(mean @ mean) - float(inside @ inside), 0.0))),
        norm=float(norms.mean()) if len(norms) else 0.0,
        norm_cv=float(norms.std() / norms.mean()) if len(norms) and norms.mean() > 0 else 0.0,
        spread_of_norms=float(norms.std() / spread) if spread > 0 else np.inf,
        merged=merged,
        outliers=outliers,
    )


def directions_of(core: Core, points: Floats) -> Floats:
    """(d, r) unit directions of the core's scores s in the space of its rows, points (c, d): X's / (c sd^2), X centred.

    Of scores as they were projected, not of tamed ones.
    """
    centred = points - points.mean(axis=0)
    found: Floats = centred.T @ core.scores / (len(points) * core.sd**2)
    return found


def tamed(core: Core) -> Core | None:
    """The core with rows beyond the median whitened radius pulled in to a Gaussian's; None where tails are not heavy.

    Fixed point of Huber's M-estimate of scatter (Maronna 1976) in at most n / 4 leading directions, in a few rounds.
    """
    q = min(len(core.sd), len(core.rows) // 4)
    leading, weight = core.scores[:, :q] / core.sd[:q], np.ones(len(core.rows))
    for step in range(MOST_ROUNDS):
        pulled = leading * weight[:, None]
        triangle = np.linalg.cholesky(pulled.T @ pulled / len(pulled))
        square = (solve_triangular(triangle, leading.T, lower=True) ** 2).sum(axis=0)
        if step == 0 and (square**2).mean() < HEAVY * (q + 2) / q * square.mean() ** 2:
            return None
        before, weight = weight, _shrinking(square, np.median(square))
        if np.abs(weight - before).mean() < SETTLED:
            break
    return _turned(core, core.scores * _shrinking(square, _gaussian_squares(square, q))[:, None])


def _shrinking(square: Floats, most: Floats | np.float64) -> Floats:
    """(n,) factors that bring squared radii down to `most` where they are larger; 0 for rows at the centre."""
    shrunk: Floats = np.sqrt(np.minimum(square, most) / np.maximum(square, np.finfo(float).tiny))
    return shrunk


def _gaussian_squares(square: Floats, q: int) -> Floats:
    """(n,) squared radii of a q-dimensional Gaussian of the same ranks and median."""
    from scipy.special import gammaincinv

    rank = (np.argsort(np.argsort(square, kind="stable"), kind="stable") + 0.5) / len(square)
    usual: Floats = np.median(square) * gammaincinv(q / 2, rank) / gammaincinv(q / 2, 0.5)
    return usual


def _turned(core: Core, pulled: Floats) -> Core:
    """The core with other scores, in their own principal directions."""
    spectrum = spectrum_of_points(pulled)
    kept = int((spectrum.eigenvalues > SMALLEST**2 * spectrum.eigenvalues[0]).sum())
    scores = (pulled - spectrum.mean) @ spectrum.eigenvectors[:, :kept]
    return replace(core, scores=scores, sd=np.sqrt(spectrum.eigenvalues[:kept]), norm_cv=np.inf)
