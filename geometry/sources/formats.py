"""Which reader a file belongs to, by its suffix, and the one place where a reader's own exceptions become ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from geometry.errors import GeometryError, InputError, OutOfMemoryError
from geometry.sources import (
    adapters,
    csv_files,
    dcp_files,
    numpy_files,
    parquet_files,
    safetensors_files,
    sharded,
    stores,
    sums,
    torch_files,
)
from geometry.sources.array_info import ArrayInfo
from geometry.types import Array

Result = TypeVar("Result")


@dataclass(frozen=True)
class Format:
    """Suffixes, what a file holds from its headers, and named arrays of it."""

    name: str
    suffixes: tuple[str, ...]
    contents: Callable[[Path], list[ArrayInfo]]
    read: Callable[[Path, Sequence[str]], dict[str, Array]]


FORMATS = (
    Format("adapter", ("adapter_model.safetensors", "adapter_model.bin"), adapters.contents, adapters.read),
    Format("sharded", (".index.json",), sharded.contents, sharded.read),
    Format("npy", (".npy",), numpy_files.npy_contents, numpy_files.npy_read),
    Format("npz", (".npz",), numpy_files.npz_contents, numpy_files.npz_read),
    Format("safetensors", (".safetensors",), safetensors_files.contents, safetensors_files.read),
    Format("torch", (".pt", ".pth", ".bin", ".ckpt"), torch_files.contents, torch_files.read),
    Format("csv", (".csv", ".tsv"), csv_files.contents, csv_files.read),
    Format("parquet", (".parquet",), parquet_files.contents, parquet_files.read),
    Format("hdf5", (".h5", ".hdf5"), stores.hdf5_contents, stores.hdf5_read),
    Format("zarr", (".zarr",), stores.zarr_contents, stores.zarr_read),
)
DISTRIBUTED = Format("dcp", (), dcp_files.contents, dcp_files.read)
SUM = Format("sum", (), sums.contents, sums.read)
SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)


def readable(path: Path) -> bool:
    """Whether the suffix is one we read (a .zarr folder and that of a distributed checkpoint count as files)."""
    return path.name.lower().endswith(SUFFIXES) or dcp_files.is_dcp(path)


def format_of(path: Path) -> Format:
    """The reader of a file; InputError that lists the suffixes there are."""
    if sums.is_sum(str(path)):
        return SUM
    if dcp_files.is_dcp(path):
        return DISTRIBUTED
    for known in FORMATS:
        if path.name.lower().endswith(known.suffixes):
            return known
    raise InputError(f"{path}: no reader for this suffix; there are {', '.join(SUFFIXES)}")


def contents(path: Path) -> list[ArrayInfo]:
    """What is inside a file, headers only; InputError or UnsafeFileError where it cannot be trusted."""
    return _guarded(path, lambda: format_of(path).contents(path))


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """Arrays of a file by key, in their stored dtype (bfloat16 as float32)."""
    return _guarded(path, lambda: format_of(path).read(path, keys))


def _guarded(path: Path, action: Callable[[], Result]) -> Result:
    """Whatever a parser makes of a broken file, the user meets one sentence with the file and the remedy."""
    try:
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
        reason = (str(error).splitlines() or [""])[0][:120]
        raise InputError(
            f"{path} cannot be read as {format_of(path).name}: {type(error).__name__} {reason}; it is "
            "truncated, damaged or of another format; write or copy it again"
        ) from error
