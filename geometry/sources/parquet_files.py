"""`.parquet` (extra `parquet`): what its columns mean is told in `geometry.sources.columns`.

Rows can be read in parts: batches are decoded page by page, and the next part goes on where the last one ended. That
takes a page and a dictionary of every column at a time, PAGES bytes: little for a column of lists, much for a table of
a thousand number columns, which then goes into a temporary file, some columns after others
(`geometry.sources.unpacked`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO
from weakref import ref

import numpy as np

from geometry.errors import InputError
from geometry.sources import columns
from geometry.sources.archives import refuse_thin
from geometry.sources.array_info import ArrayInfo
from geometry.sources.csv_files import POINTS
from geometry.sources.extras import optional
from geometry.sources.unpacked import unpacked
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

Dtype = np.dtype[Any]
PAGES = 5 << 19  # bytes: a page and a dictionary of one column, as writers cut them
BUFFER = 1 << 20  # bytes of a file read ahead, over all columns
BATCH = 4 << 20  # bytes of rows decoded together
MOST_OPEN = 32
ORDER, OPEN = Lock(), list[ref["_Cursor"]]()  # the cursors whose files may be open, the last one used at the end


def contents(path: Path) -> list[ArrayInfo]:
    """The arrays of the file, from its schema and at most its first row."""
    file = _open(path)
    unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    refuse_thin(path, [ArrayInfo("", (), "", unpacked, "other")])
    return columns.infos(file.schema_arrow, file.metadata.num_rows, lambda name: _first_width(file, name))


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`; a list column whose rows differ in length raises InputError."""
    file = _open(path)
    schema, n = file.schema_arrow, file.metadata.num_rows
    cursors = {key: _cursor(path, key) for key in keys if _are_floats(schema, key)}
    found = {key: cursor.read(0, n) for key, cursor in cursors.items()}
    rest = [key for key in keys if key not in found]
    pooled, wanted = columns.wanted(schema, rest)
    return found | (columns.arrays(str(path), file.read(columns=wanted), pooled, rest) if wanted else {})


def stored(path: Path, key: str, room: int) -> Stored:
    """The rows of an array, decoded a batch at a time, or unpacked where its columns' pages take more than room."""
    from geometry.pairs.stored import Stored, given_dtype

    file = _open(path)
    cursor = _cursor(path, key, given=given_dtype)
    if _pages(file.metadata, cursor.names) > room:
        return _by_columns(path, cursor, room)
    return Stored(cursor.read, file.metadata.num_rows, cursor.d, cursor.kind, f"{path}:{key}")


