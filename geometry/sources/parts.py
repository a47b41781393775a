"""Several files as one set: the arrays of its parts, joined row by row in the order of the part numbers.

Which files are parts is told in `geometry.sources.part_names`. An array is that of the set where every part has it;
parts agree in dimension, and in dtype or at least in being floats, of which the widest is taken. Labels, ids, origins
and generations are joined too, and missing in some parts they are an error: rows would get another row's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geometry.errors import InputError
from geometry.sources.array_info import COMPANIONS, ArrayInfo, listing
from geometry.sources.part_names import files
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored

Held = tuple[Path, ArrayInfo]  # an array and the part that holds it


def contents(path: Path) -> list[ArrayInfo]:
    """The arrays that every part has, with the rows of all of them."""
    return [_joined(held) for held in _held(path).values()]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`, the rows of all parts."""
    from geometry.sources import formats

    infos = {key: _joined(held) for key, held in _held(path).items() if key in keys}
    large = [key for key, info in infos.items() if info.floating and len(info.shape) == 2]
    rest = [key for key in infos if key not in large]
    parts = [formats.read(file, rest) for file in files(path)] if rest else []
    found = {key: np.concatenate([part[key] for part in parts]) for key in rest}
    return found | {key: _filled(path, infos[key]) for key in large}


def _filled(path: Path, info: ArrayInfo) -> Array:
    """The rows of all parts of an array of floats, with no more than one part beside them."""
    from geometry.sources import formats

    rows = np.empty(info.shape, "float32" if info.dtype == "bfloat16" else info.dtype)
    start = 0
    for file in files(path):
        part = formats.read(file, [info.key])[info.key]
        rows[start : start + len(part)] = part
        start += len(part)
    return rows


def stored(path: Path, key: str, room: int) -> Stored | None:
    """The rows of all parts where they lie; None where one of them has to be read whole."""
    from geometry.pairs.stored import Stored
    from geometry.sources import formats

    found = [formats.stored(file, key, room) for file in files(path)]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return None
    ends = list(accumulate(len(part) for part in parts))

    def rows(start: int, stop: int) -> Array:
        spans = [(part, end - len(part)) for part, end in zip(parts, ends, strict=True)]
        each = [
            part[max(start - first, 0) : min(stop - first, len(part))]
            for part, first in spans
            if first < stop and start < first + len(part)
        ]
        return each[0] if len(each) == 1 else np.concatenate(each)

    widest = np.result_type(*(part.dtype for part in parts))
    apart = all(part.apart for part in parts)
    notes = list(dict.fromkeys(part.note for part in parts if part.note))
    told = notes[0] + (f", and {len(notes) - 1} more parts alike" if len(notes) > 1 else "") if notes else ""
    where = f"{path}:{key}" if key else str(path)
    return Stored(rows, ends[-1], parts[0].d, widest, where, apart=apart, note=told)


def notes(path: Path, key: str) -> tuple[str, ...]:
    """What had to be decided where the parts hold an array in several dtypes."""
    held = _held(path)[key]
    kinds = sorted({info.dtype for _, info in held})
    return (f"parts in {' and '.join(kinds)} read as {_joined(held).dtype}",) if len(kinds) > 1 else ()


def _held(path: Path) -> dict[str, list[Held]]:
    """Key -> that array in each part; InputError where the parts have no array in common, or some lack labels."""
    from geometry.sources import formats

    parts = [(file, {info.key: info for info in formats.contents(file)}) for file in files(path)]
    first, have = parts[0]
    every = dict.fromkeys(key for _, infos in parts for key in infos)
    shared = [key for key in every if all(key in infos for _, infos in parts)]
    for key in (key for key in every if key not in shared):
        with_it, without = ([file for file, infos in parts if (key in infos) is there] for there in (True, False))
        if any(infos[key].role in COMPANIONS for _, infos in parts if key in infos):
            raise InputError(f"{with_it[0]} has '{key}', {without[0]} has not; give them to all parts, or to none")
    if not shared:
        other, its = next((file, infos) for file, infos in parts if not infos.keys() & have.keys())
        raise InputError(
            f"{first} and {other} are no parts of one set: {listing(list(have.values()))} in one, "
            f"{listing(list(its.values()))} in the other; name one file, or the index of a checkpoint"
        )
    return {key: [(file, infos[key]) for file, infos in parts] for key in shared}


def _joined(held: list[Held]) -> ArrayInfo:
    """The array of all parts; InputError that names the two that do not go together."""
    start, first = held[0]
    for file, info in held[1:]:
        if not first.shape or not info.shape or info.shape[1:] != first.shape[1:]:
            raise InputError(
                f"parts of one set differ in shape: '{first.key}' is {first.shape} in {start} and {info.shape} in "
                f"{file}; parts have the same columns"
            )
        alike = first.dtype == info.dtype or first.floating == info.floating
        if not alike or first.text != info.text:
            raise InputError(
                f"parts of one set differ in type: '{first.key}' is {first.dtype} in {start} and {info.dtype} in "
                f"{file}; write all parts in one"
            )
    infos = [info for _, info in held]
    n, size = sum(info.shape[0] for info in infos), sum(info.bytes for info in infos)
    return replace(first, shape=(n, *first.shape[1:]), dtype=_dtype(infos), bytes=size)


def _dtype(infos: Sequence[ArrayInfo]) -> str:
    kinds = sorted({info.dtype for info in infos})
    if len(kinds) == 1 or infos[0].text:
        return kinds[-1]
    return np.result_type(*("float32" if kind == "bfloat16" else kind for kind in kinds)).name
