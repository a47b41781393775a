"""Embedding sets from arrays that are already in memory: a list, a dictionary by name, a stack, or ready sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.sources.checks import (
    agree,
    as_embedding,
    companion,
    require_plane,
    require_policy,
    without_bad_rows,
)
from geometry.types import EmbeddingSet


def from_arrays(arrays: Any, *, nan: str = "error") -> list[EmbeddingSet]:
    """Embedding sets of arrays, in order, checked like those of files.

    arrays: a list of arrays (n, d) and EmbeddingSets; a dictionary of them by name, or by generation where every key is
    an integer; one array or set alone; an array (generations, n, d). Arrays of any library, and iterators of blocks of
    rows; rows in files (`geometry.pairs.stored.Stored`) stay there; a lineage of `geometry.loops`, as its samples view.
    Ready sets keep their generation where each has one of its own. Raises InputError as `load` does.
    """
    require_policy(nan)
    seen = getattr(arrays, "samples_view", None)  # of a lineage what each generation drew
    named = _named(arrays if seen is None else seen())
    if not named:
        raise InputError("no array was given; pass one (n, d) array per generation")
    numbers = _numbers(named)
    sets = [_set(name, array, number, nan) for (name, array), number in zip(named, numbers, strict=True)]
    order = sorted(range(len(sets)), key=lambda i: numbers[i])
    return agree([sets[i] for i in order])


def _named(arrays: Any) -> list[tuple[Any, Any]]:
    """(name, array) pairs; a bare list is named by position."""
    if isinstance(arrays, Mapping):
        return list(arrays.items())
    axes = getattr(arrays, "ndim", None)
    if isinstance(arrays, EmbeddingSet | Iterator) or (axes is not None and axes != 3):
        return [("", arrays)]
    try:
        return [("", array) for array in arrays]
    except TypeError:
        raise InputError(
            f"{type(arrays).__name__} is neither a path nor an array; pass paths, or one (n, d) array per generation"
        ) from None


def _numbers(named: Sequence[tuple[Any, Any]]) -> list[int]:
    """The generation of each: its integer name, or that of the ready sets where all differ, or its position."""
    names = [name for name, _ in named]
    if all(isinstance(name, int | np.integer) for name in names):
        return [int(name) for name in names]
    ready = [(array.generation, array.layer) for _, array in named if isinstance(array, EmbeddingSet)]
    if len(ready) == len(named) and len(set(ready)) == len(ready):
        return [number for number, _ in ready]
    return list(range(len(named)))


def _set(name: Any, array: Any, number: int, nan: str) -> EmbeddingSet:
    given = array if isinstance(array, EmbeddingSet) else EmbeddingSet(array)
    label = given.name or (str(name) if isinstance(name, str) and name else f"gen_{number}")
    where = given.source or f"array '{label}'"
    raw = given.points
    shape = getattr(raw, "shape", None)
    if shape is not None:
        require_plane(tuple(shape), where)
    points, notes = as_embedding(raw, where)
    require_plane(points.shape, where)
    sides = {side: getattr(given, side) for side in ("labels", "ids", "origin")}
    checked: dict[str, Any] = {
        side: companion(np.asarray(values), len(points), f"{where}, '{side}'")
        for side, values in sides.items()
        if values is not None
    }
    found = replace(given, points=points, generation=number, name=label, source=where, **checked)
    return without_bad_rows(replace(found, notes=(*given.notes, *notes)), nan)
