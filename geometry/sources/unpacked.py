"""Rows that have no place of their own in their file, unpacked once: text, compressed archives, very wide tables.

They go into a temporary file in the folder of such (TMPDIR), which has no name there: it is gone when the process ends,
however it ends. Its size is held against the free disk before the first byte is written, and the set says what was
unpacked where. A file that changes afterwards still ends in an error (`geometry.sources.formats.stored`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from geometry.errors import InputError
from geometry.sources.extents import Extent, Extents, in_columns
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

SPARE = 16 << 20  # bytes of the disk that are left to others


def unpacked(
    where: str,
    shape: tuple[int, int],
    kind: np.dtype[Any],
    write: Callable[[BinaryIO], None],
    *,
    by_column: bool = False,
) -> Stored:
    """The rows (n, d) of `kind` that `write` puts into a file, row by row or column by column; blocks are read there.

    Row by row n may be more than there turn out to be. where: the file and array, for errors. Raises InputError where
    the disk has no room.
    """
    from geometry.pairs.stored import Stored, given_dtype

    n, d = shape
    size = n * d * kind.itemsize
    with _opened(where, size) as file:
        try:
            write(file)
            file.flush()
        except OSError as error:
            place = tempfile.gettempdir()
            raise InputError(f"{where} cannot be unpacked into {place} ({error.strerror}); {REMEDY}") from error
        n = n if by_column else file.seek(0, 2) // (d * kind.itemsize)
        descriptor = os.dup(file.fileno())
    extent = in_columns(0, n, d, kind) if by_column else Extent(n, ((0, kind),))
    extents = Extents(Path(f"/dev/fd/{descriptor}"), d, [extent])

    def read(start: int, stop: int) -> Array:
        return extents.read(start, stop)

    weakref.finalize(read, os.close, descriptor)  # the file lives as long as its rows are wanted
    told = f"unpacked into a temporary file of {size / (1 << 20):,.1f} MiB in {tempfile.gettempdir()}, for this run"
    return Stored(read, n, d, given_dtype(kind), where, apart=not by_column, note=told)


REMEDY = "set TMPDIR to a folder with room, save the set as .npy, or raise --memory-budget"


def _opened(where: str, size: int) -> BinaryIO:
    """A file without a name; InputError where so many bytes have no room."""
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free - SPARE
    if size > free:
        raise InputError(
            f"{where} has to be unpacked to be read in parts, which takes {size >> 20:,} MiB; {place} has "
            f"{max(free, 0) >> 20:,} MiB free; {REMEDY}"
        )
    return tempfile.TemporaryFile(prefix="geometry-")
