"""What the layers see, as a table: the rows furthest along each principal direction of every layer and generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from geometry.report.reading import arrays, generations
from geometry.report.save import write_data
from geometry.schema.places import make_folder
from geometry.types import Record

FURTHEST = "layers/furthest.csv"
HEADER = ["layer", "generation", "direction", "end", "row", "score", "id", "label"]


def write_furthest(record: Record, folder: Path) -> list[Path]:
    """layers/furthest.csv in the folder of a run, where the record has such rows; the paths written."""
    found = _rows(record)
    if not found:
        return []
    make_folder((folder / FURTHEST).parent)
    return [write_data(folder / FURTHEST, HEADER, found)]


def _rows(record: Record) -> list[list[Any]]:
    every, table = generations(record), []
    for g, numbers in arrays(record, "furthest.rows").items():
        sides = [record.arrays.get(f"furthest.{key}.{g}") for key in ("ids", "labels")]
        scores = record.arrays[f"furthest.scores.{g}"]
        for at, row in np.ndenumerate(numbers):
            where = [every[g].layer, every[g].number, at[0] + 1, ("high", "low")[at[1]]]
            table.append([*where, int(row), f"{scores[at]:.5g}", *("" if s is None else str(s[at]) for s in sides)])
    return table
