"""`.arrow` (extra `parquet`): tables in Arrow's IPC formats, stream and file, as Hugging Face datasets keep them.

What columns mean is told in `geometry.sources.columns`. The buffers of a table that is not compressed lie in the file
as they would in memory: their places are taken from a mapping that is let go again, and rows are read at offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.sources import columns
from geometry.sources.array_info import ArrayInfo
from geometry.sources.extents import Extent, Extents
from geometry.sources.extras import optional
from geometry.types import Array

MAGIC = b"ARROW1"  # at the head of the file format; the stream format has none


@dataclass(frozen=True)
class _Table:
    """The schema and the batches of an open file, which is mapped to `size` bytes from an address on."""

    schema: Any
    batches: Iterator[Any]
    address: int
    size: int


def contents(path: Path) -> list[ArrayInfo]:
    """The arrays of the file, from its schema, the headers of its batches, and its first row."""
    with _opened(path) as table:
        n, first = 0, None
        for batch in table.batches:
            first, n = batch if first is None and len(batch) else first, n + len(batch)
        return columns.infos(table.schema, n, lambda name: 0 if first is None else _first_width(first, name))


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`; a list column whose rows differ in length raises InputError."""
    arrow = optional("pyarrow", "parquet", ".arrow")
    laid = {key: extents(path, key) for key in keys}
    found = {key: one.read(0, one.rows) for key, one in laid.items() if one is not None}
    rest = [key for key in keys if key not in found]
    with _opened(path) as table:
        pooled, wanted = columns.wanted(table.schema, rest)
        only = arrow.schema([table.schema.field(name) for name in wanted])
        batches = [_checked(batch, wanted) for batch in table.batches] if wanted else []
    return found | columns.arrays(str(path), arrow.Table.from_batches(batches, only), pooled, rest)


def extents(path: Path, key: str) -> Extents | None:
    """Where the rows of an array lie; None in a compressed table, and where values are missing."""
    stretches: list[Extent] = []
    first, d = 0, 0
    with _opened(path) as table:
        pooled, names = columns.wanted(table.schema, [key])
        if not pooled and not all(columns.is_list(table.schema.field(name).type) for name in names):
            return None
        for batch in (_checked(batch, names) for batch in table.batches if len(batch)):
            width = len(pooled) or _width(path, key, batch.column(0), (first, d))
            runs = tuple(_run(table, str(path), name, batch.column(name), first) for name in names)
            inside = tuple(run for run in runs if run is not None)
            if len(inside) < len(runs):
                return None
            stretches.append(Extent(len(batch), inside))
            first, d = first + len(batch), width
    return Extents(path, d, stretches) if stretches else None


@contextmanager
def _opened(path: Path) -> Iterator[_Table]:
    """The file, mapped; the mapping ends with the last batch that is held."""
    arrow = optional("pyarrow", "parquet", ".arrow")
    ipc = optional("pyarrow.ipc", "parquet", ".arrow")
    with path.open("rb") as file:
        stream = file.read(len(MAGIC)) != MAGIC
    with arrow.memory_map(str(path)) as source:
        whole = source.read_buffer()
        source.seek(0)
        reader = ipc.open_stream(source) if stream else ipc.open_file(source)
        batches = iter(reader) if stream else map(reader.get_batch, range(reader.num_record_batches))
        yield _Table(reader.schema, batches, whole.address, whole.size)


def _checked(batch: Any, names: Sequence[str]) -> Any:
    """These columns of a batch. Offsets of a stranger may point anywhere, and looking there ends the process."""
    found = batch.select(names)
    found.validate(full=True)
    return found


def _first_width(batch: Any, name: str) -> int:
    row = _checked(batch, [name]).column(0)[0]
    return len(row) if row.is_valid else 0


def _width(path: Path, key: str, column: Any, before: tuple[int, int]) -> int:
    """Length of the lists of a batch; InputError where one is empty or they differ, also from those before."""
    first, d = before
    columns.require_full(str(path), key, column, first)
    widths = (
        np.asarray(column.value_lengths()) if hasattr(column, "value_lengths") else np.array([column.type.list_size])
    )
    usual = d if first else int(widths[0])
    odd = np.flatnonzero(widths != usual)
    if len(odd):
        raise columns.ragged(str(path), key, (first + int(odd[0]), int(widths[odd[0]])), (0, usual))
    return usual


def _run(table: _Table, where: str, name: str, column: Any, first: int) -> tuple[int, np.dtype[Any]] | None:
    """Where the values of a column begin, and their dtype; None where they do not lie in the file as they are."""
    columns.require_full(where, name, column, first)
    values = column.flatten() if columns.is_list(column.type) else column
    kind = np.dtype(values.type.to_pandas_dtype())
    if values.null_count or kind.kind not in "iuf":
        return None
    start = values.buffers()[1].address - table.address + values.offset * kind.itemsize
    inside = 0 <= start <= table.size - len(values) * kind.itemsize
    return (start, kind.newbyteorder("<")) if inside else None
