"""Patterns: `*`, `?`, `[...]`, `**` as in a shell, `{generation}`, `{part}` (digits), `{layer}` (a path part or less).

A pattern is globbed with its placeholders as `*`, and each path found must then match it whole. A placeholder that
stands twice must have the same text twice. `{part}`, which may stand once, stays in the paths that are found: one such
path means all files that differ by the part number alone (`geometry.sources.parts`).
"""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import exists  # of any text; Path.exists raises where it is longer than a name can be
from pathlib import Path

from geometry.errors import InputError
from geometry.sources.natural import natural
from geometry.sources.part_names import PART

PLACEHOLDER = re.compile(r"\{(generation|layer|part)\}")
MAGIC = re.compile(r"[*?\[]|\{(?:generation|layer|part)\}")
SHOWN = 6  # names listed when a pattern matches nothing


@dataclass(frozen=True)
class Match:
    """A path that a pattern matched, and what its placeholders stood for."""

    path: Path
    generation: int | None = None
    layer: str = ""


def is_pattern(text: str) -> bool:
    """Whether the text has to be expanded; a path that exists is itself, brackets and all."""
    return bool(MAGIC.search(text)) and not exists(text)  # noqa: PTH110


def expand(pattern: str) -> list[Match]:
    """Every path that matches, by generation, then in natural order; InputError with what is there if none does."""
    if pattern.count(PART) > 1:
        raise InputError(f"'{pattern}' has {PART} twice; write it where the number of the part stands, once")
    try:
        shape = re.compile(as_regex(pattern))
    except re.error as error:
        raise InputError(
            f"'{pattern}' is no pattern ({error}); name characters in brackets as [abc] or [a-z]"
        ) from error
    found: dict[str, Match] = {}
    for name in _globbed(PLACEHOLDER.sub("*", pattern)):
        hit = shape.fullmatch(name)
        if hit:
            groups = hit.groupdict()
            number = groups.get("generation")
            whole = f"{name[: hit.start('part')]}{PART}{name[hit.end('part') :]}" if "part" in groups else name
            found[whole] = Match(Path(whole), int(number) if number else None, groups.get("layer") or "")
    if not found:
        raise InputError(f"nothing matches '{pattern}'; {_suggestion(pattern)}")
    return sorted(found.values(), key=lambda match: (match.generation or 0, natural(str(match.path))))


def _globbed(pattern: str) -> Iterator[str]:
    """Paths in the way the pattern writes them; `**` enters every folder once, however many links lead to it."""
    head, deep, tail = re.fullmatch(r"(?:(.*?[/\\])?(\*\*)(?:[/\\]+(.*))?|.*)", pattern, re.DOTALL).groups()  # type: ignore[union-attr]
    if not deep:
        yield from glob.glob(pattern)  # noqa: PTH207 - keeps the text as it was given
        return
    for base in glob.glob(head) if head else [""]:  # noqa: PTH207
        seen: set[str] = set()
        for folder, inner, _ in os.walk(base or ".", followlinks=True):
            seen.add(os.path.realpath(folder))
            inner[:] = [n for n in inner if n[0] != "." and os.path.realpath(os.path.join(folder, n)) not in seen]  # noqa: PTH118
            start = "" if folder == "." else os.path.join(glob.escape(folder), "")  # noqa: PTH118
            yield from _globbed(start.removeprefix("./") + (tail or "*"))


def as_regex(pattern: str) -> str:
    """The regular expression of a pattern, for whole paths."""
    parts, seen = [], set()
    for token in re.split(r"(\{generation\}|\{layer\}|\{part\}|\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern):
        name = token[1:-1] if PLACEHOLDER.fullmatch(token) else ""
        if name:
            inside = r"[^/\\]+?" if name == "layer" else r"\d+"
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{inside})")
            seen.add(name)
        elif token.startswith("[") and token.endswith("]"):
            parts.append(_characters(token[1:-1]))
        else:
            wild = {"**/": r"(?:.*[/\\])?", "**": ".*", "*": r"[^/\\]*", "?": r"[^/\\]"}
            parts.append(wild.get(token, re.escape(token)))
    return "".join(parts)


def _characters(inside: str) -> str:
    """Characters in brackets as a regular expression: `!` before them means all others, and nothing else is special."""
    none = inside.startswith("!")
    text = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[none:]).replace("--", "-\\-")
    return f"[{'^' * none}{text}]"


def _suggestion(pattern: str) -> str:
    """What lies in the deepest folder that the pattern reaches, the names like the missing one first."""
    path = Path(PLACEHOLDER.sub("*", pattern))
    reached = [Path(path.anchor)]
    for part in path.parts[1 if path.anchor else 0 :]:
        deeper = sorted((hit for base in reached for hit in base.glob(part)), key=lambda hit: natural(str(hit)))
        if not deeper:
            return there(reached[0], part)
        reached = deeper
    return f"the nearest path is {reached[0]}, and {{generation}}, like {{part}}, takes digits only"


def there(folder: Path, wanted: str) -> str:
    """A sentence on what a folder holds instead of `wanted`."""
    if not folder.is_dir():
        return f"{folder} is no folder"
    names = sorted((path.name for path in folder.iterdir() if not path.name.startswith(".")), key=natural)
    if not names:
        return f"{folder} is empty"
    close = difflib.get_close_matches(wanted, names, 1)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{folder} holds {', '.join(names[:SHOWN])}{more}{hint}"
