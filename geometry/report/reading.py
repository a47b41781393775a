"""What figures, page and table read out of a record; nothing is computed here, only found, ordered and named."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from geometry.types import Array, Record

Row = dict[str, Any]
HEADLINES = {  # the variant shown where a statistic has several; without one of these, the first that has values
    "effective_rank": ("covariance",),
    "mle": ("harmonic",),
    "scale": ("ratio",),
    "shell": ("cv",),
    "prdc": ("recall",),
    "mode_coverage": ("kept",),
    "tail_survival": ("beyond_95",),
}


@dataclass(frozen=True)
class Generation:
    """One set of the run: its position in array names, its number, and what the verdict says of it."""

    position: int
    number: int
    name: str
    layer: str
    state: str
    reason: str
    flags: tuple[str, ...]
    changes: tuple[str, ...]
    evidence: dict[str, Any]
    arm: bool = False

    @property
    def called(self) -> str:
        """What stands for it where there is little room: its number, or an arm's name."""
        return self.name if self.arm else str(self.number)

    @property
    def title(self) -> str:
        """Short heading: the generation's number and its layer, where there is one; of an arm, its name."""
        return self.name if self.arm else f"generation {self.number}" + (f" · {self.layer}" if self.layer else "")


def generations(record: Record) -> list[Generation]:
    """All sets of the run in the order of their positions."""
    inputs = record.run.get("inputs", [])
    verdicts = record.run.get("verdict", {}).get("generations", [])
    arms = is_of_arms(record)
    return [_generation(g, _at(inputs, g), _at(verdicts, g), arms) for g in range(max(len(inputs), len(verdicts)))]


def is_of_arms(record: Record) -> bool:
    """Whether the sets are choices side by side, and no generations."""
    return bool(record.run.get("arguments", {}).get("by") == "arm")


def _at(entries: list[Row], position: int) -> Row:
    return entries[position] if position < len(entries) else {}


def _generation(position: int, given: Row, verdict: Row, arm: bool) -> Generation:
    number = int({"generation": position, **given, **verdict}["generation"])
    return Generation(
        position,
        number,
        str(verdict.get("name") or given.get("name") or f"generation {number}"),
        str(given.get("layer") or ""),
        str(verdict.get("state", "")),
        str(verdict.get("reason") or ""),
        tuple(verdict.get("flags", ())),
        tuple(verdict.get("changes", ())),
        dict(verdict.get("evidence") or {}),
        arm,
    )


def series(record: Record, name: str, *variants: str) -> dict[int, Row]:
    """The rows of one statistic that have a value, by position, all of one variant: the first named that exists."""
    found: dict[str, dict[int, Row]] = {}
    for row in record.results:
        if row.get("name") == name and row.get("status", "ok") == "ok" and row.get("value") is not None:
            found.setdefault(str(row.get("variant") or ""), {})[int(row["position"])] = row
    for variant in (*variants, *HEADLINES.get(name, ()), ""):
        if variant in found:
            return found[variant]
    return next(iter(found.values()), {})


def arrays(record: Record, stem: str) -> dict[int, Array]:
    """The arrays called stem.g, by position g in ascending order."""
    named = {key[len(stem) + 1 :]: value for key, value in record.arrays.items() if key.startswith(f"{stem}.")}
    return {g: named[str(g)] for g in sorted(int(tail) for tail in named if tail.isdecimal())}


def shown(positions: list[int], most: int) -> list[int]:
    """At most `most` positions, evenly spaced, the first and the last among them."""
    if len(positions) <= most:
        return positions
    step = (len(positions) - 1) / (most - 1)
    return [positions[round(i * step)] for i in range(most)]


def onsets(record: Record) -> dict[str, Row]:
    """Per change that holds to the end: the generation where it begins, its interval, whether it is provisional."""
    return dict(record.run.get("verdict", {}).get("onsets") or {})


def number(value: Any, digits: int = 3) -> str:
    """A value in few characters: `digits` significant figures, a dash for nothing."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    size = abs(float(value))
    if size == 0 or isinstance(value, int):
        return str(int(value))
    if size < 1e-3 or size >= 1e5:
        return f"{value:.{digits - 1}e}"
    return f"{value:.0f}" if size >= 10 ** (digits - 1) else f"{value:#.{digits}g}"


def aligned(value: float, low: float, high: float) -> tuple[str, str, str]:
    """A value and its interval with the same decimals: two significant figures of the half-width."""
    half = (high - low) / 2
    if not half > 1e-4 or max(abs(low), abs(high)) >= 1e5:
        return number(value), number(low), number(high)
    decimals = max(0, 1 - math.floor(math.log10(half)))
    return f"{value:.{decimals}f}", f"{low:.{decimals}f}", f"{high:.{decimals}f}"
