"""What a gate asks for: conditions that must not hold, where to look, what a missing value means; also from TOML.

fail_on = ["effective_rank<0.8x", "prdc.recall<0.5", "tails.z>4"]
look_at = "all"          # every generation but the reference; "last": the newest alone
layers = ["head*"]       # of these layers alone, by name or pattern
generations = [3, 4]     # of these generations alone; of the reference too where it is named
missing = "fail"         # what no value means: "fail", or "pass"
against = "runs/monday"  # another run for the x of conditions; without it the run's own reference
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from geometry.errors import InputError, UsageError
from geometry.schema.documents import read_document
from geometry.verdict.conditions import Condition, parse_all

KINDS: dict[str, tuple[type, str]] = {
    "fail_on": (str, 'a list of conditions in quotes, as ["effective_rank<0.8x"]'),
    "layers": (str, "a list of names or patterns in quotes"),
    "generations": (int, "a list of whole numbers"),
}  # all else is text
LISTS = ("layers", "generations")
DEEPEST = 16  # points of a key
MOST = 1 << 20  # bytes of a policy
LOOK_AT, MISSING = ("all", "last"), ("fail", "pass")


@dataclass(frozen=True)
class Policy:
    """fail_on: conditions; look_at: `all` or `last`; missing: `fail` or `pass`; against: folder of an earlier run.

    layers, generations: those looked at, all where there is none; layers by name or pattern.
    """

    fail_on: tuple[Condition, ...] = ()
    look_at: str = "all"
    layers: tuple[str, ...] = ()
    generations: tuple[int, ...] = ()
    missing: str = "fail"
    against: Path | None = None

    def __post_init__(self) -> None:
        for name, known in (("look_at", LOOK_AT), ("missing", MISSING)):
            if getattr(self, name) not in known:
                raise UsageError(f"{name} = '{getattr(self, name)}' is unknown; choose {' or '.join(known)}")


def read_policy(path: Path | str) -> Policy:
    """The policy in a TOML file; its `against` is relative to the file. InputError or UsageError with what is wrong."""
    path = Path(path)
    try:
        text = read_document(path, MOST)
        _refuse_deep(path, text)
        told: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not TOML ({error}); correct it there") from error
    known = [one.name for one in fields(Policy)]
    for name in told:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(known)}"
            raise UsageError(f"{path}: a policy has no '{name}'; {hint}")
    for name, value in told.items():
        _require_kind(path, name, value)
    lists = {name: tuple(told.get(name, ())) for name in LISTS}
    try:
        made = Policy(**{**told, **lists, "fail_on": parse_all(told.get("fail_on", []))})
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return made if made.against is None else replace(made, against=path.parent / made.against)


def _refuse_deep(path: Path, text: str) -> None:
    """InputError at a key of many parts, for which the parser of Python takes the square of the time."""
    for number, line in enumerate(text.splitlines(), 1):
        key = line.split("=", 1)[0]
        if key.count(".") > DEEPEST and not {'"', "'", "#"} & set(key):
            raise InputError(f"{path}: line {number} has a key of {key.count('.') + 1} parts; a policy has keys of one")


def _require_kind(path: Path, name: str, value: Any) -> None:
    """UsageError where a value of the file is not of the kind that its name asks for."""
    kind, words = KINDS.get(name, (str, "text in quotes"))
    many = name in KINDS and isinstance(value, list)
    fits = all(type(one) is kind for one in value) if many else name not in LISTS and type(value) is kind
    if not fits:
        raise UsageError(f"{path}: {name} is {words}")
