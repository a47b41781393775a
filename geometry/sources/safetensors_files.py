"""`.safetensors`: an eight-byte length, a JSON header, and flat little-endian data that is mapped and not read.

The header is believed only after it has been checked against the file: its own length, every dtype and shape, and that
the extents of the tensors fit their shapes, do not overlap and end inside the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.array_info import ArrayInfo, describe
from geometry.sources.extents import BITS16, Extent, Extents, from_bits
from geometry.types import Array

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
LONGEST_HEADER = 25_000_000  # bytes; the format's own limit, four times that, takes a GB to parse
MOST_TENSORS = 100_000


def contents(path: Path) -> list[ArrayInfo]:
    """Every tensor of the file, from its header."""
    tensors, _ = _header(path)
    return [describe(key, t["shape"], _dtype(t), _itemsize(t)) for key, t in tensors.items()]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The tensors named by `keys`, mapped; bfloat16 becomes float32."""
    tensors, start = _header(path)
    return {key: _tensor(path, key, tensors[key], start) for key in keys if key in tensors}


def reader(path: Path) -> Callable[[str], Array]:
    """The tensors by key, one at a time."""
    tensors, start = _header(path)
    return lambda key: _tensor(path, key, tensors[key], start)


def extents(path: Path, key: str) -> Extents:
    """Where the rows of a tensor of two axes or more lie, the axes after the first as one."""
    tensors, start = _header(path)
    tensor = tensors[key]
    n, *rest = tensor["shape"]
    run = start + tensor["data_offsets"][0], _stored_dtype(path, key, tensor)
    return Extents(path, math.prod(rest), [Extent(n, (run,))], bfloat=_dtype(tensor) == "bfloat16")


def _header(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """The tensors by name, and the offset at which their data begin."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise InputError(
                f"{path} is truncated or no safetensors file: its header would take {length} bytes, the file has "
                f"{size}; write or copy it again"
            )
        if length > LONGEST_HEADER:
            raise UnsafeFileError(
                f"{path}: a header of {length} bytes, more than {LONGEST_HEADER}; do not trust this file"
            )
        text = stream.read(length)
    if text.count(b'"data_offsets"') > MOST_TENSORS:
        raise UnsafeFileError(
            f"{path}: more than {MOST_TENSORS} tensors; do not trust this file, or cut it into shards"
        )
    header = json.loads(text, object_pairs_hook=lambda pairs: _object(path, pairs))
    tensors = {key: tensor for key, tensor in header.items() if key != "__metadata__"}
    _check_extents(path, tensors, size - 8 - length)
    return tensors, 8 + length


def _object(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """One object of the header; UnsafeFileError where a name stands twice, for readers differ in which they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UnsafeFileError(f"{path}: its header has '{twice}' twice; do not trust this file, or save it anew")
    return found


def _check_extents(path: Path, tensors: dict[str, dict[str, Any]], available: int) -> None:
    last = 0
    for key, tensor in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = tensor["data_offsets"]
        if end > available:
            raise InputError(
                f"{path} is truncated: tensor '{key}' ends at byte {end} of its data, the file holds {available}; "
                "write or copy it again"
            )
        fits = end - begin == math.prod(tensor["shape"]) * _itemsize(tensor) and min(tensor["shape"], default=0) >= 0
        if begin < last or (not fits and _dtype(tensor) in DTYPES.values()):
            raise UnsafeFileError(
                f"{path}: tensor '{key}' of shape {tensor['shape']} {tensor['dtype']} claims bytes {begin} to {end}, "
                "which do not fit it; do not trust this file, and get it again from its source"
            )
        last = end


def _dtype(tensor: dict[str, Any]) -> str:
    return DTYPES.get(tensor["dtype"], str(tensor["dtype"]))


def _itemsize(tensor: dict[str, Any]) -> int:
    name = _dtype(tensor)
    if name.startswith("float8"):
        return 1
    return np.dtype(BITS16 if name == "bfloat16" else name).itemsize if name in DTYPES.values() else 0


def _stored_dtype(path: Path, key: str, tensor: dict[str, Any]) -> np.dtype[Any]:
    """Of the values on disk; InputError where NumPy has none."""
    name = _dtype(tensor)
    if name.startswith("float8") or name not in DTYPES.values():
        raise InputError(f"{path}, array '{key}': dtype {name} cannot be analysed; convert it to float16 or float32")
    return np.dtype(BITS16 if name == "bfloat16" else name).newbyteorder("<")


def _tensor(path: Path, key: str, tensor: dict[str, Any], start: int) -> Array:
    name, shape = _dtype(tensor), tuple(tensor["shape"])
    stored = _stored_dtype(path, key, tensor)
    if math.prod(shape) == 0:
        return np.empty(shape, np.float32 if name == "bfloat16" else stored)
    mapped = np.asarray(np.memmap(path, stored, mode="c", offset=start + tensor["data_offsets"][0], shape=shape))
    if name == "bfloat16":
        return from_bits(mapped)
    return mapped if mapped.flags.aligned else mapped.copy()
