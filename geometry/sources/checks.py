"""What an array must be to count as a set of embeddings, alone and beside the other generations; and its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

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

    points = as_points(array, where)
    if not points.dtype.isnative:
        points = points.astype(points.dtype.newbyteorder("="))
    before = str(getattr(array, "dtype", points.dtype)).removeprefix("torch.")
    same = before.lstrip("<>=") in (points.dtype.name, points.dtype.str[1:])
    return points, () if same else (f"{before} read as {points.dtype}",)


def finite_rows(points: Array) -> NDArray[np.bool_]:
    """(n,) whether every coordinate of a row is finite, in blocks of rows."""
    from geometry.pairs.arrays import finite_rows as finite

    return np.concatenate([finite(points[block]) for block in row_blocks(points)])


def row_blocks(points: Array) -> Iterator[slice]:
    """Slices of rows of about BLOCK_BYTES that cover the points."""
    size = max(BLOCK_BYTES // max(points.itemsize * int(np.prod(points.shape[1:])), 1), 1)
    return (slice(start, min(start + size, len(points))) for start in range(0, len(points), size))


def require_policy(nan: str) -> None:
    """UsageError unless `nan` is one of POLICIES."""
    if nan not in POLICIES:
        raise UsageError(f"nan='{nan}' is unknown; choose one of {', '.join(POLICIES)}")


def without_bad_rows(found: EmbeddingSet, nan: str) -> EmbeddingSet:
    """The set unchanged if finite; else, `nan="drop"`, without its bad rows and their companions, counted."""
    good = finite_rows(found.points)
    bad = np.flatnonzero(~good)
    if len(bad) == 0:
        return found
    told = f"{found.source}: {len(bad)} of {len(good)} rows hold NaN or infinity, first row {bad[0]}"
    if nan == "error":
        raise InputError(f"{told}; repair them, or drop them with nan='drop' (--nan drop)")
    if len(bad) == len(good):
        raise InputError(f"{told}; no row is left to analyse")
    sides = {name: getattr(found, name) for name in ("labels", "ids", "origin")}
    kept: dict[str, Any] = {name: side if side is None else side[good] for name, side in sides.items()}
    return replace(found, points=found.points[good], dropped=found.dropped + len(bad), **kept)


def digest_of(points: Array) -> str:
    """sha256, in hex, of the shape, the dtype and the bytes of the rows in order, read in blocks."""
    total = hashlib.sha256(f"{points.shape} {points.dtype.str}".encode())
    for block in row_blocks(points):
        total.update(np.ascontiguousarray(points[block]).data)
    return total.hexdigest()


def agree(sets: list[EmbeddingSet]) -> list[EmbeddingSet]:
    """The sets in one float width, the widest of each layer, noted where it changes; InputError where d differs."""
    return [_like(found, [other for other in sets if other.layer == found.layer]) for found in sets]


def _like(found: EmbeddingSet, layer: list[EmbeddingSet]) -> EmbeddingSet:
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
    return replace(found, points=found.points.astype(widest), notes=(*found.notes, note))


def companion(values: Array, n: int, where: str) -> Array:
    """(n,) labels, ids or origins; InputError if there is not one per row."""
    flat = np.asarray(values)
    flat = flat.reshape(-1) if flat.ndim == 2 and flat.shape[1] == 1 else flat
    if flat.ndim != 1 or len(flat) != n:
        raise InputError(f"{where}: shape {np.shape(values)} for {n} rows; give one value per row")
    return np.char.decode(flat, "utf-8") if flat.dtype.kind == "S" else flat
