"""Files that are parts of one set by name: `part-0.npy`, `shard-0.npy`, `data-00000-of-00003.arrow`, and the like.

Such files of one folder, alike but for the number, stand for one set: NAME with `{part}` in place of the number. Any
other naming takes the pattern, as `emb_{part}.npy`. `{part}` takes digits, once in a path; parts follow their numbers.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from geometry.errors import InputError

PART = "{part}"
OF = re.compile(r"(?P<head>(?:.*[._-])?)(?P<part>\d+)(?P<tail>[._-]of[._-](?P<count>\d+)(?:[._-].*)?)", re.IGNORECASE)
NAMED = re.compile(r"(?P<head>(?:.*[._-])?(?:part|shard)[._-]?)(?P<part>\d+)(?P<tail>(?:[._-].*)?)", re.IGNORECASE)


def is_parts(path: Path) -> bool:
    """Whether a path stands for the parts of a set: it has `{part}`, and is not itself there."""
    return PART in str(path) and not path.exists()


def grouped(files: Iterable[Path]) -> list[Path]:
    """The files, with those that are parts of one set replaced by the one path that stands for them."""
    found: dict[Path, list[Path]] = {}
    for file in files:
        found.setdefault(_whole(file), []).append(file)
    return [whole if len(of) > 1 or _count(whole) > 1 else of[0] for whole, of in found.items()]


def files(path: Path) -> list[Path]:
    """The parts that a path with `{part}` stands for, by number; InputError where one is missing or there twice."""
    by_number: dict[int, Path] = {}
    for file, number in _matches(path):
        if int(number) in by_number:
            raise InputError(f"{by_number[int(number)]} and {file} both claim part {int(number)}; keep one")
        by_number[int(number)] = file
    if not by_number:
        raise InputError(f"{path} has no part any more; check the folder")
    count = _count(path)
    if count:
        first = 0 if 0 in by_number else 1
        missing = [number for number in range(first, first + count) if number not in by_number]
        if missing or len(by_number) > count:
            told = f"part {missing[0]} is missing" if missing else f"there are {len(by_number)}"
            raise InputError(f"{path} is {count} parts by its name, {told}; copy them all, and nothing else")
    return [by_number[number] for number in sorted(by_number)]


def has_parts(path: Path) -> bool:
    """Whether a path with `{part}` means files as it stands, no other pattern expanded."""
    return str(path).count(PART) == 1 and any(_matches(path))


def without_number(name: str) -> str:
    """The name of a set in parts: that of its files without the place of the number."""
    return re.sub(r"[._-]?\{part\}(?:[._-]of[._-]\d+)?", "", name) or name


def number_of(path: Path, file: Path) -> str:
    """The digits that `{part}` stands for in one of the files."""
    return next(number for found, number in _matches(path, file) if found == file)


def _whole(file: Path) -> Path:
    hit = OF.fullmatch(file.name) or NAMED.fullmatch(file.name)
    return file.with_name(f"{hit['head']}{PART}{hit['tail']}") if hit else file


def _count(path: Path) -> int:
    """How many parts the name promises; 0 where it does not say."""
    hit = OF.fullmatch(path.name.replace(PART, "0", 1)) if PART in path.name else None
    return int(hit["count"]) if hit else 0


def _matches(path: Path, file: Path | None = None) -> Iterable[tuple[Path, str]]:
    head, tail = str(path).split(PART)
    shape = re.compile(re.escape(head) + r"(\d+)" + re.escape(tail))
    names = glob.glob(f"{glob.escape(head)}*{glob.escape(tail)}") if file is None else [str(file)]  # noqa: PTH207
    hits = ((name, shape.fullmatch(name)) for name in names)
    return [(Path(name), hit[1]) for name, hit in hits if hit]
