"""Two sets beside each other as plain text: what each is, and every statistic of the one against the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry.report.columns import columns
from geometry.report.reading import generations, number
from geometry.types import Record

HEADINGS = ("statistic", "value", "95 % interval", "null", "z")


def text(record: Record, names: tuple[str, ...]) -> str:
    """A line per set, then one per value of the statistics called `names`: value, interval, null and z.

    The second set of the record is held against the first. A value that is not there is given by its reason.
    """
    sets = generations(record)
    inputs = record.run["inputs"]
    lines = [
        f"{letter}  {one.name}  {given['n_used']} x {given['d']}  {one.state}"
        + (f" ({one.reason})" if one.reason else "")
        + "".join(f", {flag}" for flag in one.flags)
        for letter, one, given in zip("AB", sets, inputs, strict=True)
    ]
    rows = [row for row in record.results if row["name"] in names and row["position"] == 1]
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    return "\n".join(_printable(line) for line in [*lines, "", *columns(cells)]) + "\n"


def lines(found: Sequence[dict[str, Any]]) -> str:
    """A line per statistic of two fingerprints: of A, of B, and of B against A with interval, null and z or p."""
    cells: list[tuple[str, ...]] = [("statistic", "A", "B", "B against A", "95 % interval", "null", "z or p")]
    for one in found:
        between = one.get("between", {})
        sure = between.get("p", between.get("z"))
        cells.append((
            f"{one['name']} {one['variant']}".strip(),
            *(_side(one.get(side)) for side in ("first", "second", "between")),
            _interval(between.get("low"), between.get("high")),
            *("" if value is None else number(value) for value in (between.get("null"), sure)),
        ))  # fmt: skip
    return "\n".join(map(_printable, columns(cells)))


def _side(told: dict[str, Any] | None) -> str:
    if told is None:
        return ""
    return number(told["value"]) if told["status"] == "ok" else str(told["reason"])


def verdict(record: Record) -> str:
    """One sentence: the changes that are large and more than chance, after all looks are counted."""
    second = generations(record)[1]
    looked = ", ".join(second.evidence.get("changes", {})) or "nothing"
    if second.changes:
        return f"B differs from A in: {', '.join(second.changes)} (looked at: {looked})."
    return f"None of the changes looked for is both large and more than chance (looked at: {looked})."


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    name = f"{row['name']} {row['variant']}".strip()
    if row["status"] != "ok":
        return (name, f"{row['status']}: {row['reason']}", "", "", "")
    null, z = ("" if row[key] is None else number(row[key]) for key in ("null", "z"))
    return (name, number(row["value"]), _interval(row["low"], row["high"]), null, z)


def _interval(low: Any, high: Any) -> str:
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


def _printable(line: str) -> str:
    return "".join(character for character in line if character.isprintable())
