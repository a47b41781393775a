"""`.h5`, `.hdf5` (extra `hdf5`) and `.zarr` (extra `zarr`): trees of arrays, addressed by keys with slashes.

Only numbers and text are read. A zarr array whose codecs unpickle objects is refused, whatever its dtype. Rows can be
read in parts where a chunk, which is decoded whole, takes no more than the room there is.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.schema.documents import require_file
from geometry.sources.array_info import ArrayInfo, describe
from geometry.sources.extras import optional
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

MOST_OBJECTS, DEEPEST = 10_000, 100
MOST_CHUNKS, SMALL_CHUNK = 50_000, 4096  # bytes of a chunk
OVERHEAD = 1 << 16  # bytes that a codec may add to a chunk


def hdf5_contents(path: Path) -> list[ArrayInfo]:
    """Every dataset of the file; UnsafeFileError where one has its values elsewhere than in the file and beside it."""
    with _hdf5(path) as file:
        found = list(_datasets(file))
        for key, item in found:
            _refuse_elsewhere(path, key, item)
        return [_info(key, item) for key, item in found]


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
    found = _members(path)
    _refuse_large(path, found)
    for key, item in found:
        _refuse_chunks(path, key, item)
    return [_info(key, item) for key, item in found]


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
    """Every dataset once with its key; soft and external links are not followed. UnsafeFileError past MOST_OBJECTS."""
    h5 = optional("h5py", "hdf5", ".h5")

    waiting, seen = [("", file)], {h5.h5o.get_info(file.id).addr}
    while waiting:
        above, group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5.HardLink):
                continue
            item, key = group[name], f"{above}{name}"
            if (address := h5.h5o.get_info(item.id).addr) in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS or key.count("/") > DEEPEST:
                raise UnsafeFileError(
                    f"{file.filename} holds more than {MOST_OBJECTS} groups and datasets, or {DEEPEST} in one "
                    "another; do not trust this file, or save its rows as one dataset"
                )
            if isinstance(item, h5.Group):
                waiting.append((f"{key}/", item))
            elif hasattr(item, "dtype"):
                yield key, item


def _refuse_elsewhere(path: Path, key: str, item: Any) -> None:
    """A dataset may take its bytes from any file of whoever reads it: of those in its own folder, no others."""
    named = [name for name, *_ in item.external or ()]
    named += [source.file_name for source in item.virtual_sources()] if item.is_virtual else []
    far = [name for name in named if name != "." and (item.external or Path(name).name != name)]
    if far:
        raise UnsafeFileError(
            f"{path}, array '{key}' takes its values from another file, {far[0]}; save them in the file itself, or "
            "name files beside it without a folder"
        )


def _dataset(item: Any) -> Array:
    if item.dtype.kind == "O":
        return np.asarray(item.asstr()[...], np.str_)
    return np.asarray(item[...])


def _members(path: Path) -> list[tuple[str, Any]]:
    zarr = optional("zarr", "zarr", ".zarr")
    _require_files(path)
    node = zarr.open(path, mode="r")
    if hasattr(node, "dtype"):
        return [("", node)]
    found = sorted(node.members(max_depth=None), key=lambda member: member[0])
    if not found:
        raise InputError(f"{path} holds no zarr array; write one, or copy the store again")
    return [(key, item) for key, item in found if hasattr(item, "dtype")]


def _require_files(path: Path) -> None:
    """InputError where the store has anything but files and folders."""
    for folder, _, _ in os.walk(path):
        with os.scandir(folder) as entries:
            odd = [Path(entry) for entry in entries if not (entry.is_file() or entry.is_dir())]
        for one in odd:
            require_file(one)


def _refuse_chunks(path: Path, key: str, item: Any) -> None:
    """Chunks that are not there take as long to look up as those that are."""
    number = math.prod(-(-side // max(chunk, 1)) for side, chunk in zip(item.shape, item.chunks, strict=True))
    if number > MOST_CHUNKS and item.nbytes < number * SMALL_CHUNK:
        raise UnsafeFileError(
            f"{path}, array '{key}' is cut into {number} chunks of {item.nbytes // number} bytes; do not trust this "
            "store, or write it in larger chunks"
        )


def _refuse_large(path: Path, found: Sequence[tuple[str, Any]]) -> None:
    """A file of numbers that is larger than the chunk it holds unpacks to what nobody has asked for."""
    if any(np.dtype(item.dtype).kind in "OSTU" for _, item in found):
        return
    most = max((math.prod(item.shards or item.chunks) * item.dtype.itemsize for _, item in found), default=0)
    for folder, _, names in os.walk(path):
        for name in names:
            file = Path(folder, name)
            if not name.startswith((".z", "zarr.json")) and file.stat().st_size > 2 * most + OVERHEAD:
                raise UnsafeFileError(
                    f"{file} is larger than the chunk it holds, {most} bytes; do not trust this store"
                )


def _refuse_pickle(path: Path, key: str, item: Any) -> None:
    if "pickle" in json.dumps(item.metadata.to_dict(), default=repr).lower():
        raise UnsafeFileError(f"{path}, array '{key}' is pickled, and reading it would run code; store plain numbers")
