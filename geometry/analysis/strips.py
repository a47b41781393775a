"""Neighbours of a large set found strip by strip, each kept in the ledger when it is done.

Below LEAST pairs the engine does all at once: it then meets every pair of rows of one set once, and a kill loses
minutes. From there on strips of queries, TILE pairs each, are looked up against the whole set, which takes up to twice
as long and loses one strip at most. A strip asks for one neighbour more than k and leaves the row itself out; ranking
is by (squared distance, row number) and distances are measured alike, so the table is the same to the byte. Of a set
that stays in its files what its first blocks gave is kept, anew after every TILE pairs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.pairs import Executor, streamed
from geometry.pairs.executor import table_of
from geometry.pairs.merging import without_own
from geometry.pairs.plan import blocks
from geometry.pairs.stored import Stored
from geometry.schema import read_arrays, write_arrays
from geometry.sources.checks import digest_of
from geometry.types import Array, Neighbors

LEAST, TILE = 2 * 10**11, 2 * 10**10  # pairs: a quarter of an hour on a few cores, and a minute or two
PARTS = ("sq_dist", "index", "certified")


@dataclass(frozen=True)
class Strips:
    """`engine` with its neighbours kept under `folder`; all else is the engine's own."""

    engine: Executor
    folder: Path
    least: int = LEAST
    tile: int = TILE

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        """As `Executor.neighbors`."""
        if len(queries) * len(base) < self.least:
            return self.engine.neighbors(queries, base, k, exclude_self=exclude_self)
        sets = digest_of(base), "" if queries is base else digest_of(queries)
        key = hashlib.sha256(f"{sets} {k} {exclude_self}".encode()).hexdigest()[:16]
        parts = []
        for part in blocks(len(queries), max(self.tile // len(base), 1)):
            path = self.folder / f"strip.{key}.{part.start}-{part.stop}.npz"
            found = _read(path)
            if found is None:
                found = self._strip(queries, base, k, part) if exclude_self else self._look_up(queries[part], base, k)
                write_arrays(path, dict(zip(PARTS, found, strict=True)))
            parts.append(found)
        sq_dist, index, certified = (np.concatenate(one) for one in zip(*parts, strict=True))
        return table_of(sq_dist, index, certified)

    def stored_neighbors(self, queries: streamed.Queries, stored: Stored, block_bytes: int) -> Neighbors:
        """As `geometry.pairs.streamed.neighbors`."""
        numbers = "" if queries.numbers is None else digest_of(queries.numbers[:, None])
        sets = digest_of(queries.points), numbers, stored.shape, stored.where
        path = self.folder / f"among.{hashlib.sha256(f'{sets} {queries.k}'.encode()).hexdigest()[:16]}.npz"
        found = _read(path, (*PARTS, "done"))
        begun = None if found is None else (int(found[3]), (found[0], found[1], found[2]))
        kept = begun[0] if begun else 0

        def keep(done: int, made: streamed.Found) -> None:
            nonlocal kept
            if (done - kept) * len(queries.points) >= self.tile:
                write_arrays(path, dict(zip((*PARTS, "done"), (*made, np.array(done)), strict=True)))
                kept = done

        return streamed.neighbors(self.engine, queries, stored, block_bytes, begun=begun, keep=keep)

    def _look_up(self, queries: Array, base: Array, k: int) -> tuple[Array, ...]:
        table = self.engine.neighbors(queries, base, k, exclude_self=False)
        return table.sq_dist, table.index, table.certified

    def _strip(self, queries: Array, base: Array, k: int, part: slice) -> tuple[Array, ...]:
        sq_dist, index, certified = self._look_up(queries[part], base, k + 1)
        return *without_own((sq_dist, index), np.arange(part.start, part.stop), k), certified


def _read(path: Path, parts: tuple[str, ...] = PARTS) -> tuple[Array, ...] | None:
    """A strip as it was written; None where there is no whole file."""
    try:
        kept = read_arrays(path)
        return tuple(kept[name] for name in parts)
    except Exception:  # never written, or damaged: it is looked up again
        return None
