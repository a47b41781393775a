"""`.arrow` (extra `parquet`): tables in Arrow's IPC formats, stream and file, as Hugging Face datasets keep them.

What columns mean is told in `geometry.sources.columns`. The buffers of a table that is not compressed lie in the file
as they would in memory: their places are taken from a mapping that is let go again, and rows are read at offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.sources import columns
from geometry.sources.array_info import ArrayInfo
from geometry.sources.extents import Extent, Extents, in_file
from geometry.sources.extras import optional
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

MAGIC = b"ARROW1"  # at the head of the file format; the stream format has none


@dataclass(frozen=True)
class _Table:
    """The schema and the batches of an open file, which is mapped to `size` bytes from an address on; 0: not mapped."""

    schema: Any
    batches: Iterator[Any]
    address: int = 0
    size: int = 0


def contents(path: Path) -> list[ArrayInfo]:
    """The arrays of the file, from its schema, the headers of its batches, and its first row."""
    with _opened(path) as table:
        n, first = 0, None
        for batch in table.batches:
            first, n = batch if first is None and len(batch) else first, n + len(batch)
        if first is not None:
            first.validate(full=True)  # offsets of a stranger may point anywhere, and looking there ends the process
        return columns.infos(table.schema, n, lambda name: 0 if first is None else len(first.column(name)[0] or ()))


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`; a list column whose rows differ in length raises InputError."""
    arrow = optional("pyarrow", "parquet", ".arrow")
    with _opened(path, mapped=False) as table:
        pooled, wanted = columns.wanted(table.schema, keys)
        only = arrow.schema([table.schema.field(name) for name in wanted])
        whole = arrow.Table.from_batches([batch.select(wanted) for batch in table.batches], only)
    whole.validate(full=True)
    return columns.arrays(str(path), whole, pooled, keys)


def stored(path: Path, key: str, room: int) -> Stored | None:
    """The rows of an array, read at their offsets; None for compressed tables."""
    stretches: list[Extent] = []
    first, d = 0, 0
    with _opened(path) as table:
        pooled, names = columns.wanted(table.schema, [key])
        for batch in (batch.select(names) for batch in table.batches if len(batch)):
            batch.validate(full=True)
            width = len(pooled) or _width(path, key, batch.column(0), (first, d))
            runs = tuple(_run(table, str(path), name, batch.column(name), first) for name in names)
            inside = tuple(run for run in runs if run is not None)
            if len(inside) < len(runs):
                return None
            stretches.append(Extent(len(batch), inside))
            first, d = first + len(batch), width
    return in_file(Extents(path, d, stretches))


@contextmanager
def _opened(path: Path, *, mapped: bool = True) -> Iterator[_Table]:
    """The file mapped, or read; a mapping ends with the last batch that is held."""
    arrow = optional("pyarrow", "parquet", ".arrow")
    ipc = optional("pyarrow.ipc", "parquet", ".arrow")
    with path.open("rb") as file:
        stream = file.read(len(MAGIC)) != MAGIC
    with arrow.memory_map(str(path)) if mapped else arrow.OSFile(str(path)) as source:
        whole = source.read_buffer() if mapped else None
        source.seek(0)
        reader = ipc.open_stream(source) if stream else ipc.open_file(source)
        batches = iter(reader) if stream else map(reader.get_batch, range(reader.num_record_batches))
        yield _Table(reader.schema, batches, whole.address if whole else 0, whole.size if whole else 0)


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
