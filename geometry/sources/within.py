"""What of a file comes into memory, and what stays there to be read in blocks: the choice, set by set.

A set counts as large where its rows, in the dtype they are given in, take more than the bytes allowed for one set. It
is then read in parts where its format can be; where it has to be read whole, that is an error with the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from geometry.errors import InputError
from geometry.sources.array_info import ArrayInfo
from geometry.sources.formats import format_of, read, stored
from geometry.types import Array


def read_within(
    path: Path, infos: Iterable[ArrayInfo], sides: Sequence[str] = (), stream: int | None = None
) -> dict[str, Array]:
    """Sets and companions of a file by key; a set of more than `stream` bytes as `Stored`, None: all in memory."""
    large = {info.key: info for info in infos if stream is not None and given_bytes(info) > stream}
    found = {key: rows_in_file(path, info, cast(int, stream)) for key, info in large.items()}
    rest = [*(info.key for info in infos if info.key not in large), *sides]
    return found | (read(path, rest) if rest else {})


def rows_in_file(path: Path, info: ArrayInfo, stream: int) -> Array:
    """The rows of an array that stay in the file; InputError where it has to be read whole."""
    found = stored(path, info.key, stream)
    if found is None:
        where, kind = f"{path}:{info.key}" if info.key else str(path), path.suffix or format_of(path).name
        raise InputError(
            f"{where}: {' x '.join(map(str, info.shape))} take {mib(given_bytes(info))} in memory, more than the "
            f"{mib(stream)} that a set may take here, and this {kind} file cannot be read in parts; save it as .npy, "
            "or as a column of lists in .parquet, or raise --memory-budget"
        )
    return cast(Array, found)


def given_bytes(info: ArrayInfo) -> int:
    """Bytes of the rows in memory, in the dtype that they are given in."""
    return int(np.prod(info.shape, dtype=object)) * given_itemsize(info.dtype)


def given_itemsize(dtype: str) -> int:
    """Of a dtype as headers spell it: bfloat16 is given as float32, what is no float as float64."""
    if dtype == "bfloat16":
        return 4
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        return 8
    return min(kind.itemsize, 8) if kind.kind == "f" else 8


def mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
