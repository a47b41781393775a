"""`.pt`, `.pth`, `.bin`, `.ckpt`: torch checkpoints, tensors only (`weights_only=True`, no way around), mapped.

Nested dictionaries and lists are addressed by dotted keys (`model.encoder.weight`). A list of plain numbers or strings
counts as an array, so that labels may lie beside the tensors. Scalars and text are passed over.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.archives import refuse_bombs
from geometry.sources.array_info import ArrayInfo, describe
from geometry.types import Array

PARTS = 50_000  # tensors, lists and dictionaries of a checkpoint


def contents(path: Path) -> list[ArrayInfo]:
    """Every tensor of the checkpoint; the data stay on disk where the file is of torch's zip format."""
    return [_info(key, leaf) for key, leaf in _leaves(path)]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`; bfloat16 becomes float32."""
    return {key: _array(path, key, leaf) for key, leaf in _leaves(path) if key in keys}


def _load(path: Path) -> Any:
    import torch

    mapped = True if zipfile.is_zipfile(path) else None
    if mapped:
        refuse_bombs(path)
    try:
        with warnings.catch_warnings():
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


def _leaves(path: Path) -> list[tuple[str, Any]]:
    """(dotted key, tensor or list of plain values) in the order of the file; UnsafeFileError past PARTS of them."""
    parts = list(islice(_parts(_load(path)), PARTS + 1))
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
    return describe(key, leaf.shape, str(leaf.dtype).removeprefix("torch."), leaf.element_size())


def _array(path: Path, key: str, leaf: Any) -> Array:
    import torch

    if isinstance(leaf, list | tuple):
        return np.asarray(leaf)
    if leaf.layout != torch.strided or leaf.is_quantized or str(leaf.dtype).startswith("torch.float8"):
        raise InputError(f"{path}, array '{key}': a {leaf.layout} {leaf.dtype} tensor; save it dense, as float32")
    leaf = leaf.detach()
    dense: Array = (leaf.float() if leaf.dtype == torch.bfloat16 else leaf).resolve_conj().numpy()
    return dense
