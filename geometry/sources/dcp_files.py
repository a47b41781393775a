"""Distributed checkpoints of torch (DCP): a folder with `.metadata` and `*.distcp` shards; tensors put together again.

`.metadata` is a pickle. It is read by an unpickler that knows the dozen plain classes such a file holds and refuses any
other name, so nothing in it is run. A tensor lies in chunks, each the bytes of one torch file (weights only) at an
offset in a shard. Left out: compressed chunks, values that are no tensors.
"""

from __future__ import annotations

import importlib
import io
import math
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar, cast

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.archives import refuse_bombs
from geometry.sources.array_info import ArrayInfo, describe
from geometry.types import Array

METADATA = ".metadata"
LONGEST_METADATA = 25_000_000  # bytes, of a hundred thousand chunks
OF_METADATA = "torch.distributed.checkpoint.metadata"
ALLOWED = {
    OF_METADATA: (
        "Metadata", "TensorStorageMetadata", "BytesStorageMetadata", "TensorProperties", "ChunkStorageMetadata",
        "MetadataIndex", "StorageMeta", "_MEM_FORMAT_ENCODING",
    ),
    "torch.distributed.checkpoint.filesystem": ("_StorageInfo",),
    "torch.serialization": ("_get_layout",),
    "collections": ("OrderedDict",),
}  # fmt: skip
PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")


def is_dcp(path: Path) -> bool:
    """Whether the path is the folder of a distributed checkpoint."""
    return path.is_dir() and (path / METADATA).is_file()


def contents(folder: Path) -> list[ArrayInfo]:
    """Every tensor, from the metadata alone."""
    return [
        describe(key, one.size, str(one.properties.dtype).removeprefix("torch."), one.properties.dtype.itemsize)
        for key, one in _tensors(_metadata(folder)).items()
    ]


def read(folder: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The tensors named by `keys`, each put together from its chunks; bfloat16 becomes float32."""
    held, one = _opened(folder)
    return {key: one(key) for key in keys if key in held}


def reader(folder: Path) -> Callable[[str], Array]:
    """The tensors by key, one at a time."""
    return _opened(folder)[1]


def _opened(folder: Path) -> tuple[dict[str, Any], Callable[[str], Array]]:
    """The tensors by key, as the metadata describe them, and what reads one."""
    metadata = _metadata(folder)
    tensors = _tensors(metadata)
    places: dict[str, dict[Any, Any]] = {}
    for index, info in metadata.storage_data.items():
        places.setdefault(str(index.fqn), {})[index] = info
    return tensors, lambda key: _assembled(folder, key, tensors[key], places.get(key, {}))


class _Unpickler(pickle._Unpickler):
    """Builds the classes of ALLOWED, dtypes, sizes and paths, and refuses every other name.

    The unpickler in Python: that in C takes room for as many memos as a file of a few bytes says it has, gigabytes. A
    bytearray, which no metadata hold, takes the room that it claims in both.
    """

    dispatch: ClassVar = {
        code: load for code, load in pickle._Unpickler.dispatch.items() if code != pickle.BYTEARRAY8[0]
    }

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > LONGEST_METADATA:
            raise UnsafeFileError(f"{path} has more than {LONGEST_METADATA} bytes; do not trust this checkpoint")
        super().__init__(io.BytesIO(path.read_bytes()))
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        import torch

        if module.split(".")[0] == "pathlib" and name in PATHS:
            return PurePath  # a name of where it was written; no path of this system is touched
        if module == "torch" and (name == "Size" or isinstance(getattr(torch, name, None), torch.dtype)):
            return getattr(torch, name)
        if name in ALLOWED.get(module, ()):
            return getattr(importlib.import_module(module), name)
        raise UnsafeFileError(
            f"{self.path} would run code when read (it asks for {module}.{name}); do not trust this checkpoint, and "
            "write it again with torch.distributed.checkpoint.save"
        )


def _metadata(folder: Path) -> Any:
    path = folder / METADATA
    found = _Unpickler(path).load()
    if not hasattr(found, "state_dict_metadata") or not hasattr(found, "storage_data"):
        raise InputError(f"{path} is no metadata of a distributed checkpoint; write the checkpoint again")
    return found


def _tensors(metadata: Any) -> dict[str, Any]:
    return {str(key): one for key, one in metadata.state_dict_metadata.items() if hasattr(one, "chunks")}


def _assembled(folder: Path, key: str, tensor: Any, places: Any) -> Array:
    by_offset = {tuple(index.offset): info for index, info in places.items() if index.offset}
    alone = list(places.values())
    size = tuple(tensor.size)
    if sum(math.prod(chunk.sizes) for chunk in tensor.chunks) != math.prod(size) or not tensor.chunks:
        raise InputError(f"{folder}: the chunks of tensor '{key}' do not fill it; copy all shards")
    whole: Array | None = None
    filled = np.zeros(size, np.bool_)
    for chunk in tensor.chunks:
        info = by_offset.get(tuple(chunk.offsets)) or (alone[0] if len(alone) == 1 else None)
        if info is None:
            raise InputError(f"{folder}: a chunk of tensor '{key}' has no place in a shard; write the checkpoint again")
        part = _chunk(folder, key, info)
        if part.shape != tuple(chunk.sizes):
            raise InputError(
                f"{folder}, tensor '{key}': a chunk of {tuple(chunk.sizes)} holds {part.shape}; copy again"
            )
        whole = np.zeros(size, part.dtype) if whole is None else whole
        place = tuple(slice(start, start + side) for start, side in zip(chunk.offsets, chunk.sizes, strict=True))
        if filled[place].shape != part.shape or filled[place].any():
            raise UnsafeFileError(f"{folder}: chunks of tensor '{key}' overlap or lie outside it; do not trust it")
        whole[place], filled[place] = part, True
    return cast(Array, whole)


def _chunk(folder: Path, key: str, info: Any) -> Array:
    import torch

    name = str(info.relative_path)
    shard = folder / name
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise UnsafeFileError(f"{folder} points to '{name}', outside its own folder; do not trust this checkpoint")
    if not shard.is_file():
        raise InputError(f"{folder} needs the shard {name} for tensor '{key}', which is not there; copy all shards")
    if getattr(info, "transform_descriptors", None):
        raise InputError(f"{folder}, tensor '{key}': its chunks are compressed; save the checkpoint without extensions")
    end = info.offset + info.length
    if min(info.offset, info.length) < 0 or end > shard.stat().st_size:
        raise InputError(f"{shard} is truncated: tensor '{key}' ends at byte {end}; copy it again")
    with shard.open("rb") as file:
        file.seek(info.offset)
        raw = file.read(info.length)
    refuse_bombs(io.BytesIO(raw), str(shard))
    tensor = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    dense: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().numpy()
    return dense
