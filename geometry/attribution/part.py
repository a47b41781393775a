"""Some rows of a set under the four statistics that attribution compares: at the whole of them, and within halves.

The gauges within a half are read in the directions and at the projections m of all rows of the part, with one draw of
each null; the intrinsic dimension within a half comes from the part's own neighbour table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geometry.collapse.spectrum import entropy_rank
from geometry.dimension.mle import combined
from geometry.nulls.core import core_of
from geometry.nulls.gauge_halves import gauges_within
from geometry.nulls.gauges import Profile, profile_of
from geometry.pairs import Scan
from geometry.pairs.spectrum import spectrum_of_points
from geometry.pairs.subsample import restrict, width_for
from geometry.types import Floats, Ints

STATISTICS = ("structure_gain", "dimension_gap", "mle", "effective_rank")
K = 20  # of mle


@dataclass(frozen=True)
class Part:
    """scan of some rows of a set, and their numbers (n,) there."""

    scan: Scan
    numbers: Ints

    @cached_property
    def profile(self) -> Profile | None:
        """Both gauges over all projections; None where too few rows are distinct."""
        return profile_of(self.scan, len(self.numbers))

    @cached_property
    def values(self) -> Floats:
        """(4,) the statistics in the order of their names, NaN where one has no value."""
        gauges = [np.nan, np.nan]
        if self.profile is not None:
            gauges = [self.profile.gain[self.profile.best_gain], self.profile.gap[self.profile.best_gap]]
        every = np.ones(len(self.numbers), np.bool_)
        return np.array([*gauges, self._dimension(every), self._rank(every)])

    def within(self, half: NDArray[np.bool_]) -> Floats:
        """(4,) the statistics of those rows that a mask (of the whole set) keeps."""
        mask = half[self.numbers]
        gauges: Floats = np.full(2, np.nan)
        if self.profile is not None:
            core = core_of(self.scan, len(self.numbers))
            m = (int(self.profile.m[self.profile.best_gain]), int(self.profile.m[self.profile.best_gap]))
            gauges = gauges_within(core, mask[core.rows], m, self.scan.executor, self.scan.seed)
        return np.array([*gauges, self._dimension(mask), self._rank(mask)])

    def _dimension(self, mask: NDArray[np.bool_]) -> float:
        k = min(K, int(mask.sum()) - 1)
        if k < 3:
            return float("nan")
        table = self.scan.neighbors(min(width_for(K), self.scan.n - 1))
        table = table.first(k) if mask.all() else restrict(table, mask, mask, k)
        return combined(table, k, "harmonic")[0] if len(table.sq_dist) else float("nan")

    def _rank(self, mask: NDArray[np.bool_]) -> float:
        values = (self.scan.spectrum if mask.all() else spectrum_of_points(self.scan.points[mask])).eigenvalues
        return entropy_rank(values)[0] if len(values) and values.sum() > 0 else float("nan")
