"""A finished run repeated from its run.json, and every row held against what it was.

`provenance` of run.json says which command it was, of which paths, from which folder; `arguments` all options with
their values; `inputs` the digests. Rows are compared as the text of results.jsonl: equal means byte for byte. A row
that differs is told with its fields and their relative difference |a - b| / max(|a|, |b|).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from geometry.analysis.asked import Options
from geometry.analysis.document import versions
from geometry.errors import InputError, UsageError
from geometry.schema import dumps, read_run
from geometry.types import Record

Key = tuple[int, str, str, int]  # position, name, variant, which of several such rows


@dataclass(frozen=True)
class Difference:
    """A row, or one field of it, that is not what it was; relative where both are numbers."""

    position: int
    name: str
    variant: str
    field: str
    was: Any
    now: Any
    relative: float | None = None


@dataclass(frozen=True)
class Repeat:
    """What repeating a run gave. rows: how many were compared; equal: how many are the same to the byte.

    verdict: whether the verdict is the same; inputs and packages: what has changed since, in words.
    """

    rows: int
    equal: int
    verdict: bool
    differences: tuple[Difference, ...]
    inputs: tuple[str, ...]
    packages: tuple[str, ...]

    @property
    def same(self) -> bool:
        return self.equal == self.rows and self.verdict


def provenance(sources: Any, told: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """What run.json has to say of where a run came from; None for arrays in memory. told: of another command."""
    if told is None and not isinstance(sources, str | Path):
        try:
            paths = [os.fspath(one) for one in sources]
        except TypeError:
            return None
    elif told is None:
        paths = [os.fspath(sources)]
    else:
        paths = told["paths"]
    return {"command": "analyze", "directory": str(Path.cwd()), **(told or {}), "paths": paths} if paths else None


def recorded(path: Path | str) -> Record:
    """The run of a run.json, or of the folder that holds it."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: not there; name the run.json of a finished run, or its folder")
    return read_run(path if path.is_dir() else path.parent)


def paths_of(run: dict[str, Any], given: Sequence[str] = ()) -> list[str]:
    """The paths to read: those given, else the recorded ones where they lie now or lay then."""
    if given:
        return list(given)
    told = run.get("provenance")
    if not told:
        raise UsageError("this run was of arrays in memory; name files with the same rows after run.json")
    here = all(_there(path, Path()) for path in told["paths"])
    base = Path() if here else Path(told["directory"])
    return [str(base / path) for path in told["paths"]]


def _there(path: str, base: Path) -> bool:
    """Whether a recorded path, which may be a pattern or name an array, leads anywhere."""
    from geometry.sources import locate

    try:
        return bool(locate(str(base / path)))
    except InputError:
        return False


def options_of(run: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the run as options of `analyze`; training logs where they lie now or lay then.

    TypeError where one is not of its type.
    """
    known = get_type_hints(Options)
    told = {name: value for name, value in run["arguments"].items() if name in known}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    for name, value in found.items():
        texts = not isinstance(value, tuple) or all(isinstance(one, str) for one in value)
        if not (isinstance(value, _kinds(known[name])) and texts):
            raise TypeError(f"{name} = {value!r}")
    base = Path((run.get("provenance") or {}).get("directory", "."))
    logs = [path if Path(path).exists() else str(base / path) for path in found.get("log", ())]
    return found | ({"log": tuple(logs)} if logs else {})


def _kinds(hint: Any) -> tuple[type, ...]:
    """The classes that a type hint allows."""
    parts = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(get_origin(part) or part for part in parts)


def compare(before: Record, now: Record) -> Repeat:
    """Row by row."""
    old, new = _keyed(before), _keyed(now)
    differences = [one for key in {**old, **new} for one in _differences(key, old.get(key), new.get(key))]
    equal = sum(key in old and dumps(old[key]) == dumps(row) for key, row in new.items())
    return Repeat(
        rows=len({*old, *new}),
        equal=equal,
        verdict=dumps(before.run["verdict"]) == dumps(now.run["verdict"]),
        differences=tuple(differences),
        inputs=tuple(_changed_inputs(before.run, now.run)),
        packages=tuple(
            f"{name} was {number}, now {versions().get(name, 'not there')}"
            for name, number in before.run["versions"].items()
            if versions().get(name) != number
        ),
    )


def _keyed(record: Record) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = {}
    for row in record.results:
        again = 0
        while (key := (row["position"], row["name"], row["variant"], again)) in found:
            again += 1
        found[key] = row
    return found


def _differences(key: Key, old: dict[str, Any] | None, new: dict[str, Any] | None) -> list[Difference]:
    if old is None or new is None:
        was, now = ("absent" if one is None else "there" for one in (old, new))
        return [Difference(*key[:3], "row", was, now)]
    changed = [name for name in {**old, **new} if dumps(old.get(name)) != dumps(new.get(name))]
    return [Difference(*key[:3], name, old.get(name), new.get(name), _relative(old, new, name)) for name in changed]


def _relative(old: dict[str, Any], new: dict[str, Any], name: str) -> float | None:
    a, b = old.get(name), new.get(name)
    if isinstance(a, bool) or isinstance(b, bool) or not all(isinstance(one, int | float) for one in (a, b)):
        return None
    largest = max(abs(a), abs(b))  # type: ignore[arg-type]
    return float(abs(a - b) / largest) if largest else 0.0  # type: ignore[operator]


def _changed_inputs(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    old, new = before["inputs"], now["inputs"]
    if len(old) != len(new):
        return [f"there were {len(old)} sets, now {len(new)}"]
    return [
        f"generation {one['generation']} has other rows than then ({one['source']})"
        for one, was in zip(new, old, strict=True)
        if one["digest"] != was["digest"]
    ]
