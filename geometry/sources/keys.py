"""Which array of a file is meant, and which arrays beside it belong to it.

Without a key: the only two-dimensional floating array (failing that, the only integer one); or, where the candidates
are numbered alike (`gen_0`, `gen_1`; `g0`; `generation-3`; `epoch_10`; NumPy's `arr_0`; plain numbers), all of them as
generations in natural order. Anything else is ambiguous and an error.

Companions (labels, ids, origin, generation) of the array K: `labels_K` first; a bare `labels` belongs to the only
candidate of the file, or to an array named by a key if it has as many entries as that array has rows. Several
generations in one file have companions only by their full names: a bare one could be anybody's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from geometry.errors import InputError, UnsafeFileError
from geometry.sources.array_info import COMPANIONS, ArrayInfo, companion_role, listing
from geometry.sources.natural import natural
from geometry.sources.patterns import as_regex

NUMBERED = re.compile(
    r"(?:g|gen|generation|t|step|epoch|iter|iteration|ckpt|checkpoint|arr)?[ _.-]?(\d+)$", re.IGNORECASE
)


def choose(path: Path, infos: Sequence[ArrayInfo], key: str | None) -> list[ArrayInfo]:
    """The arrays to read, in order of generation; InputError names what there is where the choice is not clear."""
    if key is not None:
        return [named(path, infos, key)]
    arrays = [info for info in infos if info.role in ("embedding", "other") and info.shape and not info.text]
    if len(arrays) > 1 and all(NUMBERED.match(info.key) for info in arrays):
        return sorted(arrays, key=lambda info: natural(info.key))
    found = candidates(infos)
    if len(found) == 1:
        return found
    if len(found) > 1:
        raise InputError(f"{path} holds several arrays: {listing(found)}; name one, as {path}:{found[0].key} or key=")
    if len(arrays) == 1:
        return arrays
    if infos and all(info.dtype == "object" for info in infos):
        raise UnsafeFileError(f"{path} holds Python objects, and reading them would run code; save numbers instead")
    held = f"it holds {listing(infos)}" if infos else "it is empty"
    raise InputError(f"{path} holds no two-dimensional array of numbers; {held}; write rows x dimensions (n, d)")


def candidates(infos: Sequence[ArrayInfo]) -> list[ArrayInfo]:
    """The two-dimensional floating arrays, or where there is none the integer ones."""
    planes = [info for info in infos if info.role == "embedding"]
    return [info for info in planes if info.floating] or planes


def named(path: Path, infos: Sequence[ArrayInfo], key: str) -> ArrayInfo:
    """The array called `key`; InputError lists what there is and suggests a close one."""
    by_key = {info.key: info for info in infos}
    if key in by_key:
        return by_key[key]
    if list(by_key) == [""]:
        raise InputError(f"{path} holds one array without a name, {infos[0].shape} {infos[0].dtype}; leave '{key}' out")
    close = difflib.get_close_matches(key, by_key, 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    raise InputError(f"{path} has no array '{key}'; there are {listing(infos)}{hint}")


def companions(infos: Sequence[ArrayInfo], array: ArrayInfo, *, explicit: bool) -> dict[str, str]:
    """role -> key of the arrays that belong to `array`; the rule is in the module docstring."""
    alone = len(candidates(infos)) <= 1
    found = {}
    for role, names in COMPANIONS.items():
        for info in infos:
            if info.role != role:
                continue
            full = [_beside(array.key, f"{name}_{_leaf(array.key)}") for name in names]
            bare = [_beside(array.key, name) for name in names] + list(names)
            fits = alone or (explicit and info.shape[0] == array.shape[0])
            if info.key.lower() in full or (role not in found and info.key.lower() in bare and fits):
                found[role] = info.key
    return found


def orphans(infos: Sequence[ArrayInfo], used: set[str]) -> list[str]:
    """Bare companion arrays that went with no array that was read."""
    return [info.key for info in infos if info.key not in used and info.role == companion_role(_leaf(info.key)) != ""]


def spelled(infos: Sequence[ArrayInfo], key: str) -> list[tuple[int, str]]:
    """(generation, key) of the arrays whose names match a key with `{generation}`, in order."""
    shape = re.compile(as_regex(key))
    hits = [(shape.fullmatch(info.key), info.key) for info in infos]
    return sorted((int(hit["generation"]), name) for hit, name in hits if hit)


def _leaf(key: str) -> str:
    return re.split(r"[./]", key)[-1]


def _beside(key: str, name: str) -> str:
    """`name` in the same folder of keys as `key`, in small letters."""
    return (key[: len(key) - len(_leaf(key))] + name).lower()
