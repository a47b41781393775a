"""Clouds whose answer is known, shared by all tests: each a pure function of (n, d, seed) to float64 rows (n, d).

Curves and surfaces of few dimensions are laid into d by a seeded orthonormal basis, with noise where it is said.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geometry.types import Neighbors

Cloud = NDArray[np.float64]
Maker = Callable[[int, int, int], Cloud]


def gaussian(n: int, d: int, seed: int = 0) -> Cloud:
    """N(0, I): nothing but a mean and a spectrum."""
    return np.random.default_rng(seed).standard_normal((n, d))


def shell(n: int, d: int, seed: int = 0) -> Cloud:
    """Uniform on the unit sphere: one radius, intrinsic dimension d - 1."""
    points = gaussian(n, d, seed)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def ball(n: int, d: int, seed: int = 0) -> Cloud:
    """Uniform in the unit ball: intrinsic dimension d, with its edge."""
    radius = np.random.default_rng([seed, 15]).uniform(size=(n, 1)) ** (1 / d)
    return radius * shell(n, d, seed)


def power_law(n: int, d: int, seed: int = 0, exponent: float = 0.75) -> Cloud:
    """Gaussian with standard deviations i^-exponent."""
    return gaussian(n, d, seed) * np.arange(1.0, d + 1) ** -exponent


def clusters(n: int, d: int, seed: int = 0, count: int = 12, spread: float = 0.3) -> Cloud:
    """`count` Gaussian balls of radius `spread` per coordinate about Gaussian centres; see `cluster_labels`."""
    rng = np.random.default_rng([seed, 1])
    return rng.standard_normal((count, d))[cluster_labels(n, count)] + spread * rng.standard_normal((n, d))


def cluster_labels(n: int, count: int = 12) -> NDArray[np.int64]:
    """(n,) the ball of each row of `clusters`, in turn."""
    return np.arange(n, dtype=np.int64) % count


def helix(n: int, d: int, seed: int = 0, noise: float = 0.01) -> Cloud:
    """A curve of about five turns: intrinsic dimension 1 above the noise."""
    t = np.random.default_rng([seed, 2]).uniform(0, 30, n)
    return laid_in(np.c_[np.cos(t), np.sin(t), t / 10], d, seed, noise)


def swiss_roll(n: int, d: int, seed: int = 0, noise: float = 0.01) -> Cloud:
    """A rolled-up strip: intrinsic dimension 2."""
    rng = np.random.default_rng([seed, 3])
    t = 1.5 * np.pi * (1 + 2 * rng.uniform(size=n))
    return laid_in(np.c_[t * np.cos(t), 21 * rng.uniform(size=n), t * np.sin(t)] / 10, d, seed, noise)


def torus(n: int, d: int, seed: int = 0, noise: float = 0.01, order: int = 3) -> Cloud:
    """Flat torus of `order` circles in 2 `order` coordinates: intrinsic dimension `order`, no boundary."""
    angle = np.random.default_rng([seed, 4]).uniform(0, 2 * np.pi, (n, order))
    return laid_in(np.c_[np.cos(angle), np.sin(angle)], d, seed, noise)


def periodic_table(n: int, d: int, seed: int = 0, k: int = 40) -> Neighbors:
    """Neighbours of n uniform points in [0, 1)^d with periodic distance: dimension d, no boundary, no bias."""
    from scipy.spatial import cKDTree

    points = np.random.default_rng([seed, 5]).uniform(size=(n, d))
    dist, index = cKDTree(points, boxsize=1.0).query(points, k + 1)
    return Neighbors(
        dist[:, 1:].astype(np.float32), index[:, 1:].astype(np.int64), np.ones(n, np.bool_), dist[:, 1:] ** 2
    )


def sphere(n: int, d: int, seed: int = 0, offset: float = 0.0) -> Cloud:
    """A 2-sphere of radius 1, moved by `offset` along every axis."""
    return laid_in(shell(n, 3, seed), d, seed, 0.0) + offset


def moons(n: int, d: int, seed: int = 0, noise: float = 0.05) -> Cloud:
    """Two interleaved half circles under noise of that deviation in all d dimensions."""
    t = np.random.default_rng([seed, 6]).uniform(0, np.pi, n)
    upper = np.arange(n)[:, None] % 2 == 0
    return laid_in(np.where(upper, np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)]), d, seed, noise)


def tree(n: int, d: int, seed: int = 0, depth: int = 5, noise: float = 0.05, branches: int = 2) -> Cloud:
    """Leaves of a hierarchy of so many branches: each level adds a step half as long as the one before."""
    rng = np.random.default_rng([seed, 7])
    leaf = np.arange(n) % branches**depth
    points = noise * rng.standard_normal((n, d))
    for level in range(depth):
        steps = rng.standard_normal((branches ** (level + 1), d))
        points += 0.5**level * steps[leaf // branches ** (depth - 1 - level)]
    return points


def realistic(n: int, d: int, seed: int = 0) -> Cloud:
    """As encoders give them: 20 clusters with a power law of scatter inside, rows of length 1."""
    return normalised(clusters(n, d, seed, count=20, spread=0.0) + 3 * power_law(n, d, seed))


def low_rank(n: int, d: int, seed: int = 0, rank: int = 3) -> Cloud:
    """A Gaussian of `rank` dimensions in d."""
    return laid_in(gaussian(n, rank, seed), d, seed, 0.0)


def copies(n: int, d: int, seed: int = 0, share: float = 0.1, jitter: float = 0.0) -> Cloud:
    """A Gaussian whose last `share` of rows repeat its first ones, moved by `jitter` per coordinate."""
    points = gaussian(n, d, seed)
    last = round(share * n)
    moved = jitter * np.random.default_rng([seed, 8]).standard_normal((last, d))
    points[n - last :] = points[:last] + moved
    return points


def outlier(n: int, d: int, seed: int = 0, far: float = 1e3) -> Cloud:
    """A Gaussian with its first row at `far` in every coordinate."""
    points = gaussian(n, d, seed)
    points[0] = far
    return points


def student(n: int, d: int, seed: int = 0, freedom: int = 4) -> Cloud:
    """Student radii: a Gaussian whose every row is stretched at random; no structure, no fourth moment."""
    square = np.random.default_rng([seed, 11]).chisquare(freedom, (n, 1)) / freedom
    return gaussian(n, d, seed) / np.sqrt(square)


def flat_ellipse(n: int, d: int, seed: int = 0, axes: tuple[float, ...] = (3.0, 1.0)) -> Cloud:
    """A Gaussian in as many coordinates as axes, put on the unit sphere: an arc or patch of uneven density."""
    points = np.zeros((n, d))
    points[:, : len(axes)] = gaussian(n, len(axes), seed) * axes
    return normalised(points)


def rogue(n: int, d: int, seed: int = 0) -> Cloud:
    """A Gaussian one of whose coordinates is lognormal and large."""
    points = gaussian(n, d, seed)
    points[:, 0] = 3 * np.random.default_rng([seed, 12]).lognormal(0, 1, n)
    return points


def segment(n: int, d: int, seed: int = 0, noise: float = 0.01) -> Cloud:
    """Uniform on a straight piece of length 2, under noise."""
    return laid_in(np.random.default_rng([seed, 13]).uniform(-1, 1, (n, 1)), d, seed, noise)


def normalised(points: Cloud) -> Cloud:
    """Rows divided by their length."""
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def draws_of(maker: Maker, count: int, n: int, d: int, seed: int = 0) -> list[Cloud]:
    """`count` sets of n rows from one law: one cloud, shuffled and cut, so that centres and bases are shared."""
    points = maker(count * n, d, seed)
    return np.split(points[np.random.default_rng([seed, 14]).permutation(len(points))], count)


def rotation(d: int, seed: int = 0) -> Cloud:
    """(d, d) orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng([seed, 9]).standard_normal((d, d)))[0]


def laid_in(points: Cloud, d: int, seed: int, noise: float) -> Cloud:
    """Rows of few coordinates in d dimensions, with Gaussian noise per coordinate."""
    rng = np.random.default_rng([seed, 10])
    basis = np.linalg.qr(rng.standard_normal((d, points.shape[1])))[0]
    return points @ basis.T + noise * rng.standard_normal((len(points), d))


def neighbourhoods() -> dict[str, NDArray[np.floating]]:
    """Small sets that try what neighbourhoods are reduced to: few and many dimensions, dtypes, copies, scales."""
    return {
        "gaussian": gaussian(60, 6),
        "more dimensions than neighbours": gaussian(60, 40),
        "float32 at an offset": (gaussian(60, 6) + 100).astype(np.float32),
        "half precision": gaussian(60, 6).astype(np.float16),
        "doubled rows": np.repeat(gaussian(30, 6), 2, axis=0),
        "huge": 1e100 * gaussian(60, 6),
        "tiny": 1e-100 * gaussian(60, 6),
    }
