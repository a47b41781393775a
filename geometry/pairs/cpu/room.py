"""How many rows and columns a pass on the CPU holds ready at a time, so that its scratch stays within a budget.

Counted are packed rows, queues and one tile of products a thread. Beside the budget stand the sets themselves (float16
ones as float32), the result, and what is a number or two a row: orders, digests, terms. One block of rows and one of
columns are always held: below a few MiB a budget is not kept to the byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geometry.pairs.cpu.rows import BLOCK, STEP, Frame, Packed, Terms, pack
from geometry.pairs.cpu.units import Unit
from geometry.types import Array, Ints

TERMS = 4 * len(Terms._fields)  # bytes of a row
SPARE = 512 << 20


def default_room(queries: Array, base: Array) -> int:
    """Bytes of scratch where nobody says how many: in proportion to the sets."""
    return 4 * (base.nbytes + (0 if queries is base else queries.nbytes)) + SPARE


def words_of(d: int, unit: Unit) -> int:
    """32-bit words of a packed row."""
    per_word = 1 if unit.kind == "f32" else 2
    return -(-d // (per_word * unit.multiple)) * unit.multiple


def column_bytes(d: int, unit: Unit) -> int:
    """A packed column: as it is rounded and in its panel."""
    return 8 * words_of(d, unit) + TERMS


def tile_bytes(threads: int) -> int:
    """The tiles of all threads."""
    return threads * 4 * BLOCK * BLOCK


@dataclass(frozen=True)
class Share:
    """Rows and columns held at a time; columns are a multiple of BLOCK."""

    rows: int
    columns: int


def shared_out(room: int, rows: tuple[int, int], columns: tuple[int, int]) -> Share:
    """Rows and columns, each as (number, bytes of one), within `room`: all of both, else about half of it for each."""
    (m, row_bytes), (n, each) = rows, columns
    whole = -(-n // BLOCK) * BLOCK
    if -(-m // BLOCK) * BLOCK * row_bytes + whole * each <= room:
        return Share(m, whole)
    held = min(max(room // 2 // each // BLOCK * BLOCK, BLOCK), whole)
    return Share(min(max((room - held * each) // row_bytes // STEP * STEP, STEP), m), held)


class Columns:
    """Base rows packed for a unit in chunks: all at once, or anew each time they are gone through."""

    def __init__(self, base: Array, order: Ints, frame: Frame, unit: Unit, chunk: int, threads: int):
        self._base, self.order, self._frame, self._unit, self._threads = base, order, frame, unit, threads
        self._chunk = chunk
        self._whole = self._packed(0) if chunk >= len(order) else None
        rows = max(-(-len(order) // BLOCK), 1) * BLOCK
        self.terms = self._whole.terms if self._whole else Terms(*(np.zeros(rows, np.float32) for _ in Terms._fields))

    def each(self, visit: Callable[[int, Packed], None]) -> None:
        """visit(first column, packed rows) for each chunk in turn; `terms` are there for all columns visited.

        A chunk is gone before the next one is made: nobody may keep it.
        """
        if self._whole is not None:
            visit(0, self._whole)
            return
        for first in range(0, len(self.order), self._chunk):
            self._visit(first, self._packed(first), visit)

    def _visit(self, first: int, packed: Packed, visit: Callable[[int, Packed], None]) -> None:
        for every, part in zip(self.terms, packed.terms, strict=True):
            every[first : first + len(part)] = part
        visit(first, packed)

    def _packed(self, first: int) -> Packed:
        part = self.order[first : first + self._chunk]
        return pack(self._base, part, self._frame, self._unit.layout, self._threads)
