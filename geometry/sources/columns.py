"""What the columns of an Arrow table mean, in .parquet and .arrow files alike (extra `parquet`).

A column of lists of numbers is an array; without one, the number columns are the points. Companion columns (label, id,
origin, generation) go beside the points; other columns are listed and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.sources.array_info import ArrayInfo, companion_role, describe
from geometry.sources.csv_files import POINTS
from geometry.types import Array

NUMBERS = ("float", "double", "halffloat", "int", "uint")


def infos(schema: Any, n: int, first_width: Callable[[str], int]) -> list[ArrayInfo]:
    """The arrays of n rows of a schema; the length of lists is that of the first row where none is declared."""
    lists = [_list_info(field, n, first_width) for field in schema if is_list(field.type)]
    pooled = [] if any(not info.text for info in lists) else number_columns(schema)
    taken = set(pooled)
    rest = [f for f in schema if not is_list(f.type) and f.name not in taken]
    return [
        *([_pooled_info(n, pooled, pooled_dtype(schema, pooled))] if pooled else []),
        *lists,
        *(ArrayInfo(f.name, (n,), _dtype(f.type), 0, companion_role(f.name) or "other") for f in rest),
    ]


def wanted(schema: Any, keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """(number columns that are the points, where these are asked for; all columns to be read)."""
    pooled = number_columns(schema) if POINTS in keys and POINTS not in schema.names else []
    taken = set(pooled)
    return pooled, [*pooled, *(name for name in schema.names if name in keys and name not in taken)]


def arrays(where: str, table: Any, pooled: Sequence[str], keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys` of a table of the columns that are needed for them."""
    found = {name: _column(where, name, table.column(name)) for name in table.column_names if name in keys}
    return found | ({POINTS: points(where, table, pooled)} if pooled else {})


def points(where: str, table: Any, names: Sequence[str], first: int = 0) -> Array:
    """(n, d) values of a table or a batch whose first row has this number: of its list column, or of number columns."""
    if len(names) == 1 and is_list(table.schema.field(names[0]).type):
        return _rows(where, names[0], table.column(names[0]), first)
    return np.column_stack([_numbers(where, name, table.column(name), first) for name in names])


def is_list(kind: Any) -> bool:
    """Whether a type is one of lists of anything."""
    return str(kind).startswith(("list<", "large_list<", "fixed_size_list<"))


def number_columns(schema: Any) -> list[str]:
    """The columns that are the points where no column is one of lists."""
    return [f.name for f in schema if str(f.type).startswith(NUMBERS) and not companion_role(f.name)]


def value_dtype(schema: Any, names: Sequence[str]) -> np.dtype[Any]:
    """Of the points in these columns."""
    kinds = [schema.field(name).type for name in names]
    if is_list(kinds[0]):
        values: np.dtype[Any] = np.dtype(kinds[0].value_type.to_pandas_dtype())
        return values
    return pooled_dtype(schema, names)


def pooled_dtype(schema: Any, names: Sequence[str]) -> np.dtype[Any]:
    """The dtype that holds all number columns."""
    return np.result_type(*(schema.field(name).type.to_pandas_dtype() for name in names))


def _dtype(kind: Any) -> str:
    return "str" if "string" in str(kind) else str(kind)


def _pooled_info(n: int, names: Sequence[str], kind: np.dtype[Any]) -> ArrayInfo:
    return describe(POINTS, (n, len(names)), kind.name, kind.itemsize)


def _list_info(field: Any, n: int, first_width: Callable[[str], int]) -> ArrayInfo:
    values = np.dtype(field.type.value_type.to_pandas_dtype())
    width = getattr(field.type, "list_size", None) or first_width(field.name)
    kind = f"object {field.type.value_type}" if values.hasobject else values.name
    return describe(field.name, (n, width), kind, values.itemsize)


def _column(where: str, name: str, column: Any) -> Array:
    return _rows(where, name, column, 0) if is_list(column.type) else np.asarray(column.to_pylist())


def _rows(where: str, name: str, column: Any, first: int) -> Array:
    require_full(where, name, column, first)
    rows = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    widths = np.array([] if not hasattr(rows, "value_lengths") else rows.value_lengths())
    odd = np.flatnonzero(widths != widths[:1])
    if len(odd):
        raise ragged(where, name, (first + int(odd[0]), int(widths[odd[0]])), (first, int(widths[0])))
    return np.asarray(rows.flatten().to_numpy(zero_copy_only=False)).reshape(len(column), -1)


def ragged(where: str, name: str, odd: tuple[int, int], usual: tuple[int, int]) -> InputError:
    """The error for two rows (number, length) of unequal length."""
    return InputError(
        f"{where}, column '{name}': row {odd[0]} has {odd[1]} numbers, row {usual[0]} has {usual[1]}; "
        "every row needs the same"
    )


def _numbers(where: str, name: str, column: Any, first: int) -> Array:
    require_full(where, name, column, first)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def require_full(where: str, name: str, column: Any, first: int) -> None:
    """InputError where a row of the column is empty; `first` is the number of its first row."""
    if column.null_count:
        row = first + int(np.flatnonzero(column.is_null())[0])
        raise InputError(f"{where}, column '{name}': row {row} is empty; fill it, or drop the row")
