"""The torch engine: the five reductions on the CPU or on a CUDA device, with the same code.

Products are float32 ones whatever the process has allowed (`precision`). Where a device runs out of memory, scratch is
halved and the work done again: no result depends on it but on a device in the last digits of sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch

from geometry.errors import OutOfMemoryError
from geometry.pairs import counts, exact, radii, sums
from geometry.pairs.copies import counts_of_distinct, over_distinct
from geometry.pairs.executor import table_of
from geometry.pairs.frame import ROWS, mean_of, tensor_of
from geometry.pairs.local import Local, Places
from geometry.pairs.plan import DEFAULT_BUDGET, blocks
from geometry.pairs.precision import full_precision
from geometry.types import Array, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts

CUDA_BUDGET = 1 << 30  # bytes of a block on a device: one of a CPU cache's size would leave it idle between launches
LEAST_BUDGET = 1 << 20
Made = TypeVar("Made")


@dataclass(frozen=True)
class TorchExecutor:
    """Blocked torch tiles on `device` (`cpu` or `cuda`), scratch of at most `budget` bytes a block."""

    device: str = "cpu"
    budget: int = DEFAULT_BUDGET

    @property
    def name(self) -> str:
        return f"torch-{self.device}"

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        """The k nearest base rows of every query, exact; k at most the number of other rows."""

        def search(asked: Array, distinct: Array, most: int) -> tuple[Floats, Ints, Array]:
            find = partial(exact.neighbors, asked, distinct, most, exclude_self=exclude_self, device=self.device)
            sq_dist, index, certified = (part.cpu().numpy() for part in self._within(find))
            return sq_dist, index, certified

        return table_of(*over_distinct(queries, base, k, search, exclude_self=exclude_self))

    def radii(self, points: Array, k: int) -> Floats:
        """(n, k) distances to the k nearest others, float64, neither ranked by index nor certified."""
        return self._within(partial(radii.radii, points, k, device=self.device))

    def radius_counts(self, queries: Array, base: Array, sq_radii: Floats) -> RadiusCounts:
        """Closed balls around base rows, ties inside, every doubtful pair re-measured in float64."""

        def count(asked: Array, balls: Array, squared: Floats, weights: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
            return self._within(partial(counts.weighted_counts, asked, balls, squared, weights, device=self.device))

        return counts_of_distinct(queries, base, sq_radii, count)

    def pair_sums(self, points: Array, rows: Ints, t: float) -> PairSums:
        """Cosine moments, exponential sums and histograms over (row of rows, other row)."""
        return self._within(partial(sums.pair_sums, points, rows, t, device=self.device))

    def moments(self, points: Array) -> Moments:
        """Mean and covariance (ddof 0) in float64, in blocks of rows."""
        shift = mean_of(points)
        mean = torch.from_numpy(shift).to(self.device)
        total = torch.zeros((len(shift), len(shift)), dtype=torch.float64, device=self.device)
        for block in blocks(len(points), ROWS):
            centred = tensor_of(points[block], self.device).double() - mean
            total.addmm_(centred.T, centred)
        return Moments(len(points), shift, (total / len(points)).cpu().numpy())

    def neighborhoods(self, points: Array, places: Places) -> Local | None:
        """Sums, reflected pairs and spectra of neighbourhoods; None on the CPU, where compiled loops are quicker."""
        from geometry.pairs.torch_local import local_summaries

        return None if self.device == "cpu" else self._within(partial(local_summaries, points, places, self.device))

    def _within(self, work: Callable[..., Made]) -> Made:
        """work(budget=...), with less each time memory runs out; OutOfMemoryError where that does not help."""
        budget = self.budget
        while True:
            try:
                with full_precision():
                    return work(budget=budget)
            except torch.OutOfMemoryError as error:
                if budget <= LEAST_BUDGET:
                    raise OutOfMemoryError(
                        f"{self.name}: {str(error).splitlines()[0]}; lower --memory-budget, or look at a --sample"
                    ) from error
                torch.cuda.empty_cache()
                budget //= 2
