"""The CPU engine: compiled passes for neighbours, radii and counts; torch tiles for sums and moments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from geometry.pairs import tree
from geometry.pairs.copies import between_distinct, counts_of_distinct, over_distinct
from geometry.pairs.executor import table_of
from geometry.pairs.merging import Ranked
from geometry.pairs.plan import DEFAULT_BUDGET
from geometry.pairs.torch_engine import TorchExecutor
from geometry.types import Array, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts


@dataclass(frozen=True)
class CpuExecutor:
    """Tile products of `unit` (None: the best that this processor has) within `budget` bytes of scratch.

    budget: None takes what suits the set (`geometry.pairs.cpu.room`), and blocks of a cache's size for sums. Threads
    are torch's (`torch.set_num_threads`); no result depends on them, on the unit or on the budget.
    """

    budget: int | None = None
    unit: str | None = None

    @property
    def name(self) -> str:
        from geometry.pairs.cpu.units import units_in_turn

        return f"cpu-{units_in_turn(self.unit)[0].name}"

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        """The k nearest base rows of every query, exact; k at most the number of other rows."""
        from geometry.pairs.cpu.nearest import neighbors
        from geometry.pairs.cpu.units import units_in_turn

        find = partial(neighbors, units=units_in_turn(self.unit), means=(_threads(), self.budget))

        def search(asked: Array, distinct: Array, most: int) -> tuple[Floats, Ints, Array]:
            if tree.suits(asked, distinct, most):
                rest = partial(_of_two_sets, find, distinct)
                found = tree.neighbors(asked, distinct, most, rest, exclude_self=exclude_self, threads=_threads())
            else:
                found = find(asked, distinct, most, exclude_self=exclude_self)
            return *found, np.ones(len(asked), np.bool_)

        return table_of(*over_distinct(queries, base, k, search, exclude_self=exclude_self))

    def between(self, first: Array, second: Array, k: int, known: tuple[Floats, Floats]) -> tuple[Ranked, Ranked]:
        """Tables (n, k) of the rows of either set among those of the other, every pair looked at once; all certified.

        known: per set (n,) squared distance to the k-th neighbour that a row has elsewhere, infinite without one.
        Whoever is farther may be left out of the table, which then ends in rows of number NOBODY.
        """
        from geometry.pairs.cpu.between import between
        from geometry.pairs.cpu.units import units_in_turn

        if tree.suits(first, second, k):
            both = (first, second), (second, first)
            one, other = (self.neighbors(a, b, k, exclude_self=False) for a, b in both)
            return (one.sq_dist, one.index), (other.sq_dist, other.index)
        search = partial(between, units=units_in_turn(self.unit), means=(_threads(), self.budget))
        return between_distinct((first, second), k, known, search)

    def radii(self, points: Array, k: int) -> Floats:
        """(n, k) distances to the k nearest others, float64."""
        return self._torch.radii(points, k)

    def radius_counts(self, queries: Array, base: Array, sq_radii: Floats) -> RadiusCounts:
        """Closed balls around base rows, ties inside, every doubtful pair measured in float64."""
        from geometry.pairs.cpu.balls import weighted_counts
        from geometry.pairs.cpu.units import units_in_turn

        count = partial(weighted_counts, units=units_in_turn(self.unit), means=(_threads(), self.budget))
        return counts_of_distinct(queries, base, sq_radii, count)

    def pair_sums(self, points: Array, rows: Ints, t: float) -> PairSums:
        """Cosine moments, exponential sums and histograms over (row of rows, other row)."""
        return self._torch.pair_sums(points, rows, t)

    def moments(self, points: Array) -> Moments:
        """Mean and covariance (ddof 0) in float64."""
        return self._torch.moments(points)

    @property
    def _torch(self) -> TorchExecutor:
        return TorchExecutor("cpu", self.budget or DEFAULT_BUDGET)


def _of_two_sets(find: Any, base: Array, queries: Array, k: int) -> tuple[Floats, Ints]:
    found: tuple[Floats, Ints] = find(queries, base, k, exclude_self=False)
    return found


def _threads() -> int:
    import torch

    return torch.get_num_threads()
