"""Rows whose place in a file is known: read at an offset, a block at a time, with no mapping left behind.

An extent is a stretch of rows: one run of bytes where the values of a row lie side by side (C order), or one run for
each column (Fortran order, columns of a table). A file that ends before its rows do raises InputError.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from geometry.errors import InputError
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

Dtype = np.dtype[Any]
BITS16 = "uint16"  # NumPy has no bfloat16: its bits are read as integers and shifted into a float32


@dataclass(frozen=True)
class Extent:
    """`rows` rows in runs (byte of the first value, dtype): one of all columns, or one for each of them."""

    rows: int
    runs: tuple[tuple[int, Dtype], ...]


@dataclass(frozen=True)
class Extents:
    """Rows of d columns in stretches of one file, in order. bfloat: uint16 values are the bits of bfloat16."""

    path: Path
    d: int
    stretches: Sequence[Extent]
    bfloat: bool = False

    @cached_property
    def ends(self) -> list[int]:
        """The row after the last of each stretch."""
        return list(accumulate(one.rows for one in self.stretches))

    @property
    def rows(self) -> int:
        return self.ends[-1] if self.stretches else 0

    @property
    def dtype(self) -> Dtype:
        """Of the rows as they are given, float32 for bfloat16."""
        return np.dtype(np.float32) if self.bfloat else np.result_type(*{kind for _, kind in self.stretches[0].runs})

    def read(self, start: int, stop: int) -> Array:
        """(stop - start, d) rows."""
        parts = []
        at = bisect_right(self.ends, start)
        with self.path.open("rb", buffering=0) as file:
            while at < len(self.ends) and self.ends[at] - self.stretches[at].rows < stop:
                one, first = self.stretches[at], self.ends[at] - self.stretches[at].rows
                parts.append(self._of(file, one, max(start - first, 0), min(stop, self.ends[at]) - first))
                at += 1
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return from_bits(rows) if self.bfloat else rows

    def _of(self, file: BinaryIO, one: Extent, start: int, stop: int) -> Array:
        if len(one.runs) == 1:
            offset, kind = one.runs[0]
            place = offset + start * self.d * kind.itemsize
            return values_at(file, place, (stop - start) * self.d, kind).reshape(-1, self.d)
        out = np.empty((stop - start, self.d), np.result_type(*{kind for _, kind in one.runs}))
        for column, (offset, kind) in enumerate(one.runs):
            out[:, column] = values_at(file, offset + start * kind.itemsize, stop - start, kind)
        return out


def in_file(extents: Extents | None) -> Stored | None:
    """The rows behind the interface of an array; None where there are no extents."""
    from geometry.pairs.stored import Stored, given_dtype

    if extents is None:
        return None
    apart = all(len(one.runs) == 1 for one in extents.stretches)
    return Stored(extents.read, extents.rows, extents.d, given_dtype(extents.dtype), str(extents.path), apart=apart)


def values_at(file: BinaryIO, offset: int, count: int, kind: Dtype) -> Array:
    """`count` values from an offset of an unbuffered file; InputError where it ends before."""
    values = np.empty(count, kind)
    left = values.view(np.uint8)
    file.seek(offset)
    while len(left):
        got = file.readinto(left)  # type: ignore[attr-defined]
        if not got:
            raise InputError(
                f"{file.name} ends {len(left)} bytes before its rows do: it is truncated, or was cut while it was "
                "read; write or copy it again"
            )
        left = left[got:]
    return values


def from_bits(
    bits: Array,  # uint16
) -> Array:
    """The float32 values of bfloat16 bits."""
    wide = bits.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)


def in_columns(offset: int, n: int, d: int, kind: Dtype) -> Extent:
    """An array (n, d) in Fortran order that begins at a byte."""
    return Extent(n, tuple((offset + column * n * kind.itemsize, kind) for column in range(d)))
