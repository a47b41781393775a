"""The CUDA engine: the reductions of `geometry.pairs.executor.Executor` by the kernels of `kernels/` on one device.

It launches through `geometry.pairs.cuda.device.Device` alone, so the tests execute it on a CPU. Between launches NumPy
decides on (n,) arrays. Leaves out choosing itself: that asks for a proof on the device first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.errors import OutOfMemoryError
from geometry.pairs import tree
from geometry.pairs.copies import over_distinct
from geometry.pairs.cuda import counts, moments, search, sums
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.rows import stride_of
from geometry.pairs.cuda.scans import MMA, Scan
from geometry.pairs.executor import table_of
from geometry.types import Array, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts

RESERVE = 0.1  # of what is free, left for launches and for what else lives on the device


@dataclass(frozen=True)
class CudaExecutor:
    """Kernels on `device` within `budget` bytes of its memory; 0 takes what is free, less a reserve.

    scan: the one that chooses candidates for neighbours; no result depends on it.
    """

    device: Device
    budget: int = 0
    scan: Scan = MMA

    @property
    def name(self) -> str:
        return f"cuda-{self.device.arch}-{self.scan.name}"

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        """The k nearest base rows of every query, exact; raises OutOfMemoryError, BoundViolated."""

        def scan(asked: Array, distinct: Array, most: int, *, same: bool) -> tuple[Floats, Ints]:
            budget = self._scratch(asked, distinct, exclude_self=same, layers=self.scan.layers)
            sides = asked, distinct
            found = search.neighbors(self.device, sides, most, exclude_self=same, budget=budget, scan=self.scan)
            return found.sq_dist, found.index

        def find(asked: Array, distinct: Array, most: int) -> tuple[Floats, Ints, Array]:
            asked, distinct = (np.ascontiguousarray(part, _storage(queries, base)) for part in (asked, distinct))
            if tree.suits(asked, distinct, most):
                found = tree.neighbors(
                    asked,
                    distinct,
                    most,
                    lambda rows, number: scan(rows, distinct, number, same=False),
                    exclude_self=exclude_self,
                    threads=-1,
                )
            else:
                found = scan(asked, distinct, most, same=exclude_self)
            return *found, np.ones(len(asked), np.bool_)

        return table_of(*over_distinct(queries, base, k, find, exclude_self=exclude_self))

    def radii(self, points: Array, k: int) -> Floats:
        """(n, k) distances to the k nearest others, float64."""
        return self.neighbors(points, points, k, exclude_self=True).exact_dist(k)

    def radius_counts(self, queries: Array, base: Array, sq_radii: Floats) -> RadiusCounts:
        """Closed balls around base rows, ties inside, every doubtful pair measured in float64."""
        q, b = (np.ascontiguousarray(part, _storage(queries, base)) for part in (queries, base))
        return counts.radius_counts(self.device, q, b, sq_radii, self._scratch(q, b, exclude_self=False, layers=1))

    def pair_sums(self, points: Array, rows: Ints, t: float) -> PairSums:
        """Cosine moments, exponential sums and histograms over (row of rows, other row)."""
        budget = self._scratch(points, points, exclude_self=True, layers=6)
        return sums.pair_sums(self.device, np.ascontiguousarray(points), rows, t, budget)

    def moments(self, points: Array) -> Moments:
        """Mean and covariance (ddof 0) in float64."""
        return moments.moments(self.device, np.ascontiguousarray(points))

    def _scratch(self, queries: Array, base: Array, *, exclude_self: bool, layers: int) -> int:
        """Bytes left beside the rows themselves: originals, `layers` of float16 rows and five numbers a row."""
        whole = self.budget or int(self.device.free_bytes * (1 - RESERVE))
        fixed = len(base) * (stride_of(base.shape[1]) * 2 * layers + 48) + base.nbytes
        fixed += 0 if exclude_self else queries.nbytes
        if fixed >= whole:
            raise OutOfMemoryError(
                f"{len(base)} rows of {base.shape[1]} dimensions take {fixed} bytes on {self.device.name}, of which "
                f"{whole} may be used; raise --memory-budget, look at a --sample, or use --device cpu"
            )
        return whole - fixed


def _storage(queries: Array, base: Array) -> np.dtype[np.floating]:
    """One storage type for both sides, which holds each without rounding."""
    kind = np.result_type(queries, base)
    return np.dtype(kind if kind in (np.float16, np.float32) else np.float64)
