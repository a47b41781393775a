"""Sets that stay in their files: what is exact of all rows, though memory holds a sample of them.

Found block by block of the files, each in the passes that it takes and no more:
  moments     mean and covariance of all rows in float64 about their mean, by `TorchExecutor.moments` in blocks of a
              fixed number of rows, so that no budget changes a digit; two passes
  neighbours  the exact nearest others of sampled rows among all rows, or those of rows from elsewhere: an engine finds
              the nearest in each block, tables of blocks are merged by (squared distance, row number); one pass
  balls       how many of all rows lie in balls around given centres; one pass
A mean over rows of a function of their neighbourhoods, taken over the sampled rows, estimates the mean over all rows of
the whole set without bias, with the error of so many rows. What compares rows of the sample with each other (pair sums,
gauges) sees a thinner set, as with --sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import numpy as np

from geometry.pairs.arrays import require_finite
from geometry.pairs.executor import Executor, table_of
from geometry.pairs.merging import Ranked, merged, without_own
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.pairs.stored import BLOCK_BYTES, Stored
from geometry.pairs.sums import sample_rows
from geometry.types import Array, EmbeddingSet, Floats, Ints, Moments, Neighbors

QUERY_BLOCKS = 4  # blocks of rows that are looked up together: each takes a pass over all
SAMPLED = 10_000  # rows that are looked at of a set which stays in its files
Found = tuple[Floats, Ints, Array]  # squared distances and row numbers (m, j), certified (m,)
Keep = Callable[[int, Found], None]  # rows gone through, and what they gave


def moments(stored: Stored) -> Moments:
    """Mean and covariance (ddof 0) of all rows, float64."""
    from geometry.pairs.torch_engine import TorchExecutor

    return TorchExecutor("cpu").moments(stored)  # type: ignore[arg-type]  # it takes slices alone


@dataclass(frozen=True)
class Queries:
    """Points (m, d) of which the k nearest are asked for; numbers (m,) in the stored set, None for rows from elsewhere.

    A row of the set is no neighbour of its own; a copy from elsewhere is, at distance 0.
    """

    points: Array
    numbers: Ints | None
    k: int

    @property
    def own(self) -> int:
        """1 where rows are looked up in their own set."""
        return int(self.numbers is not None)


@dataclass(frozen=True)
class Asked:
    """Columns of the shared neighbour table, and of that of sampled rows among all; how many rows are sampled; seed."""

    width: int
    among: int
    rows: int = SAMPLED
    seed: int = 0


def sampled(one: EmbeddingSet, engine: Executor, asked: Asked, block_bytes: int = BLOCK_BYTES) -> Scan:
    """The scan of seeded rows of a set in files, drawn without replacement, with their labels and ids; it knows of all.

    block_bytes: of rows of a file that are looked at together.
    """
    return of_rows(one, sample_rows(len(one.points), asked.rows, asked.seed), engine, asked, block_bytes)


def of_rows(one: EmbeddingSet, rows: Ints, engine: Executor, asked: Asked, block_bytes: int = BLOCK_BYTES) -> Scan:
    """The same of the rows with these numbers, ascending."""
    stored = cast(Stored, one.points)
    labels, ids = (None if values is None else np.asarray(values)[rows] for values in (one.labels, one.ids))
    scan = Scan(stored[rows], engine, k=asked.width, seed=asked.seed, labels=labels, ids=ids)
    scan.numbers, scan.whole = rows, Whole(stored, scan, asked.among, block_bytes, one.labels, one.ids)
    return scan


def all_neighbors(engine: Executor, stored: Stored, k: int, block_bytes: int = BLOCK_BYTES) -> Neighbors:
    """The k nearest others of every row among all, rows held against rows a block at a time."""
    found = [
        neighbors(engine, Queries(require_finite(rows), np.arange(part.start, part.stop), k), stored, block_bytes)
        for part, rows in stored.blocks(QUERY_BLOCKS * block_bytes)
    ]
    sq_dist, index, certified = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("sq_dist", "index", "certified")
    )
    return table_of(sq_dist, index, certified)


def neighbors(
    engine: Executor,
    queries: Queries,
    stored: Stored,
    block_bytes: int = BLOCK_BYTES,
    *,
    begun: tuple[int, Found] | None = None,
    keep: Keep | None = None,
) -> Neighbors:
    """The k nearest of each query among all rows, its own left out; k falls to as many as there are.

    begun: rows gone through before and what they gave, to go on from; keep is told the same after each block.
    """
    k = min(queries.k, len(stored) - queries.own)
    done, found = begun or (0, _nothing(len(queries.points)))
    for part, rows in stored.blocks(block_bytes):
        if part.stop > done:
            start = max(part.start, done)
            found = _with_block(engine, queries.points, (start, rows[start - part.start :]), k + queries.own, found)
            done = part.stop
            if keep is not None:
                keep(done, found)
    sq_dist, index = found[:2] if queries.numbers is None else without_own(found[:2], queries.numbers, k)
    made = table_of(sq_dist, index, found[2])
    return Neighbors(made.dist, index, found[2], sq_dist, own=queries.numbers, among=len(stored))


def _nothing(m: int) -> Found:
    return np.empty((m, 0)), np.empty((m, 0), np.int64), np.ones(m, np.bool_)


def _with_block(engine: Executor, queries: Array, block: tuple[int, Array], k: int, found: Found) -> Found:
    """What is known of the nearest, with the rows of one more block, numbered from its start."""
    start, rows = block
    table = engine.neighbors(queries, rows, min(k, len(rows)), exclude_self=False)
    ranked: list[Ranked] = [found[:2], (table.sq_dist, table.index + start)]
    return *merged(ranked, k), found[2] & table.certified


def balls(engine: Executor, stored: Stored, ball: tuple[Array, Floats], block_bytes: int = BLOCK_BYTES) -> Ints:
    """(m,) how many of all rows lie in each closed ball: centres (m, d), squared radii (m,)."""
    counts = np.zeros(len(ball[0]), np.int64)
    for _, rows in stored.blocks(block_bytes):
        counts += engine.radius_counts(rows, *ball).per_base
    return counts


class Whole:
    """A stored set of which `sample` holds some rows: scans of it that are exact, each made when first asked for.

    k: columns of the neighbour table; block_bytes: of rows read at a time; labels, ids (n,): of all rows, where given.
    """

    def __init__(
        self,
        stored: Stored,
        sample: Scan,
        k: int,
        block_bytes: int = BLOCK_BYTES,
        labels: Array | None = None,
        ids: Array | None = None,
    ):
        self.stored, self.sample, self.k, self.block_bytes = stored, sample, k, block_bytes
        self.labels, self.ids = labels, ids

    @cached_property
    def moments(self) -> Scan:
        """On the moments of all rows; the sampled rows judge its errors."""
        scan = Scan.of(moments(self.stored), self.sample.executor, self.sample.points)
        scan.seed = self.sample.seed
        return scan

    @cached_property
    def neighbors(self) -> Scan:
        """The sampled rows on their table among all rows, exact also where a run guesses those of the sample."""
        numbers = self.sample.numbers
        asked = Queries(self.sample.points, np.arange(self.sample.n) if numbers is None else numbers, self.k)
        return self.on(self._looked_up(asked), self.sample.points)

    def on(self, table: Neighbors, points: Array) -> Scan:
        """A scan of sampled rows (m, d) on their table (m, k) among all rows."""
        scan = Scan(points, self.engine, k=table.k, seed=self.sample.seed, labels=self.sample.labels)
        scan._table, scan.base, scan.numbers = table, self, table.numbers
        return scan

    def turned(self, turn: Floats) -> Scan:
        """The sample of the same files with every row turned by an orthogonal matrix (d, d) as it is read."""
        old, stored = self.sample, self.stored.turned(turn)
        numbers = np.arange(old.n) if old.numbers is None else old.numbers
        made = Scan(stored[numbers], old.executor, k=old.k, seed=old.seed, labels=old.labels, ids=old.ids)
        made.numbers = old.numbers
        made.whole = Whole(stored, made, self.k, self.block_bytes, self.labels, self.ids)
        return made

    @property
    def engine(self) -> Executor:
        """The one that finds what is exact."""
        engine: Executor = getattr(self.sample.executor, "exact", self.sample.executor)
        return engine

    def nearest(self, points: Array, k: int) -> Neighbors:
        """The k nearest of all rows for points (m, d) from elsewhere."""
        return self._looked_up(Queries(points, None, k))

    def nearest_others(self, numbers: Ints, k: int) -> tuple[Floats, Ints]:
        """Squared distances and numbers (m, k) of the nearest others of rows of the files, each looked up once."""
        rows, at = np.unique(numbers, return_inverse=True)
        table = self._looked_up(Queries(self.stored[rows], rows, k))
        return table.sq_dist[at.reshape(-1)], table.index[at.reshape(-1)]

    def inside(self, centres: Array, sq_radii: Floats) -> Ints:
        """(m,) how many of all rows lie in closed balls around centres (m, d)."""
        return balls(self.engine, self.stored, (centres, sq_radii), self.block_bytes)

    def _looked_up(self, asked: Queries) -> Neighbors:
        search = getattr(self.engine, "stored_neighbors", None) or partial(neighbors, self.engine)
        table: Neighbors = search(asked, self.stored, self.block_bytes)  # an engine may keep its steps
        return table

    def face(self, need: str | None) -> Scan:
        """The scan that a statistic with this `whole` in the registry is given."""
        if need == "moments" and self.stored.d <= MOST_COVARIANCE:
            return self.moments
        return self.neighbors if need in ("neighbors", "pairs") else self.sample
