"""Where embedding sets come from: files of generations, arrays in memory; what is in them and how clean it is."""

from __future__ import annotations

import os

from geometry.sources.array_info import ArrayInfo
from geometry.sources.files import load
from geometry.sources.formats import contents
from geometry.sources.hygiene import Hygiene, hygiene
from geometry.sources.in_memory import from_arrays
from geometry.sources.keys import named
from geometry.sources.paths import Place, locate

__all__ = ["ArrayInfo", "Hygiene", "Place", "from_arrays", "hygiene", "inspect", "load", "locate"]


def inspect(path: str | os.PathLike[str]) -> list[ArrayInfo]:
    """What is inside a file, or the files that a folder or pattern means, from headers alone; `PATH:KEY` gives one.

    Raises InputError or UnsafeFileError where the file cannot be read or trusted.
    """
    found = []
    for place in locate(path):
        infos = contents(place.path)
        found += [named(place.path, infos, place.key)] if place.key else infos
    return found
