"""A task as a header of whole numbers, and how rows are dealt to ranks.

Every rank knows from the header alone how large each block is, so nothing but rows and results has to pass.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from geometry.pairs.plan import DEVICES
from geometry.types import Array, Ints

STOP, NEIGHBORS, COUNTS = range(3)
DTYPES = (np.float16, np.float32, np.float64)


@dataclass(frozen=True)
class Task:
    """kind: STOP, NEIGHBORS or COUNTS. queries, base: rows; d: their dimensions; dtypes by their place in DTYPES.

    same: queries are the base and a row is no neighbour of its own. k: neighbours; of STOP the exit code. device: place
    in DEVICES. budget: bytes of scratch, 0 for what suits.
    """

    kind: int
    queries: int = 0
    base: int = 0
    d: int = 0
    query_dtype: int = 0
    base_dtype: int = 0
    k: int = 0
    same: int = 0
    device: int = 0
    budget: int = 0

    @property
    def words(self) -> Ints:
        """The header, (10,)."""
        return np.array(astuple(self), np.int64)

    @classmethod
    def of(cls, words: Array) -> Task:
        """The task of a header."""
        return cls(*(int(word) for word in words))

    @property
    def engine(self) -> tuple[str, int | None]:
        """Device and budget of the engine that does it."""
        return DEVICES[self.device], self.budget or None

    @property
    def dtypes(self) -> tuple[Any, Any]:
        """Of queries and of base rows."""
        return DTYPES[self.query_dtype], DTYPES[self.base_dtype]

    @property
    def answer(self) -> tuple[tuple[tuple[int, ...], Any], ...]:
        """Shape beside the rows, and dtype, of what comes back for every query."""
        if self.kind == COUNTS:
            return (((), np.int64),)
        return ((self.k,), np.float64), ((self.k,), np.int64), ((), np.bool_)


WORDS = len(Task(STOP).words)


def dtype_number(array: Array) -> int:
    """Place of an array's dtype in DTYPES."""
    return DTYPES.index(array.dtype.type)


def deal(rows: int, world: int) -> list[slice]:
    """The block of each rank, in order: sizes differ by one at most; empty where rows are fewer than ranks."""
    edges = [rows * rank // world for rank in range(world + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
