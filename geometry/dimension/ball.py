"""The neighbours of a row among n rows uniform in a d-ball, in law: what edges and few rows alone do to an estimator.

The share of the unit ball within r of a point at radius rho is a lens, two caps of spheres at distance rho (Li 2011):
  F(r) = G(1, (1 + rho^2 - r^2) / (2 rho)) + r^d G(r, (r^2 + rho^2 - 1) / (2 rho)),
  G(R, c) = share of a ball of radius R beyond the plane at distance c from its centre (a regularised incomplete beta).
The j-th nearest of n - 1 others is F^-1 of a Beta(j, n - j) variable, so that E log r_j is two quadratures, for real d
and any n, without drawing a row. For angles, neighbours are drawn one row at a time: the radii from the order
statistics, the direction uniform over the part of the sphere of that radius which lies inside the ball.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from geometry.types import Floats

NODES = 32  # Gauss-Legendre nodes, over the rows and over the order statistics
GRID = 256  # radii at which F is tabulated, evenly in log r


def lens(
    dim: float,
    rho: Floats,  # (...) in [0, 1]
    radius: Floats,  # (...) in (0, 2]
) -> Floats:
    """Share of the unit ball that lies within `radius` of a point at distance rho from its centre."""
    rho = np.maximum(rho, 1e-9)
    from_centre = (1 + rho**2 - radius**2) / (2 * rho)
    from_point = (radius**2 + rho**2 - 1) / (2 * rho) / radius
    beyond = _beyond(dim, from_point)
    near = np.where(beyond > 0, radius, 0.0)  # r^d may leave the range of a float where it counts for nothing
    inside: Floats = _beyond(dim, from_centre) + near**dim * beyond
    return np.minimum(inside, 1.0)


def _beyond(dim: float, plane: Floats) -> Floats:
    """Share of the unit ball beyond a plane at signed distance `plane`; all or nothing outside [-1, 1]."""
    from scipy.special import betainc

    plane = np.clip(plane, -1.0, 1.0)
    half = 0.5 * betainc((dim + 1) / 2, 0.5, 1 - plane**2)
    share: Floats = np.where(plane >= 0, half, 1 - half)
    return share


def _inverse(dim: float, rho: Floats, n: int) -> tuple[Floats, Floats]:
    """log r on a grid (GRID,) and log F (len(rho), GRID) from far below 1 / n up to the whole ball."""
    lowest = np.log(1e-4 / n) / dim
    log_radius = np.linspace(min(lowest, np.log(2.0) - 0.5), np.log(2.0), GRID)
    share = lens(dim, rho[:, None], np.exp(log_radius))
    return log_radius, np.log(np.maximum(share, 1e-300))


@lru_cache(maxsize=512)
def mean_log_radii(dim: float, n: int, k: int) -> tuple[float, ...]:
    """E log r_j, j = 1 .. k, over n rows uniform in the unit ball of `dim` dimensions, a positive real."""
    from scipy.special import betaincinv

    node, weight = np.polynomial.legendre.leggauss(NODES)
    unit, weight = (node + 1) / 2, weight / 2
    log_radius, log_share = _inverse(dim, unit ** (1 / dim), n)
    orders = np.arange(1, k + 1)[:, None]
    at = np.log(betaincinv(orders, np.maximum(n - orders, 1), unit))
    rows = np.stack([np.interp(at, share, log_radius) for share in log_share])
    return tuple(float(mean) for mean in np.einsum("rjq,r,q->j", rows, weight, weight))


def draw_neighbourhoods(dim: int, n: int, k: int, rows: int, seed: int, strata: int = 0) -> Floats:
    """(rows, k, dim) vectors from a row to its k nearest others, the row being any of n uniform in the unit ball.

    With strata the rows stand in turn at the middles of so many shells of equal volume: much the quicker, and no noise
    from where they stand.
    """
    rng = np.random.default_rng([seed, dim])
    level = (np.arange(strata) + 0.5) / strata if strata else rng.uniform(size=rows)
    rho, shell = level ** (1 / dim), np.arange(rows) % len(level)
    log_radius, tables = _inverse(dim, rho, n)
    rho, log_share = rho[shell], tables[shell]
    waits = np.cumsum(rng.exponential(size=(rows, k)), axis=1)
    rest = rng.gamma(max(n - k, 1), size=(rows, 1))
    at = np.log(waits / (waits[:, -1:] + rest))  # the k smallest of n - 1 uniform variables
    radius = np.exp([np.interp(u, share, log_radius) for u, share in zip(at, log_share, strict=True)])
    inward = (1 - rho[:, None] ** 2 - radius**2) / (2 * rho[:, None] * radius)
    cosine = _truncated_cosine(dim, np.clip(inward, -1.0, 1.0), rng)
    across = rng.standard_normal((rows, k, max(dim - 1, 0)))
    across /= np.linalg.norm(across, axis=2, keepdims=True) if dim > 1 else 1.0
    sine = np.sqrt(np.maximum(1 - cosine**2, 0.0))
    made: Floats = np.concatenate([cosine[..., None], sine[..., None] * across], axis=2) * radius[..., None]
    return made


def _truncated_cosine(dim: int, most: Floats, rng: np.random.Generator) -> Floats:
    """Cosine to the outward axis of a uniform direction, given that it is at most `most`."""
    from scipy.special import betainc, betaincinv

    if dim == 1:
        return np.where(most >= 1, rng.choice([-1.0, 1.0], size=most.shape), -1.0)
    half = (dim - 1) / 2
    drawn = betaincinv(half, half, rng.uniform(size=most.shape) * betainc(half, half, (1 + most) / 2))
    cosine: Floats = 2 * drawn - 1
    return cosine
