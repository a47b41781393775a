"""Which files are meant, in which order: a file, a folder of generations, a pattern, each with an optional `:KEY`.

A folder stands for its files of one readable format, or for its subfolders with exactly one such file each (or one
called `embeddings` among them, as `geometry generate` writes it), in natural order; a folder in which that is not clear
is an error that asks for a pattern. Files that are parts of one set by their names count as one file
(`geometry.sources.part_names`), a Hugging Face dataset is the files that it lists. Files named as companions
(`labels.npy`, `gen_0_labels.npy`) and the shards of an index are not generations of their own. The folder of a model
stands for its weights, one that `geometry capture` wrote for all its layers, a signed sum for itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from geometry.errors import InputError
from geometry.sources import captured, sharded, sums
from geometry.sources.array_info import COMPANION_FILE
from geometry.sources.dataset_folders import data_files
from geometry.sources.formats import SUFFIXES, readable
from geometry.sources.model_folders import weights_of
from geometry.sources.natural import natural
from geometry.sources.part_names import PART, grouped, has_parts, is_parts
from geometry.sources.patterns import MAGIC, expand, is_pattern, there

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class Place:
    """One file with the key asked for in it, and the generation and layer that its path spells out, if it does."""

    path: Path
    key: str | None = None
    generation: int | None = None
    layer: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.key}" if self.key else str(self.path)


def locate(paths: Paths, key: str | None = None, pattern: str | None = None) -> list[Place]:
    """Every file meant by `paths`, in order; InputError where there is nothing, with what is there instead."""
    texts = [os.fspath(path) for path in _each(paths)]
    if not texts:
        raise InputError("no path was given; pass files, folders of generations, or a pattern")
    places = [place for text in texts for place in _looked_up(text, pattern)]
    return [place if place.key else replace(place, key=key) for place in places]


def _each(paths: Paths) -> list[str | os.PathLike[str]]:
    """Every path by itself; InputError for what is none."""
    if isinstance(paths, str | os.PathLike):
        return [paths]
    each = list(paths) if isinstance(paths, Iterable) else [paths]
    other = [type(one).__name__ for one in each if not isinstance(one, str | os.PathLike)]
    if other:
        raise InputError(f"{other[0]} is no path; load reads files, and arrays go to analyze as they are")
    return each


def _looked_up(text: str, pattern: str | None) -> list[Place]:
    """The places of a path; InputError where the system cannot look it up, for it is too long or no name at all."""
    try:
        return _places(text, pattern)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{text}: cannot be looked up ({reason}); check the path") from error


def split_key(text: str) -> tuple[str, str | None]:
    """PATH and KEY of `PATH:KEY`; a path that exists as it stands has no key, whatever colons it holds."""
    if os.path.exists(text):  # noqa: PTH110 - of any text; Path.exists raises where it is longer than a name can be
        return text, None
    if sums.is_sum(text) and any(split_key(term.path)[1] for term in sums.terms(text)[:-1]):
        return text, None  # terms have keys of their own
    for colon in (at.start() for at in re.finditer(":", text)):
        path, key = text[:colon], text[colon + 1 :]
        known = path.lower().endswith(SUFFIXES)
        drive = len(path) == 1 and key[:1] in ("\\", "/")
        if key and not drive and (Path(path).exists() or known or MAGIC.search(path) or sums.is_sum(path)):
            return path, key
    return text, None


def embedding_files(folder: Path) -> list[Path]:
    """The files of a folder that may hold generations in natural order, parts as one file; of a model its weights."""
    if (weights := weights_of(folder)) is not None:
        return [weights]
    listed = data_files(folder)
    files = [
        path
        for path in (folder.iterdir() if listed is None else listed)
        if readable(path) and not path.name.startswith(".")
    ]
    shards = sharded.shards_of(files)
    found = [path for path in files if path not in shards and not COMPANION_FILE.match(path.name)]
    return sorted(grouped(found), key=lambda path: natural(path.name))


def _places(text: str, pattern: str | None) -> list[Place]:
    text = os.path.expanduser(text)  # noqa: PTH111 - a pattern is no path yet
    path, key = split_key(text)
    if sums.is_sum(path):
        return _sums(path, key)
    if pattern is not None:
        if not Path(path).is_dir():
            raise InputError(f"{path} is no folder; a pattern is looked up inside one")
        path = str(Path(path) / pattern)
    if is_pattern(path) and not has_parts(Path(path)):
        found = [match for match in expand(path) if not _beside(match.path, path)]
        return [place for match in found for place in _at(match.path, key, match.generation, match.layer)]
    return _at(Path(path), key, None, "")


def _at(path: Path, key: str | None, generation: int | None, layer: str) -> list[Place]:
    """The places of a path: every layer of a folder of captured ones, else the files that it stands for."""
    layers = [
        Place(file, key, number if generation is None else generation, name)
        for file, number, name in captured.layers_of(path)
    ]
    return layers or [Place(file, key, generation, layer) for file in _files(path)]


def _beside(path: Path, pattern: str) -> bool:
    """Whether a wildcard took a companion file in."""
    return MAGIC.search(Path(pattern).name) is not None and COMPANION_FILE.match(path.name) is not None


def _sums(text: str, key: str | None) -> list[Place]:
    """The sum once, or once per generation that every term with `{generation}` has."""
    of = sums.terms(text)
    found = [{place.generation: str(place) for place in _places(term.path, None)} for term in of]
    numbered = [{number for number in places if number is not None} for places in found if None not in places]
    for term, places in zip(of, found, strict=True):
        if None in places and len(_places(term.path, None)) > 1:
            raise InputError(f"{term.path} is several files; a term of a sum is one checkpoint, or has {{generation}}")
    shared: list[int] | list[None] = sorted(set.intersection(*numbered)) if numbered else [None]
    if not shared:
        raise InputError(
            f"the terms of '{text}' have no generation in common; name checkpoints of the same generations"
        )
    return [Place(Path(_spelt(of, found, number)), key, number) for number in shared]


def _spelt(of: list[sums.Term], found: list[dict[int | None, str]], number: int | None) -> str:
    parts = zip(of, found, strict=True)
    return sums.written([replace(term, path=places.get(number) or places[None]) for term, places in parts])


def _files(path: Path) -> list[Path]:
    """The file itself, or the files that a folder stands for."""
    if is_parts(path):
        return [path]
    if path.is_dir() and (weights := weights_of(path)) is not None:
        return [weights]
    if path.is_dir() and not _is_store(path):
        return _folder(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; {_nearest(path)}")
    return [path]


def _is_store(path: Path) -> bool:
    return path.suffix.lower() == ".zarr"


def _folder(folder: Path) -> list[Path]:
    files = embedding_files(folder)
    subs = [sub for sub in sorted(folder.iterdir()) if sub.is_dir() and not _is_store(sub)]
    inner = {sub: _meant(embedding_files(sub)) for sub in subs}
    full = {sub: found for sub, found in inner.items() if found}
    kinds = sorted({path.suffix for path in files})
    if len(kinds) > 1 or (files and full):
        also = [f"{len(full)} folders with such files"] if full else []
        held = ", ".join([f"{sum(p.suffix == kind for p in files)} {kind}" for kind in kinds] + also)
        raise InputError(
            f"{folder} holds {held}; say which are the generations with a pattern, as '{folder}/*{kinds[0]}'"
        )
    if files:
        return files
    if not full:
        raise InputError(f"{folder} holds no file that can be read ({', '.join(SUFFIXES)}); {there(folder, '')}")
    return _one_each(inner, full)


def _meant(files: list[Path]) -> list[Path]:
    """Of several files of a generation the one that says it holds the embeddings."""
    named = [path for path in files if path.stem == "embeddings"]
    return named if len(named) == 1 else files


def _one_each(inner: dict[Path, list[Path]], full: dict[Path, list[Path]]) -> list[Path]:
    """The single file of each subfolder; a numbered subfolder among its like that holds none is an error."""
    alike = {re.sub(r"\d+", "#", sub.name) for sub in full}
    for sub, found in inner.items():
        shape = re.sub(r"\d+", "#", sub.name)
        if not found and "#" in shape and shape in alike:
            raise InputError(f"{sub} holds no embedding file, its neighbours do; complete it, or name the others")
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise InputError(
                f"{sub} holds several files: {names}; say which with a pattern, as '{sub.parent}/*/{found[0].name}', "
                f"or write {PART} for the number if they are parts of one"
            )
    return [full[sub][0] for sub in sorted(full, key=lambda sub: natural(sub.name))]


def _nearest(path: Path) -> str:
    parent = next(parent for parent in [*path.parents, Path()] if parent.is_dir())
    missing = path.relative_to(parent).parts[0] if path != parent else path.name
    return there(parent, missing)
