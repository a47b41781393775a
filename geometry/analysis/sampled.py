"""The scan of a set: of all its rows, or of one that stays in its files, of a sample of them that knows of all.

The sample is seeded and drawn without replacement; rows, labels and ids keep their numbers in the set.
"""

from __future__ import annotations

from dataclasses import replace

from geometry.analysis import memory
from geometry.pairs import Executor, Scan
from geometry.pairs.stored import Stored
from geometry.pairs.streamed import Asked, sampled
from geometry.types import EmbeddingSet


def in_place(one: EmbeddingSet, rows: int) -> EmbeddingSet:
    """The set in memory, where no more than so many rows would be sampled of its files; else as it is."""
    return replace(one, points=one.points[:]) if memory.in_memory(one, rows) else one


def scan_of(one: EmbeddingSet, engine: Executor, asked: Asked, block_bytes: int) -> Scan:
    """The scan of a set; block_bytes: of rows of a file that are looked at together."""
    if not isinstance(one.points, Stored):
        return Scan(one.points, engine, k=asked.width, seed=asked.seed, labels=one.labels, ids=one.ids)
    return sampled(one, engine, asked, block_bytes)


def told(scan: Scan) -> str:
    """What is looked at of a set whose rows stay in their files."""
    rows = len(scan.whole.stored) if scan.whole is not None else scan.n
    return (
        f"{rows} rows stay in their files; moments and what follows from them are of all rows, neighbourhoods, tails "
        f"and coverage those of {scan.n} sampled rows among all, all else looks at the {scan.n} rows"
    )
