"""danco: intrinsic dimension from distances and angles, each compared with uniform balls (Ceruti et al. 2014).

Of the data: d_hat, the likeliest dimension of rho = r_1 / r_{k+1} (`mind_ml`), and nu, tau, the means over the rows of
the von Mises parameters of the angles t between pairs of the k neighbours: nu = atan2(mean sin, mean cos), tau =
A^-1(eta), eta the length of the mean (cos, sin), A = I1 / I0; a row that sees all others in one direction (an outlier)
counts at most 10 times the median tau. The answer is the d at which a uniform d-ball of the same
n and k is nearest, by the sum of two Kullback-Leibler terms (Ceruti et al. 2014, eq. 12 and 13, up to constants)
  KL_d  = H_k q - log q - (k-1) E log(1 - U^q), U ~ Beta(1, k), q = d_cal / d_hat
          (the same as the paper's alternating sum of binomials, which loses all digits from k = 40 on)
  KL_vm = log(I0(tau_cal) / I0(tau)) + A(tau) (tau - tau_cal cos(nu - nu_cal)).
The balls are not drawn whole: ROWS of their neighbourhoods are, in law (`geometry.dimension.ball`), at the dimensions
of a ladder (all to 8, then by a sixth), seeded by the dimension and kept; between the rungs log(d_cal / d), log nu and
log tau are interpolated by a cubic in log d. The ladder goes on until both terms have turned, beyond D if need be. What
the set itself has is reduced by its engine, the balls always on the CPU: they are the same for every device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from geometry.dimension.ball import draw_neighbourhoods
from geometry.dimension.mind_ml import likeliest
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.executor import Executor
from geometry.pairs.gathered import Gathered, gathered
from geometry.pairs.local import LocalSums, Places, joined, local_sums, sums_of
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import DRAWS, half_masks, named, restrict, width_for
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Neighbors

K = 10
ROWS = 2048  # neighbourhoods drawn per rung
STRATA = 64  # distances from the centre at which they are drawn
MOST = 1 << 22  # coordinates drawn per rung, which lowers ROWS where there are thousands of dimensions
PAST = 3  # rungs beyond the smallest divergence, so that it is seen to turn
STEEPEST = 1e5  # of tau: all angles equal

MOST_STEEP = 10.0  # medians of tau


@dataclass(frozen=True)
class Shape:
    """What danco reads of a set: d_hat, and the mean von Mises direction nu and concentration tau of its angles."""

    dim: float
    nu: float
    tau: float


@statistic(
    "danco",
    needs=("neighbors", "points"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Ceruti et al. 2014, eq. 12 and 13",
    k=width_for(K + 1),
    null="d for rows uniform in a ball of d dimensions",
    fails="sets without an edge read high by what the edge of a ball takes away; uneven density misleads it",
    whole="neighbors",
)
def danco(scan: Scan, *, k: int = K) -> Estimate:
    """Dimension of the uniform ball, of as many rows, whose nearest distances and angles are most like the set's.

    k falls to one less than the neighbours there are. The calibration takes the edge of a ball into account, so that
    many dimensions are not underestimated; a set without an edge is overestimated by as much. Copies have no angle and
    no ratio and are left out. Standard error by random halves, each against balls of n / 2. Undefined with fewer than
    five rows, without distinct distances or without directions.
    """
    if k < 2:
        raise UsageError(f"danco: k = {k} is too small; it needs at least 2 neighbours")
    k = min(k, scan.most_neighbors - 1)
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k}
    if k < 2 or scan.n < 5:
        return undefined("danco", "few-rows", **fields)
    table = scan.neighbors(min(width_for(k + 1), scan.most_neighbors))
    shape = _shape(table.exact_dist(k + 1), local_sums(scan, k))
    if shape is None:
        return undefined("danco", "no-distinct-distances", **fields)
    value = nearest_ball(shape, table.base_rows, k, scan.d)
    return measured("danco", value, stderr=_stderr(scan, table, k), method="random halves", **fields)


def nearest_ball(shape: Shape, n: int, k: int, d: int) -> float:
    """The dimension, real and at least 1, of the least divergence of `shape` from balls of n rows."""
    rungs: list[int] = []
    found: list[float] = []
    for rung in ladder():
        rungs.append(rung)
        found.append(float(_divergence(shape, calibration(rung, n, k), k)[0]))
        best = int(np.argmin(found))
        if len(rungs) > best + 1 + PAST or rung > 4 * d + 8:
            break
    return _between(shape, n, k, rungs, best)


def _between(shape: Shape, n: int, k: int, rungs: list[int], best: int) -> float:
    """The least divergence near rung `best`, along the interpolated calibration."""
    from scipy.interpolate import PchipInterpolator

    log_dim = np.log(rungs)
    known = np.array([(c.dim, c.nu, c.tau) for c in (calibration(rung, n, k) for rung in rungs)]).T
    spline = PchipInterpolator(log_dim, np.log(known) - [log_dim, 0 * log_dim, 0 * log_dim], axis=1)
    low, high = log_dim[max(best - 1, 0)], log_dim[min(best + 1, len(rungs) - 1)]
    for _ in range(4):  # a finer grid about the smallest, each time
        fine = np.linspace(low, high, 65)
        dim, nu, tau = np.exp(spline(fine))
        at = int(np.argmin(_divergence(shape, Shape(dim * np.exp(fine), nu, tau), k)))
        low, high = fine[max(at - 1, 0)], fine[min(at + 1, len(fine) - 1)]
    return float(np.exp(fine[at]))


def ladder() -> Iterator[int]:
    """1, 2, ... 8, then each a sixth above the last, without end."""
    rung = 1
    while True:
        yield rung
        rung = rung + 1 if rung < 8 else -(-rung * 7 // 6)


@lru_cache(maxsize=1024)
def calibration(dim: int, n: int, k: int) -> Shape:
    """The shape of n rows uniform in a ball of `dim` dimensions, from neighbourhoods drawn in law."""
    rows = max(min(ROWS, MOST // (dim * (k + 1))), 100)
    vectors = draw_neighbourhoods(dim, n, k + 1, rows, 0, STRATA)
    points = np.vstack([np.zeros((1, dim)), vectors[:, :k].reshape(-1, dim)])
    places = Places(np.zeros(rows, np.int64), np.arange(1, len(points)).reshape(rows, k), np.full(rows, k))
    shape = _shape(np.linalg.norm(vectors, axis=2), sums_of(points, places))
    return shape if shape is not None else Shape(float(dim), np.pi / 2, float(dim))


def _shape(
    dist: Floats,  # (n, k + 1)
    sums: LocalSums,
) -> Shape | None:
    """None where there is no ratio or no angle to read."""
    dim = likeliest(dist)
    pairs = sums.directed * (sums.directed - 1) / 2
    known = pairs > 0
    if not np.isfinite(dim) or not known.any():
        return None
    cos, sin = sums.cos[known] / pairs[known], sums.sin[known] / pairs[known]
    nu = max(float(np.arctan2(sin, cos).mean()), 1e-9)
    tau = concentration(np.hypot(cos, sin))
    return Shape(dim, nu, float(np.minimum(tau, MOST_STEEP * np.median(tau)).mean()))


def concentration(
    eta: Floats,  # (m,) in [0, 1]
) -> Floats:
    """(m,) tau with I1(tau) / I0(tau) = eta: Best and Fisher's (1981) approximation, and Newton steps from there."""
    from scipy.special import i0e, i1e

    eta = np.clip(eta, 0.0, 1 - 0.5 / STEEPEST)
    middle, steep = -0.4 + 1.39 * eta + 0.43 / (1 - eta), 1 / (eta**3 - 4 * eta**2 + 3 * np.maximum(eta, 1e-9))
    tau = np.where(eta < 0.53, 2 * eta + eta**3 + 5 * eta**5 / 6, np.where(eta < 0.85, middle, steep))
    for _ in range(3):
        ratio = i1e(tau) / i0e(tau)
        tau = np.maximum(tau - (ratio - eta) / (1 - ratio**2 - ratio / np.maximum(tau, 1e-9)), 0.0)
    made: Floats = np.minimum(tau, STEEPEST)
    return made


