"""The generations as a plain-text table for the terminal."""

from __future__ import annotations

from geometry.report.columns import GAP
from geometry.report.reading import generations, is_of_arms, number, series
from geometry.types import Record

VALUES = ("effective_rank", "mle", "angle_dimension", "structure_gain", "dimension_gap", "scale")
SHORTEST = 12  # characters that a column of words keeps when the terminal is narrow


def text(record: Record, width: int = 120) -> str:
    """Two lines of headings, then one per generation: state, changes, flags, and the main statistics that fit `width`.

    Where even the words are too wide they are cut, with an ellipsis. Cells hold no control characters.
    """
    words, numbers = _words(record), [_numbers(record, name) for name in VALUES]
    numbers = [column for column in numbers if any(cell != "–" for cell in column[2:])]
    while numbers and _width([*words, *numbers]) > width:
        numbers.pop()
    longest = max(len(cell) for column in words for cell in column)
    while _width([*words, *numbers]) > width and longest > SHORTEST:
        longest -= 1
        words = [[_cut(cell, longest) for cell in column] for column in words]
    return "".join(line.rstrip() + "\n" for line in _lines(words, numbers))


def _words(record: Record) -> list[list[str]]:
    every = generations(record)
    columns = {
        "arm" if is_of_arms(record) else "generation": [one.called for one in every],
        "layer": [one.layer for one in every],
        "state": [one.state + (f" ({one.reason})" if one.reason else "") for one in every],
        "changes": [", ".join(one.changes) for one in every],
        "flags": [", ".join(one.flags) for one in every],
    }
    return [
        ["", heading, *("".join(c for c in cell if c.isprintable()) or "–" for cell in cells)]
        for heading, cells in columns.items()
        if any(cells)
    ]


def _numbers(record: Record, name: str) -> list[str]:
    rows = series(record, name)
    first, _, second = name.partition("_")
    return [
        first if second else "",
        second or first,
        *(number(rows.get(one.position, {}).get("value")) for one in generations(record)),
    ]


def _width(columns: list[list[str]]) -> int:
    return sum(max(map(len, column)) for column in columns) + len(GAP) * (len(columns) - 1)


def _cut(cell: str, longest: int) -> str:
    return cell if len(cell) <= longest else cell[: longest - 1] + "…"


def _lines(words: list[list[str]], numbers: list[list[str]]) -> list[str]:
    left = [[cell.ljust(max(map(len, column))) for cell in column] for column in words]
    right = [[cell.rjust(max(map(len, column))) for cell in column] for column in numbers]
    return [GAP.join(cells) for cells in zip(*left, *right, strict=True)]
