"""The cases that every engine must answer to the last bit: sizes, clouds, storage types and sums that try a bound.

A case is a pair of sets, or one set twice, and a k. The truth is every pair measured by the one measurement of the
project and ranked by (squared distance, index), so an engine agrees byte for byte or is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pair_clouds import CLOUDS, Maker, draw, gaussian, lattice, one_hot, orthonormal

from geometry.pairs.cpu.measure import sq_gaps
from geometry.pairs.executor import Executor

Points = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """Rows to look up, rows to find, how many; one set where they are the same array."""

    queries: Points
    base: Points
    k: int

    @property
    def exclude_self(self) -> bool:
        return self.queries is self.base


def one(points: Points, k: int) -> Case:
    return Case(points, points, k)


def of_gaussian(n: int, d: int, k: int) -> Callable[[], Case]:
    return lambda: one(draw(gaussian, n, d, np.float32), k)


def against(n: int, k: int) -> Callable[[], Case]:
    return lambda: Case(draw(gaussian, 5, 3, np.float32, seed=1), draw(gaussian, n, 3, np.float32), k)


def of_cloud(maker: Maker) -> Callable[[], Case]:
    """Clouds of basis rows get as many dimensions as leave them distinct rows for a scan."""
    return lambda: one(draw(maker, 200, 160 if maker in (one_hot, orthonormal) else 20, np.float32), 7)


def truncation() -> Case:
    """+-16, then 2^-8 (1 - 2^-11) or 0: a unit that keeps few guard bits loses every small term beside the first."""
    rng = np.random.default_rng(5)
    points = np.where(rng.random((200, 70)) < 0.5, 2.0**-8 * (1 - 2.0**-11), 0.0)
    points[:, 0] = np.where(rng.random(200) < 0.5, 16.0, -16.0)
    return one(points.astype(np.float32), 5)


SIZES: dict[str, Callable[[], Case]] = {
    "n 1": against(1, 1),
    "n 2": of_gaussian(2, 3, 1),
    "n k": against(9, 9),
    "n k+1": of_gaussian(10, 3, 9),
    "n 63, d 768": of_gaussian(63, 768, 7),
    "n 257, d 63": of_gaussian(257, 63, 15),
    "n 1000, d 3": of_gaussian(1000, 3, 6),
    "d 1": of_gaussian(257, 1, 5),
    "d 5000": of_gaussian(40, 5000, 4),
    "k n-1": of_gaussian(70, 5, 69),
    "float16": lambda: one(draw(gaussian, 140, 20, np.float16), 5),
    "float64": lambda: one(draw(gaussian, 140, 20, np.float64), 5),
    "integers": lambda: one(draw(lattice, 200, 4, np.float64), 5),
    "truncation": truncation,
}
CASES = SIZES | {maker.__name__: of_cloud(maker) for maker in CLOUDS}


def truth(queries: Points, base: Points, k: int, *, exclude_self: bool) -> tuple[Points, Points]:
    """Squared distances and indices (n, k)."""
    of_queries, of_base = np.repeat(np.arange(len(queries)), len(base)), np.tile(np.arange(len(base)), len(queries))
    sq_dist = sq_gaps(queries, of_queries, base, of_base).reshape(len(queries), len(base))
    if exclude_self:
        np.fill_diagonal(sq_dist, np.inf)
    index = np.argsort(sq_dist, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(sq_dist, index, axis=1), index


def assert_parity(engine: Executor, of: Case) -> None:
    """The engine's whole table against the truth."""
    found = engine.neighbors(of.queries, of.base, of.k, exclude_self=of.exclude_self)
    sq_dist, index = truth(of.queries, of.base, of.k, exclude_self=of.exclude_self)
    assert found.sq_dist.tobytes() == sq_dist.tobytes(), "squared distances differ"
    assert found.index.tobytes() == index.tobytes(), "indices differ"
    assert found.certified.all()
    with np.errstate(over="ignore"):
        assert np.array_equal(found.dist, np.sqrt(sq_dist).astype(np.float32))
