"""Rows that stay in their files: shape and dtype are known, values are read block by block and let go again.

`Stored` answers `len`, `shape`, `dtype`, `nbytes`, slices and lists of row numbers as an array does, so that a pass in
blocks takes both. Blocks are read, not mapped: pages of a mapping count as memory of the process until the system takes
them back. What is asked for in one piece (`np.asarray`) is read in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geometry.pairs.arrays import as_points
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

BLOCK_BYTES = 32 << 20  # of one read: large enough for any disk, small beside any budget
GROUP, GROUPS = 64, 64  # rows multiplied together, and groups of them that are in memory as float64
GAP = 128 << 10  # bytes between two rows asked for, beyond which they are read apart: what a read of its own costs


@dataclass(frozen=True)
class Stored:
    """(n, d) rows of files. read(start, stop) gives rows as they were stored, `dtype` is the one they are given in.

    kept (m,): ascending row numbers of the files that count, None where all do. where: file and array, for errors.
    apart: whether one row can be read without what lies around it being read or decoded. note: what had to be done for
    rows to be read in parts.
    """

    read: Callable[[int, int], Array]
    rows: int
    d: int
    dtype: np.dtype[Any]
    where: str = ""
    kept: Ints | None = None
    apart: bool = False
    note: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self.d

    @property
    def ndim(self) -> int:
        return 2

    @property
    def nbytes(self) -> int:
        """Bytes of all rows in the dtype that they are given in."""
        return len(self) * self.d * self.dtype.itemsize

    def __len__(self) -> int:
        return self.rows if self.kept is None else len(self.kept)

    def __getitem__(self, key: slice | Array) -> Array:
        """The rows of a slice of step 1, or with these numbers (m,), or where a mask (n,) is true, in memory."""
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step != 1:
                raise IndexError(f"{self.where}: rows in files are read in order; take a slice of step 1")
            return self._span(start, max(start, stop))
        numbers = np.asarray(key)
        numbers = np.flatnonzero(numbers) if numbers.dtype == np.bool_ else numbers
        return self._picked(np.where(numbers < 0, numbers + len(self), numbers).astype(np.int64))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def blocks(self, most_bytes: int = BLOCK_BYTES) -> Iterator[tuple[slice, Array]]:
        """The slices that cover all rows, with their rows, at most so many bytes of them at a time."""
        size = max(most_bytes // max(self.d * self.dtype.itemsize, 1), 1)
        return ((part, self[part]) for part in blocks(len(self), size))

    def only(self, numbers: Ints) -> Stored:
        """The same files with these rows alone, ascending."""
        return replace(self, kept=numbers if self.kept is None else self.kept[numbers])

    def turned(self, turn: Floats) -> Stored:
        """The same files with every row turned by a matrix (d, d) as it is read."""
        kind = np.dtype(np.float64 if self.dtype == np.float64 else np.float32)
        return replace(self, read=lambda start, stop: turn_rows(self._given(self.read(start, stop)), turn), dtype=kind)

    def _span(self, start: int, stop: int) -> Array:
        if start == stop:
            return np.empty((0, self.d), self.dtype)
        if self.kept is None:
            return self._given(self.read(start, stop))
        return self._picked(np.arange(start, stop))

    def _picked(self, numbers: Ints) -> Array:
        """Rows in the order asked for, read in one pass over the stretches of the files that hold any."""
        out = np.empty((len(numbers), self.d), self.dtype)
        order = np.argsort(numbers, kind="stable")
        wanted = numbers[order] if self.kept is None else self.kept[numbers[order]]
        for first, last in self._stretches(wanted):
            start = int(wanted[first])
            rows = self._given(self.read(start, int(wanted[last - 1]) + 1))
            out[order[first:last]] = rows[wanted[first:last] - start]
        return out

    def _stretches(self, wanted: Ints) -> Iterator[tuple[int, int]]:
        """Where stretches of ascending row numbers of the files begin and end that are read in one piece."""
        row = max(self.d * self.dtype.itemsize, 1)
        cut = np.diff(wanted // max(BLOCK_BYTES // row, 1)) > 0
        if self.apart:
            cut |= np.diff(wanted) * row > GAP
        ends = [*(np.flatnonzero(cut) + 1).tolist(), len(wanted)]
        return zip([0, *ends[:-1]], ends, strict=True) if len(wanted) else iter(())

    def _given(self, rows: Array) -> Array:
        return as_points(rows, self.where or "points").astype(self.dtype, copy=False)


def turn_rows(
    points: Array,  # (n, d)
    turn: Floats,  # (d, d)
) -> Array:
    """(n, d) points times turn, multiplied in float64: float64 of such, else float32.

    In groups of one size, so that a row has the same digits whatever rows it is read with.
    """
    out = np.empty(points.shape, np.float64 if points.dtype == np.float64 else np.float32)
    for part in blocks(len(points), GROUP * GROUPS):
        some = points[part]
        padded = np.zeros((-(-len(some) // GROUP) * GROUP, points.shape[1]))
        padded[: len(some)] = some
        product = padded.reshape(-1, GROUP, points.shape[1]) @ turn
        out[part] = product.reshape(padded.shape)[: len(some)]
    return out


def stored_array(array: Array, where: str = "") -> Stored:
    """A plain array behind the same interface, for tests and for callers that hold a mapping of their own."""
    kind = given_dtype(array.dtype)
    return Stored(lambda start, stop: array[start:stop], len(array), array.shape[1], kind, where, apart=True)


def given_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that rows stored in `dtype` are given in: their own, but float64 for numbers that are no floats."""
    return as_points(np.empty((0, 1), dtype)).dtype
