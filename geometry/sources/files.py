"""Embedding sets from files: each file found is read, checked, numbered as a generation, and made to agree with others.

Numbers come from `{generation}` in a pattern or from a `generation` column; without either they are 0..N-1 in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.sources import parts as several
from geometry.sources import sums, weights
from geometry.sources.array_info import ArrayInfo, listing
from geometry.sources.beside import companion_files
from geometry.sources.checks import (
    agree,
    as_embedding,
    companion,
    is_stored,
    kept,
    require_plane,
    require_policy,
    without_bad_rows,
)
from geometry.sources.formats import SUFFIXES, contents, read
from geometry.sources.keys import choose, companions, orphans, spelled
from geometry.sources.part_names import is_parts, without_number
from geometry.sources.paths import Paths, Place, locate
from geometry.sources.within import given_bytes, read_within
from geometry.types import Array, EmbeddingSet


@dataclass(frozen=True)
class Part:
    """A set with the place it came from; `number` is its generation where the input spells one out."""

    place: Place
    number: int | None
    found: EmbeddingSet


def load(
    paths: Paths, *, key: str | None = None, pattern: str | None = None, nan: str = "error", stream: int | None = None
) -> list[EmbeddingSet]:
    """The embedding sets of files, in the order of their generations.

    paths: one or several of: a file; a folder (its files of one format, or its subfolders with one file each, in
    natural order; parts of a set count as one file, as does a Hugging Face dataset); a pattern with `*`, `?`, `**`,
    `{generation}`, `{layer}`, `{part}`; each with an optional `:KEY`. key names the array in every file that has no
    `:KEY` of its own; pattern is looked up inside the folders of `paths`. nan: `error`, or `drop` to leave rows with
    NaN or infinity out, counted in `dropped`. A file with a `generation` for every row, or with numbered arrays (gen_0,
    gen_1, ...), gives several sets; which array is meant, and which labels, ids and origins belong to it, is decided by
    `geometry.sources.keys`.

    Points keep their dtype (bfloat16 becomes float32, integers float64, mixed widths the widest, each noted), .npy,
    .safetensors and torch files stay mapped. stream: bytes that the rows of one set may take in memory; the points of a
    larger set are a `geometry.pairs.stored.Stored`, which reads blocks of rows, and digests are the same either way.
    Raises InputError or UnsafeFileError with file, array, row and remedy.
    """
    require_policy(nan)
    parts = [part for place in locate(paths, key, pattern) for part in _parts(place, nan, stream)]
    return [_settled(found, stream) for found in agree(numbered(parts), stream)]


def _settled(found: EmbeddingSet, stream: int | None) -> EmbeddingSet:
    """In memory where the rows that are left of a large set fit."""
    points: Any = found.points
    if is_stored(points) and stream is not None and points.nbytes <= stream:
        return replace(found, points=np.asarray(points))
    return found


def numbered(parts: Sequence[Part]) -> list[EmbeddingSet]:
    """The sets with generation and name; InputError where two claim one generation or only some have a number."""
    known = [part.number is not None for part in parts]
    if any(known) and not all(known):
        bare = parts[known.index(False)].place
        raise InputError(f"{bare} has no generation number, other files have; give all of them one, or none")
    names = _names([part.place for part in parts], [part.number for part in parts])
    counts: Counter[str] = Counter()
    taken: dict[tuple[str, int], str] = {}
    sets = []
    for part, name in zip(parts, names, strict=True):
        layer = part.found.layer
        number = counts[layer] if part.number is None else part.number
        counts[layer] += 1
        if (layer, number) in taken:
            raise InputError(f"{taken[layer, number]} and {part.found.source} both claim generation {number}; keep one")
        taken[layer, number] = part.found.source
        sets.append(replace(part.found, generation=number, name=name))
    return sorted(sets, key=lambda found: found.generation) if all(known) else sets


def _parts(place: Place, nan: str, stream: int | None) -> list[Part]:
    """Every set of one file."""
    infos = contents(place.path)
    if place.key and "{generation}" not in place.key and weights.is_meant(infos, place.key):
        return _weights(place, nan, stream)
    if place.key and "{generation}" in place.key:
        spelt = spelled(infos, place.key)
        if not spelt:
            raise InputError(f"{place.path} has no array like '{place.key}'; there are {listing(infos)}")
        return [p for number, key in spelt for p in _parts(replace(place, key=key, generation=number), nan, stream)]
    chosen = choose(place.path, infos, place.key)
    used = {info.key: companions(infos, info, explicit=place.key is not None) for info in chosen}
    for info in chosen:
        require_plane(info.shape, str(_at(place, info)))
    arrays = read_within(place.path, chosen, [key for sides in used.values() for key in sides.values()], stream)
    notes = _notes(infos, used)
    parts = []
    for info in chosen:
        at = _at(place, info)
        sides = {role: arrays[key] for role, key in used[info.key].items()}
        if len(chosen) == 1:
            sides = {role: read(path, [""])[""] for role, path in companion_files(place.path).items()} | sides
        parts += _split(at, arrays[info.key], sides, (*_converted(place, info, arrays[info.key]), *notes), nan)
    return parts


def _weights(place: Place, nan: str, stream: int | None) -> list[Part]:
    """Every matrix of a checkpoint whose key matches: a layer of its own where the key is a glob."""
    opened = weights.open_weights(place.path)
    several = weights.is_glob(place.key)
    parts = []
    for info in weights.matching(opened, str(place.key)):
        at = replace(place, key=info.key, layer=info.key if several else place.layer)
        large = stream is not None and given_bytes(info) > stream
        matrix = opened.rows_in_file(info, stream or 0) if large else weights.as_matrix(opened.read(info.key))
        points, notes = as_embedding(matrix, str(at))
        turned = [f"{at}: {info.shape} read as {points.shape}, out x in*kernel"] if len(info.shape) > 2 else []
        whole = EmbeddingSet(points, layer=at.layer, source=str(at), notes=(*notes, *_bfloat(info), *turned))
        parts.append(Part(at, at.generation, without_bad_rows(whole, nan)))
    return parts


def _at(place: Place, info: ArrayInfo) -> Place:
    """The place with the key spelled out where the file needs one."""
    return replace(place, key=place.key or info.key or None)


def _converted(place: Place, info: ArrayInfo, points: Any) -> tuple[str, ...]:
    """What reading the rows changed, where that shows in the headers alone."""
    joined = several.notes(place.path, info.key) if is_parts(place.path) else ()
    stayed = is_stored(points) and info.dtype not in ("bfloat16", points.dtype.name)
    unpacked = [points.note] if is_stored(points) and points.note else []
    return (*_bfloat(info), *joined, *([f"{info.dtype} read as {points.dtype}"] if stayed else []), *unpacked)


def _bfloat(info: ArrayInfo) -> tuple[str, ...]:
    return ("bfloat16 read as float32",) if info.dtype == "bfloat16" else ()


def _notes(infos: Sequence[ArrayInfo], used: dict[str, dict[str, str]]) -> tuple[str, ...]:
    left = orphans(infos, {key for sides in used.values() for key in sides.values()})
    text = [info.key for info in infos if info.text and info.role == "other"]
    notes = [f"'{key}' left out: it belongs to no one array of the file (name it {key}_ARRAY)" for key in left]
    return (*notes, *(f"'{key}' left out: it is not numeric" for key in text))


def _split(at: Place, array: Array, sides: dict[str, Array], notes: tuple[str, ...], nan: str) -> list[Part]:
    """One part, or one per generation where the file has a `generation` for every row."""
    points, converted = as_embedding(array, str(at))
    checked: dict[str, Any] = {
        role: companion(values, len(points), f"{at}, '{role}'") for role, values in sides.items()
    }
    generations = checked.pop("generation", None)
    whole = EmbeddingSet(points, layer=at.layer, source=str(at), notes=(*converted, *notes), **checked)
    if generations is None:
        return [Part(at, at.generation, without_bad_rows(whole, nan))]
    if nan == "error":
        without_bad_rows(whole, nan)  # names the row of the file, not of a generation within it
    parts = []
    for number in _whole_numbers(at, generations):
        rows = generations == number
        mine = {role: values[rows] for role, values in checked.items()}
        found = replace(whole, points=kept(points, rows), source=f"{at} generation {number}", **mine)
        parts.append(Part(at, int(number), without_bad_rows(found, nan)))
    return parts


def _whole_numbers(at: Place, generations: Array) -> list[int]:
    """The generations that a column names, ascending; InputError if it contradicts the path."""
    if generations.dtype.kind not in "iuf" or not np.array_equal(generations, np.floor(generations)):
        raise InputError(f"{at}: the generation of every row must be a whole number; number the generations 0, 1, ...")
    numbers = [int(number) for number in np.unique(generations)]
    if at.generation is not None and numbers != [at.generation]:
        raise InputError(f"{at}: its path says generation {at.generation}, its column says {numbers}; correct one")
    return numbers


def _names(places: Sequence[Place], numbers: Sequence[int | None]) -> list[str]:
    """The shortest part of the paths that tells the sets apart: the stem, a folder above it, the key, a number."""
    depth = max(len(place.path.parts) for place in places)
    above = [[_part_above(place.path, up) for place in places] for up in range(1, depth)]
    stems = [_stem(place.path) for place in places]
    keys = [place.key or "" for place in places]
    for names in (stems, *above, keys):
        if all(names) and len({(place.layer, name) for place, name in zip(places, names, strict=True)}) == len(places):
            return names
    return [stem if number is None else f"{stem}-{number}" for stem, number in zip(stems, numbers, strict=True)]


def _stem(path: Path) -> str:
    if sums.is_sum(str(path)):
        return str(path)
    bare = next((path.name[: -len(end)] for end in SUFFIXES if path.name.lower().endswith(end)), path.name)
    return without_number(bare) if is_parts(path) else bare


def _part_above(path: Path, up: int) -> str:
    return path.parts[-1 - up] if len(path.parts) > up else ""
