"""Clouds that try the pass over pairs: ties, copies, offsets, scales, ranges where float32 products lose digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Cloud = NDArray[np.float64]
Maker = Callable[[np.random.Generator, int, int], Cloud]


def gaussian(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return rng.standard_normal((n, d))


def duplicates(rng: np.random.Generator, n: int, d: int) -> Cloud:
    """About a third as many distinct rows as rows."""
    return rng.standard_normal((max(n // 3, 1), d))[rng.integers(0, max(n // 3, 1), n)]


def all_equal(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return np.repeat(rng.standard_normal((1, d)), n, axis=0)


def one_hot(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return np.eye(d)[rng.integers(0, d, n)]


def orthonormal(rng: np.random.Generator, n: int, d: int) -> Cloud:
    """Rows of a reflection, repeated past d: distances tied up to rounding."""
    normal = rng.standard_normal(d)
    return (np.eye(d) - 2 * np.outer(normal, normal) / (normal @ normal))[np.arange(n) % d]


def lattice(rng: np.random.Generator, n: int, d: int) -> Cloud:
    """Whole coordinates: exact ties at every radius."""
    return rng.integers(-2, 3, (n, d)).astype(float)


def one_outlier(rng: np.random.Generator, n: int, d: int) -> Cloud:
    points = rng.standard_normal((n, d))
    points[0] = 1e6
    return points


def lognormal_norms(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return rng.standard_normal((n, d)) * rng.lognormal(0, 3, (n, 1))


def offset_1e4(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return rng.standard_normal((n, d)) + 1e4


def offset_1e6(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return rng.standard_normal((n, d)) + 1e6


def huge(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return rng.standard_normal((n, d)) * 1e30


def tiny(rng: np.random.Generator, n: int, d: int) -> Cloud:
    return rng.standard_normal((n, d)) * 1e-30


def tight_clusters(rng: np.random.Generator, n: int, d: int) -> Cloud:
    """Eight centres with rows 1e-6 about them: far below what a float32 product resolves."""
    return rng.standard_normal((8, d))[rng.integers(0, 8, n)] + 1e-6 * rng.standard_normal((n, d))


def subnormals(rng: np.random.Generator, n: int, d: int) -> Cloud:
    """A few steps of float32's smallest number."""
    return rng.integers(-50, 51, (n, d)) * float(np.finfo(np.float32).smallest_subnormal)


CLOUDS: tuple[Maker, ...] = (
    gaussian,
    duplicates,
    all_equal,
    one_hot,
    orthonormal,
    lattice,
    one_outlier,
    lognormal_norms,
    offset_1e4,
    offset_1e6,
    huge,
    tiny,
    tight_clusters,
    subnormals,
)
SIZES = ((1, 3), (2, 1), (5, 3), (6, 63), (63, 768), (257, 1), (257, 63))
LARGE = ((1000, 3), (1000, 63))
DTYPES = (np.float16, np.float32, np.float64)


def draw(maker: Maker, n: int, d: int, dtype: type, seed: int = 0) -> NDArray[np.floating]:
    """The cloud in its dtype; what float16 cannot hold is held at its largest number."""
    points = maker(np.random.default_rng([seed, n, d]), n, d)
    most = float(np.finfo(dtype).max)
    return np.clip(points, -most, most).astype(dtype)
