"""Which reader a file belongs to, by its suffix, and the one place where a reader's own exceptions become ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from geometry.errors import GeometryError, InputError, OutOfMemoryError, reason_of
from geometry.schema.documents import require_file
from geometry.sources import (
    adapters,
    arrow_files,
    csv_files,
    dcp_files,
    numpy_files,
    parquet_files,
    parts,
    safetensors_files,
    sharded,
    stores,
    sums,
    torch_files,
)
from geometry.sources.archives import refuse_thin
from geometry.sources.array_info import ArrayInfo
from geometry.sources.extents import in_file
from geometry.sources.part_names import is_parts
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

Result = TypeVar("Result")
LEAST_ROOM = 6 << 20  # bytes that any process has to spare: pages of two columns, a chunk of moderate size


@dataclass(frozen=True)
class Format:
    """Suffixes, what a file holds from its headers, and named arrays of it.

    stored: the rows of an array (n, d) of a file where they can be read in parts, with so many bytes beside the rows
    asked for; None where a file of the format has to be read whole. reader: `read` of one array after another, for
    which what tells where they lie is read once.
    """

    name: str
    suffixes: tuple[str, ...]
    contents: Callable[[Path], list[ArrayInfo]]
    read: Callable[[Path, Sequence[str]], dict[str, Array]]
    stored: Callable[[Path, str, int], Stored | None] | None = None
    reader: Callable[[Path], Callable[[str], Array]] | None = None


def _npy_stored(path: Path, key: str, room: int) -> Stored | None:
    return in_file(numpy_files.npy_extents(path))


def _npz_stored(path: Path, key: str, room: int) -> Stored | None:
    return in_file(numpy_files.npz_extents(path, key)) or numpy_files.npz_unpacked(path, key)


def _arrow_stored(path: Path, key: str, room: int) -> Stored | None:
    return in_file(arrow_files.extents(path, key))


def _torch_stored(path: Path, key: str, room: int) -> Stored | None:
    return in_file(torch_files.extents(path, key))


def _safetensors_stored(path: Path, key: str, room: int) -> Stored | None:
    return in_file(safetensors_files.extents(path, key))


FORMATS = (
    Format("adapter", ("adapter_model.safetensors", "adapter_model.bin"), adapters.contents, adapters.read),
    Format("sharded", (".index.json",), sharded.contents, sharded.read, sharded.stored, sharded.reader),
    Format("npy", (".npy",), numpy_files.npy_contents, numpy_files.npy_read, _npy_stored),
    Format("npz", (".npz",), numpy_files.npz_contents, numpy_files.npz_read, _npz_stored),
    Format(
        "safetensors",
        (".safetensors",),
        safetensors_files.contents,
        safetensors_files.read,
        _safetensors_stored,
        safetensors_files.reader,
    ),
    Format(
        "torch",
        (".pt", ".pth", ".bin", ".ckpt"),
        torch_files.contents,
        torch_files.read,
        _torch_stored,
        torch_files.reader,
    ),
    Format("csv", (".csv", ".tsv"), csv_files.contents, csv_files.read, csv_files.stored),
    Format("arrow", (".arrow",), arrow_files.contents, arrow_files.read, _arrow_stored),
    Format("parquet", (".parquet",), parquet_files.contents, parquet_files.read, parquet_files.stored),
    Format("hdf5", (".h5", ".hdf5"), stores.hdf5_contents, stores.hdf5_read, stores.hdf5_stored),
    Format("zarr", (".zarr",), stores.zarr_contents, stores.zarr_read, stores.zarr_stored),
)
DISTRIBUTED = Format("dcp", (), dcp_files.contents, dcp_files.read, reader=dcp_files.reader)
SUM = Format("sum", (), sums.contents, sums.read, reader=sums.reader)
UNPACKING = ("torch", "arrow", "parquet", "hdf5", "zarr")  # whose arrays may be larger than their bytes
PARTS = Format("parts", (), parts.contents, parts.read, parts.stored)
SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)


def readable(path: Path) -> bool:
    """Whether the suffix is one we read (a .zarr folder and that of a distributed checkpoint count as files)."""
    return path.name.lower().endswith(SUFFIXES) or dcp_files.is_dcp(path)


def format_of(path: Path) -> Format:
    """The reader of a file; InputError that lists the suffixes there are."""
    if sums.is_sum(str(path)):
        return SUM
    if is_parts(path):
        return PARTS
    if dcp_files.is_dcp(path):
        return DISTRIBUTED
    for known in FORMATS:
        if path.name.lower().endswith(known.suffixes):
            return known
    raise InputError(f"{path}: no reader for this suffix; there are {', '.join(SUFFIXES)}")


def contents(path: Path) -> list[ArrayInfo]:
    """What is inside a file, headers only; InputError or UnsafeFileError where it cannot be trusted."""
    found = _guarded(path, lambda: format_of(path).contents(path))
    if format_of(path).name in UNPACKING:
        _guarded(path, lambda: refuse_thin(path, found))
    return found


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """Arrays of a file by key, in their stored dtype (bfloat16 as float32)."""
    return _guarded(path, lambda: format_of(path).read(path, keys))


def reader(path: Path) -> Callable[[str], Array]:
    """Arrays of a file by key, one at a time: as `read`, but what tells where they lie is read once."""
    opened = format_of(path).reader
    if opened is None:
        return lambda key: read(path, [key])[key]
    one = _guarded(path, lambda: opened(path))
    return lambda key: _guarded(path, lambda: one(key))


def stored(path: Path, key: str, room: int) -> Stored | None:
    """The rows of an array that stay in their file, read in parts; None where the file has to be read whole.

    room: bytes that reading may take beside the rows asked for, at least LEAST_ROOM. A read raises InputError where the
    file is not what it was when this was called, or gives other rows than its headers promise.
    """
    opened = format_of(path).stored
    before = _state(path)
    found = None if opened is None else _guarded(path, lambda: opened(path, key, max(room, LEAST_ROOM)))
    if found is None:
        return None
    whole = found

    def read(start: int, stop: int) -> Array:
        rows = _guarded(path, lambda: whole.read(start, stop))
        if _state(path) != before or rows.shape != (stop - start, whole.d):
            raise InputError(f"{path} was changed while it was read; start again when nothing writes to it")
        return rows

    return replace(whole, read=read)


def _state(path: Path) -> tuple[int, ...] | None:
    """Size and time of the last change of a file; of a store of chunks their sums over its files, and how many."""
    if path.is_dir() and not is_parts(path):
        found = [one.stat() for one in path.rglob("*") if one.is_file()]
        return len(found), sum(one.st_size for one in found), sum(one.st_mtime_ns for one in found)
    if not path.is_file():
        return None
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _guarded(path: Path, action: Callable[[], Result]) -> Result:
    """Whatever a parser makes of a broken file, the user meets one sentence with the file and the remedy."""
    try:
        require_file(path)
        return action()
    except GeometryError:
        raise
    except FileNotFoundError as error:
        if path.exists():
            raise InputError(
                f"{path} cannot be read as {format_of(path).name}: a part of it is missing; copy it again"
            ) from error
        raise InputError(f"{path} does not exist; check the path") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read; check its permissions") from error
    except MemoryError as error:
        raise OutOfMemoryError(f"{path} does not fit into memory; store it as .npy, which is mapped") from error
    except Exception as error:  # a broken file can raise anything in six libraries
        reason = reason_of(error, 120)
        raise InputError(
            f"{path} cannot be read as {format_of(path).name}: {type(error).__name__} {reason}; it is "
            "truncated, damaged or of another format; write or copy it again"
        ) from error
