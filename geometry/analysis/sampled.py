"""The scan of a set: of all its rows, or of one that stays in its files, of a sample of them that knows of all.

The sample is seeded and drawn without replacement; rows, labels and ids keep their numbers in the set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geometry.analysis import memory
from geometry.pairs import Executor, Scan
from geometry.pairs.stored import Stored
from geometry.pairs.streamed import Whole
from geometry.pairs.sums import sample_rows
from geometry.types import EmbeddingSet


@dataclass(frozen=True)
class Asked:
    """Columns of the shared neighbour table, and of that of sampled rows among all; how many rows are sampled; seed."""

    width: int
    among: int
    rows: int
    seed: int


def in_place(one: EmbeddingSet, rows: int) -> EmbeddingSet:
    """The set in memory, where no more than so many rows would be sampled of its files; else as it is."""
    return replace(one, points=one.points[:]) if memory.in_memory(one, rows) else one


def scan_of(one: EmbeddingSet, engine: Executor, asked: Asked, block_bytes: int) -> Scan:
    """The scan of a set; block_bytes: of rows of a file that are looked at together."""
    if not isinstance(one.points, Stored):
        return Scan(one.points, engine, k=asked.width, seed=asked.seed, labels=one.labels, ids=one.ids)
    rows = sample_rows(len(one.points), asked.rows, asked.seed)
    labels, ids = (None if values is None else np.asarray(values)[rows] for values in (one.labels, one.ids))
    scan = Scan(one.points[rows], engine, k=asked.width, seed=asked.seed, labels=labels, ids=ids)
    scan.numbers, scan.whole = rows, Whole(one.points, scan, asked.among, block_bytes, one.labels, one.ids)
    return scan


def told(scan: Scan) -> str:
    """What is looked at of a set whose rows stay in their files."""
    rows = len(scan.whole.stored) if scan.whole is not None else scan.n
    return (
        f"{rows} rows stay in their files; moments and what follows from them are of all rows, neighbourhoods, tails "
        f"and coverage those of {scan.n} sampled rows among all, all else looks at the {scan.n} rows"
    )
