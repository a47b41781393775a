"""What an array must be to count as a set of embeddings, alone and beside the other generations; and its digest.

Rows that stay in their files (`geometry.pairs.stored`) pass through as they are, and are looked at in blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from geometry.errors import InputError, UsageError
from geometry.types import Array, EmbeddingSet

POLICIES = ("error", "drop")  # what to do with rows that hold NaN or infinity
BLOCK_BYTES = 16 << 20  # of rows looked at together


def require_plane(shape: tuple[int, ...], where: str) -> None:
    """InputError unless the shape is (n, d) with both positive."""
    if len(shape) != 2:
        hint = "reshape a single row to (1, d)" if len(shape) < 2 else f"reshape it, for one to ({shape[0]}, -1)"
        raise InputError(
            f"{where}: shape {shape} has {len(shape)} axes, not 2; pass rows x dimensions (n, d): {hint}, "
            "or choose one slice"
        )
    if 0 in shape:
        raise InputError(f"{where}: shape {shape} is an empty set; leave it out, or write its rows")


def as_embedding(array: Any, where: str) -> tuple[Array, tuple[str, ...]]:
    """The array as native floating points, and a note if that took a conversion."""
    from geometry.pairs.arrays import as_points
    from geometry.pairs.stored import Stored

    if isinstance(array, Stored):
        return cast(Array, array), ()
    points = as_points(array, where)
    if not points.dtype.isnative:
        points = points.astype(points.dtype.newbyteorder("="))
    before = str(getattr(array, "dtype", points.dtype)).removeprefix("torch.")
    same = before.lstrip("<>=") in (points.dtype.name, points.dtype.str[1:])
    return points, () if same else (f"{before} read as {points.dtype}",)


def as_rows(points: Any) -> Array:
    """Points (n, d) as they are read in blocks: those in files as they are, anything else as NumPy."""
    return as_embedding(points, "points")[0]


def is_stored(points: Any) -> bool:
    """Whether the rows stay in files."""
    from geometry.pairs.stored import Stored

    return isinstance(points, Stored)


def looked_at(points: Array) -> tuple[NDArray[np.bool_], str]:
    """(n,) whether every coordinate of a row is finite, and the digest of all rows, in one pass over blocks of rows."""
    from geometry.pairs.arrays import finite_rows

    total, good = _head(points), []
    for block in row_blocks(points):
        rows = points[block]
        good.append(finite_rows(rows))
        total.update(np.ascontiguousarray(rows).data)
    return np.concatenate(good), total.hexdigest()


def kept(points: Array, good: NDArray[np.bool_]) -> Array:
    """The rows of a mask (n,), in files where the points are."""
    if is_stored(points):
        return cast(Array, cast(Any, points).only(np.flatnonzero(good)))
    return points[good]


def row_blocks(points: Array) -> Iterator[slice]:
    """Slices of rows of about BLOCK_BYTES that cover the points."""
    size = max(BLOCK_BYTES // max(points.dtype.itemsize * int(np.prod(points.shape[1:])), 1), 1)
    return (slice(start, min(start + size, len(points))) for start in range(0, len(points), size))


def require_policy(nan: str) -> None:
    """UsageError unless `nan` is one of POLICIES."""
    if nan not in POLICIES:
        raise UsageError(f"nan='{nan}' is unknown; choose one of {', '.join(POLICIES)}")


def without_bad_rows(found: EmbeddingSet, nan: str) -> EmbeddingSet:
    """The set with its digest if finite; else, `nan="drop"`, without its bad rows and their companions, counted."""
    good, digest = looked_at(found.points)
    bad = np.flatnonzero(~good)
    if len(bad) == 0:
        return replace(found, digest=digest)
    told = f"{found.source}: {len(bad)} of {len(good)} rows hold NaN or infinity, first row {bad[0]}"
    if nan == "error":
        raise InputError(f"{told}; repair them, or drop them with nan='drop' (--nan drop)")
    if len(bad) == len(good):
        raise InputError(f"{told}; no row is left to analyse")
    sides = {name: getattr(found, name) for name in ("labels", "ids", "origin")}
    left: dict[str, Any] = {name: side if side is None else side[good] for name, side in sides.items()}
    points = kept(found.points, good)
    return replace(found, points=points, digest=digest_of(points), dropped=found.dropped + len(bad), **left)


def digest_of(points: Array) -> str:
    """sha256, in hex, of the shape, the dtype and the bytes of the rows in order, read in blocks."""
    total = _head(points)
    for block in row_blocks(points):
        total.update(np.ascontiguousarray(points[block]).data)
    return str(total.hexdigest())


def _head(points: Array) -> Any:
    return hashlib.sha256(f"{points.shape} {points.dtype.str}".encode())


def agree(sets: list[EmbeddingSet], stream: int | None = None) -> list[EmbeddingSet]:
    """The sets in one float width, the widest of each layer, noted where it changes; InputError where d differs.

    What would take more than `stream` bytes in that width is widened block by block as it is read.
    """
    return [_like(found, [other for other in sets if other.layer == found.layer], stream) for found in sets]


def _like(found: EmbeddingSet, layer: list[EmbeddingSet], stream: int | None) -> EmbeddingSet:
    first = layer[0]
    if found.points.shape[1] != first.points.shape[1]:
        raise InputError(
            f"generations differ in dimension: {first.source} has {first.points.shape[1]}, {found.source} has "
            f"{found.points.shape[1]}; embed all generations with one encoder, or name the right array with :KEY"
        )
    widest = np.result_type(*(other.points.dtype for other in layer))
    if found.points.dtype == widest:
        return found
    note = f"{found.points.dtype} widened to {widest}, the widest among the generations"
    points = _widened(found, widest, stream)
    return replace(found, points=points, digest=digest_of(points), notes=(*found.notes, note))


def _widened(found: EmbeddingSet, widest: np.dtype[Any], stream: int | None) -> Array:
    from geometry.pairs.stored import stored_array

    points: Any = found.points
    large = stream is not None and len(points) * points.shape[1] * widest.itemsize > stream
    if not is_stored(points) and not large:
        return cast(Array, points.astype(widest))
    return cast(Array, replace(points if is_stored(points) else stored_array(points, found.source), dtype=widest))


def companion(values: Array, n: int, where: str) -> Array:
    """(n,) labels, ids or origins; InputError if there is not one per row."""
    flat = np.asarray(values)
    flat = flat.reshape(-1) if flat.ndim == 2 and flat.shape[1] == 1 else flat
    if flat.ndim != 1 or len(flat) != n:
        raise InputError(f"{where}: shape {np.shape(values)} for {n} rows; give one value per row")
    try:
        return np.char.decode(flat, "utf-8") if flat.dtype.kind == "S" else flat
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: text that is not UTF-8 ({error}); write it in UTF-8, or as numbers") from error
