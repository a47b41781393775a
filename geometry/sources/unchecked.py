"""The arrays of files as they lie there, for a look at what is wrong with them: NaN and infinity stay."""

from __future__ import annotations

from collections.abc import Iterator

from geometry.sources.checks import as_embedding, require_plane
from geometry.sources.formats import contents, read, stored
from geometry.sources.keys import choose
from geometry.sources.paths import Paths, locate
from geometry.sources.within import given_bytes
from geometry.types import Array

LARGE = 64 << 20  # bytes of rows from which they stay in their file and are read block by block


def unchecked(paths: Paths, *, key: str | None = None) -> Iterator[tuple[str, Array]]:
    """(place, rows (n, d)) of every embedding array of the paths, one at a time, in the order of `geometry.load`.

    Rows that take more than LARGE bytes are a `Stored` where their file can be read in parts. Raises InputError or
    UnsafeFileError where a file cannot be read, or holds no such array.
    """
    for place in locate(paths, key):
        for info in choose(place.path, contents(place.path), place.key):
            where = f"{place.path}:{info.key}" if info.key else str(place.path)
            require_plane(info.shape, where)
            rows = stored(place.path, info.key, LARGE) if given_bytes(info) > LARGE else None
            whole = read(place.path, [info.key])[info.key] if rows is None else rows
            yield where, as_embedding(whole, where)[0]
