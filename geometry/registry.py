"""The registry of statistics: one entry per name, filled by the decorator beside each definition.

An entry is data: what the statistic needs, its range, which changes of the input leave it alone, which way a collapse
moves it. The tests, the docs table and `geometry explain` read it; nothing is written down twice.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from geometry.errors import UsageError
from geometry.types import Estimate

Outcome = Estimate | dict[str, Estimate]
Function = TypeVar("Function", bound=Callable[..., Outcome])
Need = Literal["neighbors", "moments", "pair_sums", "points", "labels", "ids", "reference", "optional reference"]
Whole = Literal["moments", "neighbors", "pairs"]
Invariance = Literal["translation", "rotation", "scale", "row order", "zero-padding"]
RIGID: tuple[Invariance, ...] = ("translation", "rotation", "row order", "zero-padding")
SIMILARITY: tuple[Invariance, ...] = (*RIGID, "scale")
LINEAR: tuple[Invariance, ...] = ("rotation", "row order", "zero-padding", "scale")


@dataclass(frozen=True)
class Entry:
    """One statistic. `k` is the number of neighbours it asks for by default, 0 for none.

    null: the value expected where there is nothing to find, in words; fails: when it has no value, or misleads. whole:
    what it is given of a set too large for memory, of which a run holds a sample: the exact moments of all rows; the
    exact neighbours of the sampled rows among all (it must be a mean over rows of something of their neighbours, whose
    coordinates `geometry.pairs.gathered` fetches, and need no neighbours of neighbours); the same of both sets where it
    compares two (`pairs`: it says itself what it looked at); or nothing but the sample.
    """

    name: str
    function: Callable[..., Outcome]
    needs: tuple[Need, ...]
    range: tuple[float, float]
    invariances: tuple[Invariance, ...]
    direction: str
    source: str
    k: int = 0
    null: str = ""
    fails: str = ""
    whole: Whole | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Keyword options of the function with their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    @property
    def definition(self) -> str:
        return inspect.getdoc(self.function) or ""

    @property
    def formula(self) -> str:
        """What the module that defines it says: formula, source, what is left out."""
        return inspect.getdoc(inspect.getmodule(self.function)) or ""

    @property
    def needs_reference(self) -> bool:
        return "reference" in self.needs

    @property
    def takes_reference(self) -> bool:
        return self.needs_reference or "optional reference" in self.needs


_entries: dict[str, Entry] = {}


def statistic(
    name: str,
    *,
    needs: tuple[Need, ...],
    range: tuple[float, float],
    invariances: tuple[Invariance, ...],
    direction: str,
    source: str,
    k: int = 0,
    null: str = "",
    fails: str = "",
    whole: Whole | None = None,
) -> Callable[[Function], Function]:
    """Register `function(scan[, reference_scan], *, options)` under the field's name for it."""

    def register(function: Function) -> Function:
        _entries[name] = Entry(name, function, needs, range, invariances, direction, source, k, null, fails, whole)
        return function

    return register


def entries() -> list[Entry]:
    """All registered statistics in the order of their definition."""
    return list(_entries.values())


def entry(name: str) -> Entry:
    """The entry called `name`; UsageError with a suggestion if there is none."""
    if name in _entries:
        return _entries[name]
    close = difflib.get_close_matches(name, _entries, 1)
    hint = f"did you mean '{close[0]}'?" if close else "`geometry explain` lists all."
    raise UsageError(f"no statistic is called '{name}'; {hint}")
