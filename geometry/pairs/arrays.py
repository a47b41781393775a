"""What counts as points: any real 2-D array a caller may hold, as NumPy in its own dtype, checked once.

Taken: numpy (memory-mapped too), torch on any device, cupy and whatever speaks DLPack or `__array__`, iterators of row
blocks, and an EmbeddingSet for its points. bfloat16 has no NumPy twin and becomes float32, integers and booleans become
float64; masked values become NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geometry.errors import InputError, reason_of
from geometry.types import Array, EmbeddingSet


def as_points(source: Any, name: str = "points") -> Array:
    """(n, d) floating array of `source`; InputError names the array and what is wrong with its shape or type."""
    if isinstance(source, EmbeddingSet):
        return as_points(source.points, name)
    if source is None or isinstance(source, str | bytes | PathLike):
        raise InputError(f"{name}: {source!r} is no array; read files with geometry.load, and pass its sets")
    if isinstance(source, Iterator):
        blocks = [as_points(block, name) for block in source]
        if not blocks:
            raise InputError(f"{name}: the iterator gave no block of rows")
        return np.concatenate(blocks)
    try:
        array = as_array(source)
    except (TypeError, ValueError) as error:  # lists of unequal lengths, tensors without a dense form
        raise InputError(
            f"{name}: cannot be read as an array ({reason_of(error)}); pass rows of one length (n, d)"
        ) from error
    if array.ndim != 2:
        raise InputError(f"{name}: shape {array.shape} has {array.ndim} axes, not 2; pass rows x dimensions (n, d)")
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        raise InputError(f"{name}: dtype {array.dtype} is not a real number; convert it to float32 or float64")
    if array.shape[1] == 0:
        raise InputError(f"{name}: shape {array.shape} has no dimension; pass rows x dimensions (n, d) with d >= 1")
    if array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_array(source: Any) -> Array:
    """NumPy view or copy of an array of another library."""
    if isinstance(source, np.ma.MaskedArray):  # what is masked is not there: refused or dropped with its row
        return np.ma.filled(source.astype(np.float64), np.nan) if np.ma.is_masked(source) else np.asarray(source.data)
    if isinstance(source, np.ndarray):
        return source
    if hasattr(source, "detach"):  # torch: leaves the graph and the device
        tensor = source.detach().cpu()
        return np.asarray(tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor)
    if hasattr(source, "get") and hasattr(source, "__cuda_array_interface__"):  # cupy
        return np.asarray(source.get())
    if hasattr(source, "__dlpack__") and not hasattr(source, "__array__"):
        return np.asarray(np.from_dlpack(source))
    return np.asarray(source)


def require_finite(points: Array, name: str = "points") -> Array:
    """`points` unchanged; InputError names the first row that holds a NaN or an infinity."""
    bad = np.flatnonzero(~finite_rows(points))
    if len(bad):
        raise InputError(
            f"{name}: {len(bad)} of {len(points)} rows hold NaN or infinity, first row {bad[0]}; "
            "remove them, or drop them with nan='drop' (--nan drop)"
        )
    return points


def finite_rows(points: Array) -> NDArray[np.bool_]:
    """(n,) whether every coordinate of a row is finite."""
    finite: NDArray[np.bool_] = np.all(np.isfinite(points), axis=1)
    return finite
