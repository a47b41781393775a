"""Companions in files of their own: `STEM_labels.npy` beside STEM, or `labels.npy` where no other set lies there.

A set in parts has them part by part (`emb_0_labels.npy`, joined like the parts), or whole, by its name without the
number (`emb_labels.npy`) or alone in the folder (`labels.npy`).
"""

from __future__ import annotations

from pathlib import Path

from geometry.errors import InputError
from geometry.sources import captured, sums
from geometry.sources.array_info import COMPANION_FILE, COMPANIONS
from geometry.sources.part_names import PART, files, is_parts, number_of, without_number
from geometry.sources.paths import embedding_files


def companion_files(path: Path) -> dict[str, Path]:
    """role -> .npy file with a value for every row of an embedding file."""
    if sums.is_sum(str(path)):
        return {}
    if is_parts(path):
        return _of_parts(path)
    alone = captured.is_captured(path.parent) or len(embedding_files(path.parent)) <= 1
    return _of_file(_by_stem(path.parent), path, alone)


def _by_stem(folder: Path) -> dict[str, dict[str, Path]]:
    """Stem -> role -> companion file of a folder; bare ones have no stem."""
    found: dict[str, dict[str, Path]] = {}
    for beside in sorted(folder.glob("*.npy")):
        hit = COMPANION_FILE.match(beside.name)
        if hit:
            role = next(role for role, names in COMPANIONS.items() if hit["name"].lower() in names)
            found.setdefault(hit["stem"] or "", {})[role] = beside
    return found


def _of_file(by_stem: dict[str, dict[str, Path]], path: Path, alone: bool) -> dict[str, Path]:
    found = (by_stem.get("", {}) if alone else {}) | by_stem.get(path.stem, {})
    return {role: beside for role, beside in found.items() if beside != path}


def _of_parts(path: Path) -> dict[str, Path]:
    """Those of the parts as parts themselves; InputError where only some have one. Else those of the whole."""
    parts = files(path)
    apart = PART not in path.name  # a folder for each part
    there = {folder: _by_stem(folder) for folder in {file.parent for file in parts}}
    each = [_of_file(there[file.parent], file, apart and len(embedding_files(file.parent)) <= 1) for file in parts]
    found = {} if apart else _of_whole(path, there[path.parent], parts)
    for role in dict.fromkeys(role for one in each for role in one):
        if role in found:
            raise InputError(f"{found[role]} and {each[0].get(role, path)} both give {role}; keep one")
        bare = next((file for file, one in zip(parts, each, strict=True) if role not in one), None)
        if bare is not None:
            raise InputError(f"{bare} has no {role} beside it, other parts have; give them to all parts, or to none")
        head = len(str(path).split(PART)[0])
        found[role] = Path(f"{str(path)[:head]}{PART}{str(each[0][role])[head + len(number_of(path, parts[0])) :]}")
    return found


def _of_whole(path: Path, by_stem: dict[str, dict[str, Path]], parts: list[Path]) -> dict[str, Path]:
    others = set(embedding_files(path.parent)) - {path, *parts}
    return _of_file(by_stem, path.with_name(f"{without_number(path.stem)}{path.suffix}"), not others)
