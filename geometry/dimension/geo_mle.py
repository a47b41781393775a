"""geo_mle: the mle carried to radius 0 by regression over k, against bending and uneven density (Gomtsyan et al. 2019).

Of each row, d_k is Levina and Bickel's estimate (arithmetic constant, k - 2) and R_k the radius, for k = k1 .. k2,
averaged over random subsamples of 63 % of the rows (the share of distinct rows in a bootstrap, but without repeats). A
ridge regression d_k = b_0 + b_1 R + b_2 R^2, weighted by one over the standard deviation of d_k between subsamples and
with R in units of the row's mean radius, gives the row's dimension b_0, at least 0.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import restrict
from geometry.registry import Invariance, statistic
from geometry.types import Array, Estimate, Floats, Neighbors

SHARE = 0.632
DRAWS = 8
COLUMNS = 100  # 63 of them are in a subsample, 40 with p = 1 - 1e-6
RIDGE = 5e-3
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
)
def geo_mle(scan: Scan, *, k1: int = 10, k2: int = 40) -> Estimate:
    """Mean over rows of the mle at k = k1 .. k2, regressed on the radius and read at radius 0; per_point each row's.

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
    draws = [_local(table, keep, near, far) for keep in _subsamples(scan.n, scan.seed)]
    dims, radii = np.stack([d for d, _ in draws]), np.stack([r for _, r in draws])
    known = np.isfinite(dims).all(axis=(0, 2))
    if not known.any():
        return undefined("geo_mle", "no-distinct-distances", **fields)
    dims, radii = dims[:, known], radii[:, known]
    weight = 1 / np.maximum(dims.std(axis=0, ddof=1), 1e-3 * dims.mean(axis=0))
    per_point = np.full(scan.n, np.nan)
    per_point[known] = np.maximum(_at_zero(radii.mean(axis=0), dims.mean(axis=0), weight), 0)
    alone = [float(np.maximum(_at_zero(radii[i], dims[i], weight), 0).mean()) for i in range(DRAWS)]
    stderr = float(np.std(alone, ddof=1) * np.sqrt(SHARE / (1 - SHARE)))
    value = float(np.nanmean(per_point))
    return measured("geo_mle", value, stderr=stderr, method="random subsamples", per_point=per_point, **fields)


def _subsamples(n: int, seed: int) -> list[Array]:
    """Masks of SHARE of n rows."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(n) < round(SHARE * n) for _ in range(DRAWS)]


def _local(table: Neighbors, keep: Array, near: int, far: int) -> tuple[Floats, Floats]:
    """(n, far - near + 1) estimate and radius of every row at every k among the rows kept, NaN where there are none."""
    n = len(table.sq_dist)
    dims, radii = np.full((2, n, far - near + 1), np.nan)
    full = keep[table.index].sum(axis=1) >= far
    dist = restrict(table, full, keep, far).exact_dist(far)
    smallest = np.min(dist, axis=1, initial=np.inf, where=dist > 0)
    dist = np.where(dist > 0, dist, np.where(np.isfinite(smallest), smallest, 1.0)[:, None] / 2)
    log_dist = np.log(dist)
    k = np.arange(near, far + 1)
    spread = (k - 1) * log_dist[:, near - 1 : far] - np.cumsum(log_dist, axis=1)[:, near - 2 : far - 1]
    positive = np.isfinite(smallest)[:, None] & (spread > 1e-12 * k)
    dims[full] = np.divide(k - 2, spread, out=np.full_like(spread, np.nan), where=positive)
    radii[full] = dist[:, near - 1 : far]
    return dims, radii


def _at_zero(radii: Floats, dims: Floats, weight: Floats) -> Floats:
    """(m,) ridge fits of dims on R and R^2, all (m, s), read at R = 0; the intercept is not shrunk."""
    scaled = radii / radii.mean(axis=1, keepdims=True)
    powers = np.stack([scaled, scaled**2], axis=2)
    share = (weight / weight.sum(axis=1, keepdims=True))[..., None]
    middle, level = (share * powers).sum(axis=1), (share[..., 0] * dims).sum(axis=1)
    centred = powers - middle[:, None]
    normal = centred.transpose(0, 2, 1) @ (weight[..., None] * centred) + RIDGE * np.eye(2)
    target = np.einsum("msp,ms,ms->mp", centred, weight, dims - level[:, None])
    slopes = np.linalg.solve(normal, target[..., None])[..., 0]
    at_zero: Floats = level - (slopes * middle).sum(axis=1)
    return at_zero
