"""The arrays of files as they lie there with their ids, for a look at what is wrong: NaN and infinity stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geometry.sources.array_info import ArrayInfo
from geometry.sources.beside import companion_files
from geometry.sources.checks import as_embedding, companion, require_plane
from geometry.sources.formats import contents, read, stored
from geometry.sources.keys import choose, companions
from geometry.sources.paths import Paths, Place, locate
from geometry.sources.within import given_bytes
from geometry.types import Array

LARGE = 64 << 20  # bytes of rows from which they stay in their file and are read block by block


@dataclass(frozen=True)
class Unchecked:
    """The rows (n, d) of an embedding array, and (n,) numbers that are equal where ids of one generation are."""

    where: str
    rows: Array
    ids: Array | None = None


def unchecked(paths: Paths, *, key: str | None = None) -> Iterator[Unchecked]:
    """Every embedding array of the paths, one at a time, in the order of `geometry.load`.

    Rows that take more than LARGE bytes are a `Stored` where their file can be read in parts. Raises InputError or
    UnsafeFileError where a file cannot be read, or holds no such array.
    """
    for place in locate(paths, key):
        infos = contents(place.path)
        chosen = choose(place.path, infos, place.key)
        for info in chosen:
            where = f"{place.path}:{info.key}" if info.key else str(place.path)
            require_plane(info.shape, where)
            rows = stored(place.path, info.key, LARGE) if given_bytes(info) > LARGE else None
            whole = read(place.path, [info.key])[info.key] if rows is None else rows
            ids = _ids(place, infos, info, where, alone=len(chosen) == 1)
            yield Unchecked(where, as_embedding(whole, where)[0], ids)


def _ids(place: Place, infos: Sequence[ArrayInfo], info: ArrayInfo, where: str, *, alone: bool) -> Array | None:
    """Numbers of the pairs (id, generation) where there are ids, in the file or beside it."""
    inner = companions(infos, info, explicit=place.key is not None)
    beside = companion_files(place.path) if alone else {}
    sides = []
    for role in ("ids", "generation"):
        if role in inner:
            values = read(place.path, [inner[role]])[inner[role]]
        elif role in beside:
            values = read(beside[role], [""])[""]
        else:
            continue
        sides.append(np.unique(companion(values, info.shape[0], f"{where}, '{role}'"), return_inverse=True)[1])
    if "ids" not in {**inner, **beside}:
        return None
    pairs: Array = np.unique(np.column_stack(sides), axis=0, return_inverse=True)[1].ravel()
    return pairs
