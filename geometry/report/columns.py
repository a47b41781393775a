"""Rows of words as columns of plain text: every table for a terminal but that of the generations, which may be cut."""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "


def columns(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """A line per row, each column as wide as its widest cell: the first `left` set left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
