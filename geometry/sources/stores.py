"""`.h5`, `.hdf5` (extra `hdf5`) and `.zarr` (extra `zarr`): trees of arrays, addressed by keys with slashes.

Only numbers and text are read. A zarr array whose codecs unpickle objects is refused, whatever its dtype. Rows can be
read in parts where a chunk, which is decoded whole, takes no more than the room there is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.array_info import ArrayInfo, describe
from geometry.sources.extras import optional
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored


def hdf5_contents(path: Path) -> list[ArrayInfo]:
    """Every dataset of the file."""
    with _hdf5(path) as file:
        return [_info(key, item) for key, item in _datasets(file)]


def hdf5_read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The datasets named by `keys`; text as str."""
    with _hdf5(path) as file:
        return {key: _dataset(item) for key, item in _datasets(file) if key in keys}


def hdf5_stored(path: Path, key: str, room: int) -> Stored | None:
    """The rows of a dataset, read in slices."""

    def read(start: int, stop: int) -> Array:
        with _hdf5(path) as file:
            return np.asarray(file[key][start:stop])

    with _hdf5(path) as file:
        return _in_slices(path, key, file[key], room, read)


def zarr_contents(path: Path) -> list[ArrayInfo]:
    """Every array of the store."""
    return [_info(key, item) for key, item in _members(path)]


def zarr_read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`."""
    found: dict[str, Array] = {}
    for key, item in _members(path):
        if key in keys:
            _refuse_pickle(path, key, item)
            found[key] = np.asarray(item[...])
    return found


def zarr_stored(path: Path, key: str, room: int) -> Stored | None:
    """The rows of an array, read in slices."""
    item = dict(_members(path))[key]
    _refuse_pickle(path, key, item)
    return _in_slices(path, key, item, room, lambda start, stop: np.asarray(item[start:stop]))


def _in_slices(path: Path, key: str, item: Any, room: int, read: Callable[[int, int], Array]) -> Stored | None:
    from geometry.pairs.stored import Stored, given_dtype

    if item.chunks and math.prod(item.chunks) * item.dtype.itemsize > room:
        return None
    return Stored(read, item.shape[0], item.shape[1], given_dtype(item.dtype), f"{path}:{key}" if key else str(path))


def _info(key: str, item: Any) -> ArrayInfo:
    dtype = np.dtype(item.dtype)
    return describe(key, item.shape, "str" if dtype.kind in "OUST" else dtype.name, dtype.itemsize)


def _hdf5(path: Path) -> Any:
    return optional("h5py", "hdf5", ".h5").File(path, "r")


def _datasets(file: Any) -> Iterator[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    file.visititems(lambda key, item: found.append((key, item)) if hasattr(item, "dtype") else None)
    yield from found


def _dataset(item: Any) -> Array:
    if item.dtype.kind == "O":
        return np.asarray(item.asstr()[...], np.str_)
    return np.asarray(item[...])


def _members(path: Path) -> list[tuple[str, Any]]:
    zarr = optional("zarr", "zarr", ".zarr")
    node = zarr.open(path, mode="r")
    if hasattr(node, "dtype"):
        return [("", node)]
    found = sorted(node.members(max_depth=None), key=lambda member: member[0])
    if not found:
        raise InputError(f"{path} holds no zarr array; write one, or copy the store again")
    return [(key, item) for key, item in found if hasattr(item, "dtype")]


def _refuse_pickle(path: Path, key: str, item: Any) -> None:
    if "pickle" in json.dumps(item.metadata.to_dict(), default=repr).lower():
        raise UnsafeFileError(f"{path}, array '{key}' is pickled, and reading it would run code; store plain numbers")
