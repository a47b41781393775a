"""`.parquet` (extra `parquet`): a column of lists is an array; without one, the number columns are the points.

Companion columns (label, id, origin, generation) go beside the points; other columns are listed and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.sources.array_info import ArrayInfo, companion_role, describe
from geometry.sources.csv_files import POINTS
from geometry.sources.extras import optional
from geometry.types import Array


def contents(path: Path) -> list[ArrayInfo]:
    """The arrays of the file, from its schema; the length of lists is that of the first row where none is declared."""
    file = _open(path)
    n, schema = file.metadata.num_rows, file.schema_arrow
    lists = [_list_info(file, field, n) for field in schema if _is_list(field.type)]
    pooled = [] if lists else _number_columns(schema)
    points = [describe(POINTS, (n, len(pooled)), _pooled_dtype(schema, pooled), 8)] if pooled else []
    rest = [f for f in schema if not _is_list(f.type) and f.name not in pooled]
    return [
        *points,
        *lists,
        *(ArrayInfo(f.name, (n,), _dtype(f.type), 0, companion_role(f.name) or "other") for f in rest),
    ]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`; a list column whose rows differ in length raises InputError."""
    file = _open(path)
    schema = file.schema_arrow
    pooled = _number_columns(schema) if POINTS in keys and POINTS not in schema.names else []
    wanted = [*pooled, *(name for name in schema.names if name in keys and name not in pooled)]
    table = file.read(columns=wanted)
    found = {name: _column(path, name, table.column(name)) for name in wanted if name in keys}
    return found | ({POINTS: np.column_stack([_numbers(path, n, table.column(n)) for n in pooled])} if pooled else {})


def _open(path: Path) -> Any:
    return optional("pyarrow.parquet", "parquet", ".parquet").ParquetFile(path)


def _is_list(kind: Any) -> bool:
    return str(kind).startswith(("list<", "large_list<", "fixed_size_list<"))


def _number_columns(schema: Any) -> list[str]:
    kinds = ("float", "double", "halffloat", "int", "uint")
    return [f.name for f in schema if str(f.type).startswith(kinds) and not companion_role(f.name)]


def _pooled_dtype(schema: Any, names: list[str]) -> str:
    return np.result_type(*(schema.field(name).type.to_pandas_dtype() for name in names)).name


def _dtype(kind: Any) -> str:
    return "str" if "string" in str(kind) else str(kind)


def _list_info(file: Any, field: Any, n: int) -> ArrayInfo:
    values = np.dtype(field.type.value_type.to_pandas_dtype())
    width = getattr(field.type, "list_size", None) or _first_width(file, field.name)
    return describe(field.name, (n, width), values.name, values.itemsize)


def _first_width(file: Any, name: str) -> int:
    for batch in file.iter_batches(batch_size=1, columns=[name]):
        return len(batch.column(0)[0]) if batch.column(0)[0].is_valid else 0
    return 0


def _column(path: Path, name: str, column: Any) -> Array:
    if not _is_list(column.type):
        return np.asarray(column.to_pylist())
    rows = column.combine_chunks()
    _require_full(path, name, column)
    widths = np.array([] if not hasattr(rows, "value_lengths") else rows.value_lengths())
    odd = np.flatnonzero(widths != widths[:1])
    if len(odd):
        raise InputError(
            f"{path}, column '{name}': row {odd[0]} has {widths[odd[0]]} numbers, row 0 has {widths[0]}; "
            "every row needs the same"
        )
    return np.asarray(rows.flatten().to_numpy(zero_copy_only=False)).reshape(len(column), -1)


def _numbers(path: Path, name: str, column: Any) -> Array:
    _require_full(path, name, column)
    return np.asarray(column.to_numpy())


def _require_full(path: Path, name: str, column: Any) -> None:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null())[0])
        raise InputError(f"{path}, column '{name}': row {row} is empty; fill it, or drop the row")
