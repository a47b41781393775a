"""The arguments of a run: what there is to ask for, and what a caller gave, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import index
from typing import Any

from geometry.errors import UsageError
from geometry.pairs.streamed import SAMPLED

LEAST = {"k": 1, "seed": 0, "sample": 1, "memory_budget": 1, "pairs_budget": 1}  # whole numbers, and how small


@dataclass(frozen=True)
class Options:
    """Arguments of a run, as they are recorded."""

    reference: int | str = 0
    k: int = 32
    device: str = "auto"
    seed: int = 0
    statistics: str | tuple[str, ...] = "default"
    key: str | None = None
    pattern: str | None = None
    nan: str = "error"
    sample: int | None = None
    memory_budget: int | None = None
    approximate: bool = False
    pairs_budget: int | None = None
    by: str | None = None
    log: tuple[str, ...] = ()
    umap: bool = False
    align: str = "none"

    @property
    def sampled(self) -> int:
        """Rows that are looked at of a set which stays in its files."""
        return self.sample or SAMPLED


def options_from(given: dict[str, Any]) -> Options:
    """The options; UsageError for one that is not there, and for a number or names that cannot be."""
    known = {field.name for field in fields(Options)}
    if unknown := sorted(set(given) - known):
        raise UsageError(f"analyze has no option '{unknown[0]}'; it has: {', '.join(sorted(known))}")
    checked: dict[str, Any] = {name: _whole(name, given[name]) for name in LEAST if given.get(name) is not None}
    checked |= {name: _names(name, given[name]) for name in ("statistics", "log") if name in given}
    return Options(**(given | checked))


def _whole(name: str, value: Any) -> int:
    try:
        number = index(value)
    except TypeError:
        raise UsageError(f"{name} = {value!r} is no whole number") from None
    if number < LEAST[name]:
        raise UsageError(f"{name} = {number} is less than {LEAST[name]}")
    return number


def _names(name: str, value: Any) -> str | tuple[str, ...]:
    if isinstance(value, str) and name == "statistics":
        return value
    try:
        found = tuple(value)
    except TypeError:
        found = (value,)
    if isinstance(value, str) or not all(isinstance(one, str) for one in found):
        raise UsageError(f"{name} = {value!r} is no list of names")
    return found