def _by_columns(path: Path, cursor: _Cursor, room: int) -> Stored:
    """A table of so many columns that their pages do not fit, some columns after others into a temporary file."""
    together = max(room // PAGES, 1)
    n, size = cursor.firsts[-1], cursor.kind.itemsize

    def write(out: BinaryIO) -> None:
        for first in range(0, cursor.d, together):
            at = 0
            names = cursor.names[first : first + together]
            for batch in _open(path, len(names)).iter_batches(max(BATCH // (size * len(names)), 1), columns=names):
                values = columns.points(str(path), batch, names, at).astype(cursor.kind, copy=False)
                for column in range(len(names)):
                    out.seek(((first + column) * n + at) * size)
                    out.write(np.ascontiguousarray(values[:, column]).data)
                at += len(batch)

    return unpacked(f"{path}:{POINTS}", (n, cursor.d), cursor.kind, write, by_column=True)


def _are_floats(schema: Any, key: str) -> bool:
    """Whether an array is one of floats, in which a missing value is NaN and needs no other dtype."""
    pooled, names = columns.wanted(schema, [key])
    points = pooled or [name for name in names if columns.is_list(schema.field(name).type)]
    return bool(points) and columns.value_dtype(schema, points).kind == "f"


def _cursor(path: Path, key: str, given: Callable[[Dtype], Dtype] = np.dtype) -> _Cursor:
    """Over the rows of an array, in the dtype that its own is `given` in."""
    file = _open(path)
    pooled, names = columns.wanted(file.schema_arrow, [key])
    d = len(pooled) or next(info.shape[1] for info in contents(path) if info.key == key)
    return _Cursor(path, names, d, given(columns.value_dtype(file.schema_arrow, names)))


class _Cursor:
    """An open file and how far it has been read; parts asked for in order are decoded once."""

    def __init__(self, path: Path, names: Sequence[str], d: int, kind: Dtype) -> None:
        self.path, self.names, self.d, self.kind = path, list(names), d, kind
        metadata = _open(path).metadata
        self.firsts = [0, *accumulate(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))]
        self.lock = Lock()
        self.batches: Any = None
        self.at, self.left = 0, None  # the row to come next, and what is left of its batch

    def read(self, start: int, stop: int) -> Array:
        """Rows (stop - start, d); one caller at a time."""
        out = np.empty((stop - start, self.d), self.kind)
        with self.lock:
            _keep_few_open(self)
            if self.batches is None or start < self.at or self._group(start) > self._group(self.at):
                self._open_at(self._group(start))
            while self.at < stop:
                skipped = max(start - self.at, 0)
                batch = self._next(most=skipped or stop - self.at)
                if not skipped:
                    done = self.at - len(batch) - start
                    out[done : done + len(batch)] = self._values(batch)
            if self.at == self.firsts[-1]:
                self.batches = None
        return out

    def let_go(self) -> bool:
        """Close the file, unless it is being read; a later part opens it again."""
        free = self.lock.acquire(blocking=False)
        if free:
            self.batches = None
            self.lock.release()
        return free

    def _group(self, row: int) -> int:
        return bisect_right(self.firsts, row) - 1

    def _open_at(self, group: int) -> None:
        file = _open(self.path, len(self.names))
        groups = list(range(group, file.metadata.num_row_groups))
        size = max(BATCH // max(self.d * self.kind.itemsize, 1), 1)
        self.batches = file.iter_batches(size, row_groups=groups, columns=self.names)
        self.at, self.left = self.firsts[group], None

    def _next(self, most: int) -> Any:
        """At most so many rows from where it stands."""
        batch = next(self.batches, None) if self.left is None else self.left
        if batch is None:
            raise InputError(f"{self.path} ends at row {self.at} of {self.firsts[-1]}; write or copy it again")
        self.left = batch.slice(most) if len(batch) > most else None
        self.at += min(most, len(batch))
        return batch.slice(0, most)

    def _values(self, batch: Any) -> Array:
        first = self.at - len(batch)
        values = columns.points(str(self.path), batch, self.names, first)
        if values.shape[1] != self.d:
            raise columns.ragged(str(self.path), self.names[0], (first, values.shape[1]), (0, self.d))
        return values


def _keep_few_open(cursor: _Cursor) -> None:
    """Of many parts of a set only the last MOST_OPEN read keep their files open."""
    with ORDER:
        used = [one for one in (held() for held in OPEN) if one is not None and one is not cursor]
        past = used[: max(len(used) - MOST_OPEN + 1, 0)]
        OPEN[:] = [ref(one) for one in used if one not in past or not one.let_go()] + [ref(cursor)]


def _open(path: Path, streams: int = 0) -> Any:
    """The file; with so many columns to be read ahead a little each, not whole."""
    parquet = optional("pyarrow.parquet", "parquet", ".parquet")
    ahead = {"buffer_size": max(BUFFER // streams, 4096), "pre_buffer": False} if streams else {}
    return parquet.ParquetFile(path, **ahead)


def _pages(metadata: Any, names: Sequence[str]) -> int:
    """Bytes of the pages that are decoded at a time, at most.

    By row groups: pyarrow's sizes of single columns end the process where the metadata of a column are damaged.
    """
    sizes = (metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    return max((min(PAGES * len(names), size) for size in sizes), default=0)


def _first_width(file: Any, name: str) -> int:
    for batch in file.iter_batches(batch_size=1, columns=[name]):
        return len(batch.column(0)[0]) if batch.column(0)[0].is_valid else 0
    return 0
