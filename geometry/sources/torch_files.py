"""`.pt`, `.pth`, `.bin`, `.ckpt`: torch checkpoints, tensors only (`weights_only=True`, no way around), mapped.

Nested dictionaries and lists are addressed by dotted keys (`model.encoder.weight`). A list of plain numbers or strings
counts as an array, so that labels may lie beside the tensors. Scalars and text are passed over. Rows of a tensor can be
read at their offset where the file is of torch's zip format; torch tells the offsets of tensors that it only describes.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.archives import refuse_bombs
from geometry.sources.array_info import ArrayInfo, describe
from geometry.sources.extents import BITS16, Extent, Extents, in_columns
from geometry.types import Array

KINDS = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8")
PARTS = 50_000  # tensors, lists and dictionaries of a checkpoint


def contents(path: Path) -> list[ArrayInfo]:
    """Every tensor of the checkpoint; the data stay on disk where the file is of torch's zip format."""
    return [_info(key, leaf) for key, leaf in _leaves(path)]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`; bfloat16 becomes float32."""
    return {key: _array(path, key, leaf) for key, leaf in _leaves(path) if key in keys}


def reader(path: Path) -> Callable[[str], Array]:
    """The arrays by key, one at a time; the file is mapped until the last use, an older one in memory."""
    leaves = dict(_leaves(path))
    return lambda key: _array(path, key, leaves[key])


def extents(path: Path, key: str) -> Extents | None:
    """Where the rows of a tensor lie; None where the format is an older one, and for columns of another."""
    if not zipfile.is_zipfile(path) or not _as_they_are(path):
        return None
    leaf = next(leaf for name, leaf in _leaves(path, described=True) if name == key)
    kind = str(getattr(leaf, "dtype", "")).removeprefix("torch.")
    start = leaf.untyped_storage()._checkpoint_offset if kind in KINDS else None
    if start is None or leaf.dim() != 2:
        return None
    (n, d), stored = leaf.shape, np.dtype(BITS16 if kind == "bfloat16" else kind).newbyteorder("<")
    start += leaf.storage_offset() * stored.itemsize
    if start + n * d * stored.itemsize > path.stat().st_size:
        raise InputError(_unreadable(path))
    if leaf.is_contiguous():
        return Extents(path, d, [Extent(n, ((start, stored),))], bfloat=kind == "bfloat16")
    return Extents(path, d, [in_columns(start, n, d, stored)], kind == "bfloat16") if leaf.T.is_contiguous() else None


def _as_they_are(path: Path) -> bool:
    """Whether no member of the archive is compressed, and it says nothing of another byte order."""
    refuse_bombs(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        orders = [archive.read(one) for one in members if one.filename.endswith("/byteorder") and one.file_size < 9]
    return all(one.compress_type == zipfile.ZIP_STORED for one in members) and all(one == b"little" for one in orders)


def _load(path: Path, described: bool = False) -> Any:
    """What is in the file, mapped; described: tensors without their values, which know their offset."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    mapped = True if zipfile.is_zipfile(path) and not described else None
    if mapped or described:
        refuse_bombs(path)
    try:
        with warnings.catch_warnings(), FakeTensorMode() if described else nullcontext():
            warnings.simplefilter("ignore")  # remarks on old pickle protocols; what cannot be read raises
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if asked or "Unsupported" in str(error):
            what = f"asks for {asked[1]}" if asked else "holds more than tensors, or is no checkpoint"
            raise UnsafeFileError(
                f"{path} would run code when read (it {what}); save plain tensors: "
                "torch.save({'embeddings': tensor}, path), or a .safetensors file"
            ) from error
        raise InputError(_unreadable(path)) from error
    except (RuntimeError, EOFError, KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        raise InputError(_unreadable(path)) from error


def _unreadable(path: Path) -> str:
    return f"{path} is truncated or no torch checkpoint; write or copy it again, or check the suffix"


def _leaves(path: Path, described: bool = False) -> list[tuple[str, Any]]:
    """(dotted key, tensor or list of plain values) in the order of the file; UnsafeFileError past PARTS of them."""
    parts = list(islice(_parts(_load(path, described)), PARTS + 1))
    if len(parts) > PARTS:
        raise UnsafeFileError(
            f"{path} holds more than {PARTS} parts, one in another; do not trust this file, or save its tensors flat"
        )
    return [(key, part) for key, part in parts if not isinstance(part, dict | list | tuple) or _plain_list(part)]


def _parts(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, part) of everything that lies within a value, itself included, scalars and text left out."""
    import torch

    if isinstance(value, torch.Tensor | dict | list | tuple):
        yield prefix, value
    if isinstance(value, dict | list | tuple) and not _plain_list(value):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            yield from _parts(part, f"{prefix}.{key}" if prefix else str(key))


def _plain_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(v, int | float | str) for v in value)


def _info(key: str, leaf: Any) -> ArrayInfo:
    if isinstance(leaf, list | tuple):
        values = np.asarray(leaf)
        return describe(key, values.shape, values.dtype.name, values.dtype.itemsize)
    laid = "" if str(leaf.layout) == "torch.strided" else f"{str(leaf.layout).removeprefix('torch.')} "
    return describe(key, leaf.shape, laid + str(leaf.dtype).removeprefix("torch."), leaf.element_size())


def _array(path: Path, key: str, leaf: Any) -> Array:
    import torch

    if isinstance(leaf, list | tuple):
        return np.asarray(leaf)
    if leaf.layout != torch.strided or leaf.is_quantized or str(leaf.dtype).startswith("torch.float8"):
        raise InputError(f"{path}, array '{key}': a {leaf.layout} {leaf.dtype} tensor; save it dense, as float32")
    leaf = leaf.detach()
    dense: Array = (leaf.float() if leaf.dtype == torch.bfloat16 else leaf).resolve_conj().numpy()
    return dense
