"""geo_mle: the mle carried to radius 0 by regression over k, against bending and uneven density (Gomtsyan et al. 2019).

For k = k1 .. k2, d_k is the mean over rows of Levina and Bickel's estimate (arithmetic constant, k - 2) and R_k that of
the radius, averaged over random subsamples of 63 % of the rows (the share of distinct rows in a bootstrap, but without
repeats). A ridge regression d_k = b_0 + b_1 R + b_2 R^2, weighted by one over the standard deviation of d_k between
subsamples, weights summing to 1 and R in units of its mean, gives the dimension b_0, at least 0. (Fitted row by
row, where d_k and R_k share their chance errors, the same regression is 13 % high without any boundary.)
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import renumbered, restrict
from geometry.registry import Invariance, statistic
from geometry.types import Array, Estimate, Floats, Neighbors

SHARE = 0.632
DRAWS = 8
COLUMNS = 100  # 63 of them are in a subsample, 40 with p = 1 - 1e-6
RIDGE = 5e-3  # beside the variance of R in units of its mean: .1 in one dimension, .005 in five, 3e-4 in twenty
SEEDED: tuple[Invariance, ...] = (
    "translation",
    "rotation",
    "zero-padding",
    "scale",
)  # row order draws other subsamples


@statistic(
    "geo_mle",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SEEDED,
    direction="down",
    source="Gomtsyan, Mokrov, Panov and Yanovich 2019",
    k=COLUMNS,
    null="d for rows uniform in d dimensions without edge",
    fails="an extrapolation: in many dimensions the radii hardly differ, and the ridge alone decides how far it goes",
    whole="neighbors",
)
def geo_mle(scan: Scan, *, k1: int = 10, k2: int = 40) -> Estimate:
    """The mle at k = k1 .. k2, regressed on the radius and read at radius 0. Profile: radius, dimension.

    k1 and k2 fall, in proportion, to half the neighbours there are. Copies at distance 0 count as half the smallest
    positive distance of the row. The error is the spread of the value between subsamples, scaled from 63 % of the rows
    to all. Undefined with fewer than 12 rows or without distinct distances.
    """
    if not 3 <= k1 < k2:
        raise UsageError(f"geo_mle: k1 = {k1}, k2 = {k2}; they must ascend from 3")
    most = min(scan.most_neighbors, round(COLUMNS * k2 / 40))
    far = min(k2, most // 2)
    near = k1 if far == k2 else max(round(k1 * far / k2), 3)
    fields = {"n": scan.n, "d": scan.d, "k": max(far, 0)}
    if far <= near:
        return undefined("geo_mle", "few-rows", **fields)
    table = scan.neighbors(most)
    if table.index.shape != table.sq_dist.shape:
        return undefined("geo_mle", "no-index", **fields)
    table = renumbered(table)
    drawn = np.array([_curve(table, keep, near, far) for keep in _subsamples(table.base_rows, scan.seed)])
    if not np.isfinite(drawn).all():
        return undefined("geo_mle", "no-distinct-distances", **fields)
    dims, radii = drawn[:, 0], drawn[:, 1]
    curve = {"radius": radii.mean(axis=0), "dimension": dims.mean(axis=0)}
    weight = 1 / np.maximum(dims.std(axis=0, ddof=1), 1e-3 * curve["dimension"])
    value = max(at_zero(curve["radius"], curve["dimension"], weight), 0.0)
    alone = [max(at_zero(radii[i], dims[i], weight), 0.0) for i in range(DRAWS)]
    stderr = float(np.std(alone, ddof=1) * np.sqrt(SHARE / (1 - SHARE)))
    return measured("geo_mle", value, stderr=stderr, method="random subsamples", profile=curve, **fields)


def _subsamples(n: int, seed: int) -> list[Array]:
    """Masks of SHARE of n rows."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(n) < round(SHARE * n) for _ in range(DRAWS)]


def _curve(table: Neighbors, keep: Array, near: int, far: int) -> tuple[Floats, Floats]:
    """(far - near + 1,) mean estimate and mean radius over rows at every k among the rows kept, NaN without any."""
    full = keep[table.index].sum(axis=1) >= far
    if table.own is not None:  # sampled rows: which of them are drawn is part of the error
        full &= keep[table.own]
    dist = restrict(table, full, keep, far).exact_dist(far)
    dist = dist[dist[:, -1] > 0]
    smallest = np.min(dist, axis=1, keepdims=True, initial=np.inf, where=dist > 0)
    log_dist = np.log(np.where(dist > 0, dist, smallest / 2))
    k = np.arange(near, far + 1)
    spread = (k - 1) * log_dist[:, near - 1 : far] - np.cumsum(log_dist, axis=1)[:, near - 2 : far - 1]
    used = (spread > 1e-12 * k).all(axis=1)
    if not used.any():
        nothing = np.full(len(k), np.nan)
        return nothing, nothing
    return ((k - 2) / spread[used]).mean(axis=0), np.exp(log_dist[used][:, near - 1 : far]).mean(axis=0)


def at_zero(
    radius: Floats,  # (s,)
    dims: Floats,  # (s,)
    weight: Floats,  # (s,)
) -> float:
    """The weighted ridge fit of dims on R and R^2, R in units of its mean, at R = 0; the intercept is not shrunk."""
    scaled = radius / radius.mean()
    powers = np.stack([scaled, scaled**2], axis=1)
    share = weight / weight.sum()
    middle, level = share @ powers, share @ dims
    centred = powers - middle
    normal = centred.T @ (share[:, None] * centred) + RIDGE * np.eye(2)
    slopes = np.linalg.solve(normal, centred.T @ (share * (dims - level)))
    return float(level - slopes @ middle)
