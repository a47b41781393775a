"""`.h5`, `.hdf5` (extra `hdf5`) and `.zarr` (extra `zarr`): trees of arrays, addressed by keys with slashes.

Only numbers and text are read. A zarr array whose codecs unpickle objects is refused, whatever its dtype.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.array_info import ArrayInfo, describe
from geometry.sources.extras import optional
from geometry.types import Array


def hdf5_contents(path: Path) -> list[ArrayInfo]:
    """Every dataset of the file."""
    with _hdf5(path) as file:
        return [_info(key, item) for key, item in _datasets(file)]


def hdf5_read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The datasets named by `keys`; text as str."""
    with _hdf5(path) as file:
        return {key: _dataset(item) for key, item in _datasets(file) if key in keys}


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
