"""`.csv` and `.tsv`: one row per point; the numeric columns are the points, named companion columns go beside them.

The delimiter is the most frequent of comma, semicolon and tab in the first line. That line is a header if none of its
fields is a number, if one of them names a companion (label, id, origin, generation), or if they count the columns 0, 1,
2, ... as pandas does; a first field without a name is then an index and is left out, as are columns of text.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, AnyStr, BinaryIO

import numpy as np

from geometry.errors import InputError
from geometry.sources.array_info import ArrayInfo, companion_role, describe
from geometry.sources.unpacked import unpacked
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

LONGEST_LINE, MOST_COLUMNS = 16 << 20, 200_000
POINTS = "points"  # the key under which the numeric columns of a table are known


@dataclass(frozen=True)
class _Layout:
    """Column names, how many lines stand before the data, and which columns hold numbers."""

    delimiter: str
    names: list[str]
    skip: int
    numeric: list[int]
    named: dict[str, int]


def contents(path: Path) -> list[ArrayInfo]:
    """`points`, and every named column beside it; the first two lines are parsed, the others counted."""
    layout = _layout(path)
    n = _lines(path) - layout.skip
    found = [describe(POINTS, (n, len(layout.numeric)), "float64", 8)] if layout.numeric else []
    return found + [ArrayInfo(name, (n,), "str", 0, companion_role(name) or "other") for name in layout.named]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The numeric columns as float64, the companion columns as integers where all are, else as text."""
    layout = _layout(path)
    found: dict[str, Array] = {}
    if POINTS in keys and layout.numeric:
        found[POINTS] = _numbers(path, layout)
    columns = {name: column for name, column in layout.named.items() if name in keys}
    return found | (_columns(path, layout, columns) if columns else {})


def stored(path: Path, key: str, room: int) -> Stored | None:
    """The numeric columns, parsed some rows at a time into a temporary file; None for any other array."""
    layout = _layout(path)
    if key != POINTS or not layout.numeric:
        return None
    shape, kind = (_lines(path) - layout.skip, len(layout.numeric)), np.dtype(np.float64)

    def write(out: BinaryIO) -> None:
        rows = max(room // (4 * kind.itemsize * shape[1]), 1)
        with path.open(encoding="utf-8-sig", newline="") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of lines that hold nothing, and where they end
            lines = islice(stream, layout.skip, None)
            while len(points := _parsed(path, layout, lines, rows)):
                out.write(points.data)

    return unpacked(str(path), shape, kind, write)


def as_values(column: Sequence[str]) -> Array:
    """int64 where every entry is an integer, else text."""
    try:
        return np.array([int(entry) for entry in column], np.int64)
    except (ValueError, OverflowError):
        return np.array(column, np.str_)


def _layout(path: Path) -> _Layout:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        line = stream.readline(LONGEST_LINE + 1)
        delimiter = max(",;\t", key=line.count)
        if len(line) > LONGEST_LINE or line.count(delimiter) > MOST_COLUMNS:
            raise InputError(
                f"{path}: line 1 has over {LONGEST_LINE} characters or {MOST_COLUMNS} columns; write one row per line, "
                "or save so wide a set as .npy"
            )
        stream.seek(0)
        rows = csv.reader(_bounded(path, stream), delimiter=delimiter)
        first = [field.strip() for field in next(rows, [])]
        second = [field.strip() for field in next(rows, [])]
    if not first:
        raise InputError(f"{path} is empty; write one row per point")
    header = _is_header(first)
    names = first if header else [""] * len(first)
    sample = second if header else first
    if header and not second:
        raise InputError(f"{path} has a header and no rows; write one row per point")
    named = {name: i for i, name in enumerate(names) if companion_role(name)}
    unnamed = header and names[0] == ""
    rest = [i for i in range(unnamed, len(names)) if i not in named.values()]
    text = [i for i in rest if header and i < len(sample) and sample[i] and not _number(sample[i])]
    numeric = [i for i in rest if i not in text]
    return _Layout(delimiter, names, int(header), numeric, named | {names[i]: i for i in text})


def _is_header(fields: list[str]) -> bool:
    counted = [str(i) for i in range(len(fields))]
    if fields in (counted, ["", *counted[:-1]]):
        return len(fields) > 1
    return not any(_number(field) for field in fields) or any(companion_role(field) for field in fields)


def _number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _lines(path: Path) -> int:
    """Lines of the file that hold something at all; a last line without a line end counts."""
    with path.open("rb") as stream:
        return sum(1 for line in _bounded(path, stream) if line.strip())


def _bounded(path: Path, stream: IO[AnyStr]) -> Iterator[AnyStr]:
    """The lines of a stream; InputError at one that no row of numbers takes."""
    for number in count(1):
        line = stream.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path}: line {number} has over {LONGEST_LINE} characters; write one row per line")
        if not line:
            return
        yield line


def _numbers(path: Path, layout: _Layout) -> Array:
    return _parsed(path, layout, path, None)


def _parsed(path: Path, layout: _Layout, source: Path | Iterator[str], most: int | None) -> Array:
    """Rows of numbers, float64: of the file itself, or the next of lines below its header, at most so many."""
    every = len(layout.numeric) == len(layout.names)
    try:
        points: Array = np.loadtxt(
            source,
            dtype=np.float64,
            comments=None,
            delimiter=layout.delimiter,
            quotechar='"',
            skiprows=layout.skip if source is path else 0,
            usecols=None if every else layout.numeric,
            ndmin=2,
            encoding="utf-8-sig",
            max_rows=most,
        )
    except ValueError as error:
        raise InputError(f"{path}: {_first_fault(path, layout) or error}") from error
    return points


def _first_fault(path: Path, layout: _Layout) -> str:
    """The first line that is not a row of numbers, and what to do about it."""
    for number, row in _rows(path, layout):
        for column in layout.numeric:
            if not _number(row[column]):
                return (
                    f"line {number}, column {column + 1} '{layout.names[column]}': '{row[column]}' is not a number; "
                    "write nan where one is missing, and name columns of labels or ids so in a header"
                )
    return ""


def _rows(path: Path, layout: _Layout) -> Iterator[tuple[int, list[str]]]:
    """(line number from 1, fields) of the rows below the header, each as long as the first; no empty lines."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=layout.delimiter)
        for row in islice(filter(None, reader), layout.skip, None):
            if len(row) != len(layout.names):
                raise InputError(
                    f"{path}: line {reader.line_num} has {len(row)} fields, the first has {len(layout.names)}; "
                    "give every row the same number"
                )
            yield reader.line_num, row


def _columns(path: Path, layout: _Layout, columns: dict[str, int]) -> dict[str, Array]:
    rows = [row for _, row in _rows(path, layout)]
    return {name: as_values([row[column].strip() for row in rows]) for name, column in columns.items()}