def _divergence(data: Shape, ball: Shape, k: int) -> Floats:
    """KL_d + KL_vm of the module, up to a constant; `ball` may hold arrays."""
    from scipy.special import i0e, i1e

    q = np.atleast_1d(ball.dim / data.dim)
    harmonic = (1 / np.arange(1, k + 1)).sum()
    of_dist = harmonic * q - np.log(q) - (k - 1) * _mean_log_rest(q, k)
    bend = np.log(i0e(ball.tau) / i0e(data.tau)) + ball.tau - data.tau
    slope = i1e(data.tau) / i0e(data.tau)
    made: Floats = of_dist + bend + slope * (data.tau - ball.tau * np.cos(data.nu - ball.nu))
    return made


def _mean_log_rest(q: Floats, k: int) -> Floats:
    """E log(1 - U^q), U ~ Beta(1, k) of density k (1 - u)^(k-1), by quadrature over s with u = s^4."""
    node, weight = _nodes()
    density = k * (1 - node**4) ** (k - 1) * 4 * node**3
    inner: Floats = np.log(-np.expm1(4 * q[:, None] * np.log(node))) @ (weight * density)
    return inner


@cache
def _nodes() -> tuple[Floats, Floats]:
    node, weight = np.polynomial.legendre.leggauss(128)
    return (node + 1) / 2, weight / 2


def _stderr(scan: Scan, table: Neighbors, k: int) -> float:
    """Spread of the answers of random halves; NaN where the table is too narrow or too short."""
    if table.k < width_for(k + 1) or scan.n < 4 * (k + 1):
        return float("nan")
    known = named(table)
    masks = half_masks(len(known), scan.seed)
    found: list[list[tuple[Floats, LocalSums]]] = [[] for _ in range(DRAWS)]
    for part in gathered(scan, table.k):
        for draw, mask in enumerate(masks[:, np.searchsorted(known, part.numbers)]):
            found[draw] += _half(scan.executor, part, mask, k)
    shapes = [_shape(np.concatenate([d for d, _ in one]), joined([s for _, s in one])) for one in found if one]
    values = [nearest_ball(shape, table.base_rows // 2, k, scan.d) for shape in shapes if shape is not None]
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _half(executor: Executor, part: Gathered, keep: Array, k: int) -> list[tuple[Floats, LocalSums]]:
    """Distances (b, k + 1) and sums of the rows of a part that a half keeps, among those kept; none of no row."""
    mine = keep[part.table.numbers]
    half = restrict(part.table, mine, keep, k + 1)
    if len(half.sq_dist) == 0:
        return []
    rows = part.table.numbers[mine & (keep[part.table.index].sum(axis=1) > k)]
    places = Places(rows, half.index[:, :k], np.full(len(rows), k))
    return [(half.exact_dist(k + 1), sums_of(part.points, places, executor))]
