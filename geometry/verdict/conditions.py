"""Conditions on results: `effective_rank<0.8x`, `prdc.recall<0.5`, `tails.z>4`.

    condition = name[.variant][.z] op number[x|z]        op: < <= > >=

A plain number is held against the value, `0.8x` against .8 times the value of the reference, and `4z`, or the value
called `.z`, against z: the distance from the null in standard errors. A condition says what must not be: it holds where
there is something to act on. What has no value fulfils nothing; whoever asks decides what a missing value means.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isinf
from typing import Literal

from geometry.errors import UsageError

GRAMMAR = re.compile(
    r"\s*(?P<name>[A-Za-z_]\w*)(?:\.(?P<variant>[^<>=]*[^<>=.\s]))?\s*"
    r"(?P<op><=|>=|<|>)\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>[A-Za-z%]*)\s*"
)
SHAPE = "NAME[.VARIANT] < NUMBER, with <, <=, > or >=, and x (times the reference) or z after the number if it is one"
Unit = Literal["", "x", "z"]
UNITS: dict[str, Unit] = {"": "", "x": "x", "z": "z"}
HOLDS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """One condition, parsed. unit "": of the value itself; "x": times the reference's value; "z": of z."""

    name: str
    variant: str
    op: str
    number: float
    unit: Unit = ""

    def __str__(self) -> str:
        return f"{self.name}{'.' if self.variant else ''}{self.variant}{self.op}{self.number:g}{self.unit}"

    def holds(self, value: float | None, *, reference: float | None = None, z: float | None = None) -> bool | None:
        """Whether it is so; None where the value, the reference's or z that it asks for is not there."""
        asked = z if self.unit == "z" else value
        if asked is None or (self.unit == "x" and reference is None):
            return None
        limit = self.number * reference if self.unit == "x" and reference is not None else self.number
        return HOLDS[self.op](asked, limit)


def parse(text: str) -> Condition:
    """The condition that `text` states; UsageError with the grammar where it states none."""
    hit = GRAMMAR.fullmatch(text)
    if hit is None:
        raise UsageError(f"'{text}' is no condition; write {SHAPE}, as 'effective_rank<0.8x'")
    variant, unit = hit["variant"] or "", UNITS.get(hit["unit"])
    if unit is None:
        raise UsageError(
            f"'{text}': a number is followed by nothing, x or z, not '{hit['unit']}'; 80 % of the reference is .8x"
        )
    if variant == "z" or variant.endswith(".z"):
        if unit == "x":
            raise UsageError(f"'{text}': z is no multiple of a reference; leave out the x")
        variant, unit = variant[:-1].removesuffix(".").rstrip(), "z"
    number = float(hit["number"])
    if isinf(number):
        raise UsageError(f"'{text}': {hit['number']} is no number that a value could reach")
    return Condition(hit["name"], variant, hit["op"], number, unit)


def parse_all(texts: str | Iterable[str]) -> tuple[Condition, ...]:
    """Every condition of one text, or of several; commas and semicolons part them."""
    parts = [texts] if isinstance(texts, str) else list(texts)
    return tuple(parse(one) for text in parts for one in re.split(r"[,;]", text) if one.strip())
