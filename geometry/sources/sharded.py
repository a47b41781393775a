"""`*.index.json`: the index of a checkpoint cut into shards, key by key (safetensors or torch shards).

A shard must lie in the folder of its index; an index that points elsewhere is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from geometry.errors import GeometryError, InputError, UnsafeFileError
from geometry.schema.documents import read_document, require_file
from geometry.sources import safetensors_files, torch_files
from geometry.sources.array_info import ArrayInfo
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.pairs.stored import Stored


def contents(path: Path) -> list[ArrayInfo]:
    """Every array of every shard that the index names, in the order of the index."""
    places = _places(path)
    for shard in set(places.values()):
        require_file(shard)
    found = {info.key: info for shard in dict.fromkeys(places.values()) for info in _module(shard).contents(shard)}
    missing = [key for key in places if key not in found]
    if missing:
        raise InputError(f"{path} places '{missing[0]}' in {places[missing[0]]}, which does not hold it; copy it again")
    return [found[key] for key in places]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The arrays named by `keys`, each from its shard."""
    places = _places(path)
    return {key: _module(places[key]).read(places[key], [key])[key] for key in keys if key in places}


def reader(path: Path) -> Callable[[str], Array]:
    """The arrays by key, one at a time, each from its shard; the shards in use stay mapped."""
    places = _places(path)
    opened: dict[Path, Callable[[str], Array]] = {}

    def one(key: str) -> Array:
        shard = places[key]
        if shard not in opened:
            opened[shard] = _module(shard).reader(shard)
        return opened[shard](key)

    return one


def stored(path: Path, key: str, room: int) -> Stored | None:
    """The rows of an array in its shard; None where that has to be read whole."""
    from geometry.sources.formats import stored as in_shard

    return in_shard(_places(path)[key], key, room)


def shards_of(files: Iterable[Path]) -> set[Path]:
    """The files that the indexes among these stand for."""
    return {shard for path in files if path.name.endswith(".index.json") for shard in shards(path)}


def shards(path: Path) -> set[Path]:
    """The files that an index stands for; none if it cannot be read, which is reported when it is read itself."""
    try:
        return set(_places(path).values())
    except (GeometryError, ValueError, OSError, RecursionError):
        return set()


def _places(path: Path) -> dict[str, Path]:
    index = json.loads(read_document(path))
    if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict):
        raise InputError(f"{path} has no 'weight_map'; it is not the index of a sharded checkpoint")
    return {key: _shard(path, str(name)) for key, name in index["weight_map"].items()}


def _shard(path: Path, name: str) -> Path:
    if Path(name).name != name:
        raise UnsafeFileError(f"{path} points to '{name}', outside its own folder; do not trust this index")
    shard = path.parent / name
    if not shard.is_file():
        raise InputError(f"{path} needs the shard {name}, which is not beside it; copy all shards")
    return shard


def _module(shard: Path) -> ModuleType:
    return safetensors_files if shard.suffix == ".safetensors" else torch_files
