"""One set under the pass: each summary is made when first asked for, once, and shared by all statistics.

A `Scan` owns the points, the engine and what the engine has returned. The neighbour table grows to the largest k asked;
everybody reads its first columns. A scan can also stand on ready summaries (a neighbour table, moments) without points.
Of a set that stays in its files a scan holds a sample, and `whole` knows what is exact of all rows. Its scan of the
sampled rows among all has a `base`: neighbours are numbered and looked up in all rows, in balls and moments all count.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.errors import InputError
from geometry.pairs.arrays import as_points, require_finite
from geometry.pairs.executor import Executor
from geometry.pairs.spectrum import Spectrum, spectrum_of_covariance, spectrum_of_points
from geometry.pairs.sums import sample_rows
from geometry.types import Array, EmbeddingSet, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts

if TYPE_CHECKING:
    from geometry.pairs.streamed import Whole

SUM_ROWS = 4096  # rows up to which all pairs enter the pair sums
SAMPLED_ROWS = 2048  # beyond, a sample of rows against all: its error on a mean over pairs is far below 1 %
MOST_COVARIANCE = (
    4096  # dimensions up to which the covariance is formed; beyond, the spectrum comes from the Gram matrix
)


class Scan:
    """Summaries of one set, (n, d), on one engine; see the module."""

    def __init__(
        self,
        points: Array,
        executor: Executor,
        *,
        k: int = 0,
        seed: int = 0,
        labels: Array | None = None,
        ids: Array | None = None,
    ):
        self.points = require_finite(points)
        self.executor = executor
        self.seed = seed
        self.labels = labels
        self.ids = ids
        self.k = k
        self.numbers: Ints | None = None  # of these rows in the set they were taken from; None for a whole set
        self.whole: Whole | None = None  # of which these rows are a sample, where the set stays in its files
        self.base: Whole | None = None  # all of whose rows the neighbours of these rows are looked up in, if it is that
        self._sample: Array | None = None
        self._table: Neighbors | None = None
        self._moments: Moments | None = None
        self._sums: dict[float, PairSums] = {}
        self._among: dict[int, tuple[Scan, Neighbors]] = {}
        self._balls: dict[tuple[int, int], tuple[Scan, RadiusCounts]] = {}
        self.memo: dict[Hashable, Any] = {}  # what floors above made of this set once and share

    @classmethod
    def of(cls, summary: Neighbors | Moments, executor: Executor, sample: Array | None = None) -> Scan:
        """A scan that stands on a ready summary; what needs the points themselves raises InputError.

        sample (m, d): some of the rows that the summary is of, by which errors are judged.
        """
        scan = cls(np.empty((0, 0 if sample is None else sample.shape[1])), executor)
        if isinstance(summary, Neighbors):
            scan._table = summary
        else:
            scan._moments = summary
        scan._sample = sample
        return scan

    @property
    def n(self) -> int:
        """Rows of the set, or of the summary it stands on."""
        if len(self.points):
            return len(self.points)
        if self._table is not None:
            return len(self._table.sq_dist)
        return self._moments.n if self._moments is not None else 0

    @property
    def d(self) -> int:
        """Ambient dimensions; 0 where only a neighbour table is known."""
        return len(self._moments.mean) if self._moments is not None else int(self.points.shape[1])

    @property
    def base_rows(self) -> int:
        """Rows that neighbours are looked up in: those of the set, or all in the files that these were sampled from."""
        return self.n if self.base is None else len(self.base.stored)

    @property
    def rows(self) -> Array:
        """The points; InputError where the scan stands on a summary alone."""
        return self._rows()

    @property
    def sample(self) -> Array:
        """Rows that stand for the set where an error is judged: the points, or what came with a summary; maybe none."""
        return self.points if self._sample is None else self._sample

    @property
    def most_neighbors(self) -> int:
        """Columns that `neighbors` can give: all other rows, or the width of a ready table."""
        if self._table is not None and (len(self.points) == 0 or self.base is not None):
            return self._table.k
        return len(self._rows()) - 1

    def neighbors(self, k: int) -> Neighbors:
        """The k nearest others of every row; InputError if there are not k others, or a ready table is narrower."""
        if self._table is None or self._table.k < k:
            if k > self.most_neighbors if self.base is not None else k > len(self.points) - 1:
                raise InputError(f"k = {k} neighbours need at least {k + 1} rows; this set has {self.n}")
            grown = min(max(k, self.k), len(self.points) - 1)
            self._table = self.executor.neighbors(self.points, self.points, grown, exclude_self=True)
        return self._table.first(k)

    @property
    def least_recall(self) -> Neighbors | None:
        """The table of lowest recall that this scan has handed out; None where all of them are exact."""
        tables = [self._table, *(table for _, table in self._among.values())]
        guessed = [table for table in tables if table is not None and table.recall is not None]
        return min(guessed, key=lambda table: table.recall or 0.0, default=None)

    @property
    def moments(self) -> Moments:
        """Mean and covariance; InputError where d is too large to form it (use `spectrum`)."""
        if self._moments is None:
            if self.points.shape[1] > MOST_COVARIANCE:
                raise InputError(
                    f"a covariance of {self.points.shape[1]} dimensions is not formed (most {MOST_COVARIANCE})"
                )
            whole = self.base
            self._moments = whole.moments.moments if whole is not None else self.executor.moments(self._rows())
        return self._moments

    @cached_property
    def spectrum(self) -> Spectrum:
        """Mean, eigenvalues (descending) and eigenvectors of the covariance."""
        if self._moments is not None or self.points.shape[1] <= MOST_COVARIANCE:
            return spectrum_of_covariance(self.moments)
        return spectrum_of_points(self._rows())

    @cached_property
    def scores(self) -> Floats:
        """(n, r) centred rows in the principal directions, float64."""
        scores: Floats = (self._rows().astype(np.float64) - self.spectrum.mean) @ self.spectrum.eigenvectors
        return scores

    def pair_sums(self, t: float = 2.0) -> PairSums:
        """Means over pairs: all rows up to SUM_ROWS, beyond that a seeded sample of rows against all."""
        if t not in self._sums:
            rows = self._summed_rows()
            self._sums[t] = self.executor.pair_sums(self.points, rows, t)
        return self._sums[t]

    def among(self, reference: Scan, k: int) -> Neighbors:
        """The k nearest rows of `reference` for every row of this set; a copy of a row is a neighbour at distance 0."""
        known = self._among.get(id(reference))
        if known is None or known[1].k < k:
            if k > reference.base_rows:
                many = reference.base_rows
                raise InputError(f"k = {k} neighbours need as many reference rows; the reference has {many}")
            if reference.base is not None:
                table = reference.base.nearest(self._rows(), k)
            else:
                table = self.executor.neighbors(self._rows(), reference._rows(), k, exclude_self=False)
            known = self._among[id(reference)] = (reference, table)
        return known[1].first(k)

    def balls(self, reference: Scan, k: int) -> RadiusCounts:
        """This set's rows in balls around the reference's rows, each out to its own k-th other reference row."""
        key = (id(reference), k)
        if key not in self._balls:
            radii = reference.neighbors(k).sq_dist[:, k - 1]
            self._balls[key] = (reference, self.executor.radius_counts(self._rows(), reference._rows(), radii))
        return self._balls[key][1]

    def pair_counts(self, radii: Floats) -> Ints:
        """(r, s) number of other rows within each radius of each sampled row (all rows up to SUM_ROWS)."""
        rows = self._summed_rows()
        same = [np.full(self.n, float(radius) ** 2) for radius in radii]
        counts = [
            self.executor.radius_counts(self.points[rows], self.points, squared).per_query - 1 for squared in same
        ]
        return np.stack(counts)

    def at_most(self, rows: int) -> Scan:
        """This scan, or one of a seeded sample of `rows` of its rows with their labels and ids; made once."""
        if self.n <= rows:
            return self
        if ("at most", rows) not in self.memo:
            self.memo["at most", rows] = self.of_rows(sample_rows(self.n, rows, self.seed))
        part: Scan = self.memo["at most", rows]
        return part

    def of_rows(self, rows: Ints) -> Scan:
        """A scan of the rows with these numbers, with their labels and ids; it knows their numbers in the whole set."""
        labels, ids = (None if values is None else np.asarray(values)[rows] for values in (self.labels, self.ids))
        part = Scan(self.rows[rows], self.executor, k=self.k, seed=self.seed, labels=labels, ids=ids)
        part.numbers = rows if self.numbers is None else self.numbers[rows]
        return part

    def _summed_rows(self) -> Ints:
        n = len(self._rows())
        return sample_rows(n, n if n <= SUM_ROWS else SAMPLED_ROWS, self.seed)

    def _rows(self) -> Array:
        if len(self.points) == 0:
            raise InputError("this statistic needs the points, not only a summary of them; pass an (n, d) array")
        return self.points


def scan(
    points: Any,
    executor: Executor,
    *,
    k: int = 0,
    seed: int = 0,
    labels: Array | None = None,
    ids: Array | None = None,
) -> Scan:
    """A scan of whatever counts as points, of an EmbeddingSet or a ready summary, or the scan itself.

    A set's own labels and ids hold where none are given.
    """
    if isinstance(points, Scan):
        return points
    if isinstance(points, EmbeddingSet):
        labels = points.labels if labels is None else labels
        ids = points.ids if ids is None else ids
        return scan(points.points, executor, k=k, seed=seed, labels=labels, ids=ids)
    if isinstance(points, Neighbors | Moments):
        return Scan.of(points, executor)
    return Scan(as_points(points), executor, k=k, seed=seed, labels=labels, ids=ids)
