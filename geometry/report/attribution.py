"""Who was lost and who is new, as tables beside the report: reads a record, computes nothing.

attribution/lost_tails.csv    tail rows of the reference lost to the end: row, id, label, since which generation
attribution/lost_modes.csv    modes of the reference lost to the end
attribution/rows_G.csv        per row of the generation at position G: row, id, label, origin, novelty, provenance (the
                              probability that it is generated), weight
attribution/weights_G.npy     the weights (n,) float64 alone, mean 1 over the rows looked at, NaN for those that were
                              not: for drawing the next training set so that the reference's tails come back
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from geometry.report.reading import arrays
from geometry.report.save import write_data
from geometry.schema import write_array
from geometry.schema.places import make_folder
from geometry.types import Array, Record

KINDS = ("copy", "interpolation", "blend", "extrapolation")


def write_tables(record: Record, folder: Path) -> list[Path]:
    """The tables that the record has data for, into folder/attribution; returns their paths."""
    made = {**_lost(record, "tails", ("rows", "ids", "labels")), **_lost(record, "modes", ("names",))}
    rows = arrays(record, "point.row")
    made |= {f"rows_{g}.csv": _rows(record, g, numbers) for g, numbers in rows.items()}
    weights = {g: values for g, values in arrays(record, "point.provenance.weights").items() if g in rows}
    if not made and not weights:
        return []
    make_folder(folder / "attribution")
    paths = [write_data(folder / "attribution" / name, header, body) for name, (header, body) in made.items()]
    for g, values in weights.items():
        paths.append(folder / "attribution" / f"weights_{g}.npy")
        write_array(paths[-1], values.astype(np.float64))
    return paths


def table_names(generations: int) -> list[str]:
    """The files that `write_tables` can write of a run, within its folder."""
    each = [name for g in range(generations) for name in (f"rows_{g}.csv", f"weights_{g}.npy")]
    return [f"attribution/{name}" for name in ("lost_tails.csv", "lost_modes.csv", *each)]


Table = tuple[list[str], list[list[Any]]]


def _lost(record: Record, what: str, columns: tuple[str, ...]) -> dict[str, Table]:
    since = record.arrays.get(f"lost.{what}.since")
    if since is None:
        return {}
    known = {c: record.arrays[f"lost.{what}.{c}"] for c in columns if f"lost.{what}.{c}" in record.arrays}
    header = [name.removesuffix("s") for name in known] + ["lost_since_generation"]
    return {f"lost_{what}.csv": (header, _transposed([*known.values(), since]))}


def _rows(record: Record, g: int, numbers: Array) -> Table:
    columns: dict[str, Array] = {"row": numbers}
    columns |= {
        key: record.arrays[f"point.{key}.{g}"]
        for key in ("id", "label", "origin")
        if f"point.{key}.{g}" in record.arrays
    }
    kinds = [record.arrays.get(f"point.novelty.{kind}.{g}") for kind in KINDS]
    if all(kind is not None for kind in kinds):
        columns["novelty"] = _kinds(np.stack([np.nan_to_num(np.asarray(kind, np.float64)) for kind in kinds], axis=1))
    for key, variant in (("provenance", "probability"), ("weight", "weights")):
        values = record.arrays.get(f"point.provenance.{variant}.{g}")
        if values is not None:
            columns[key] = np.array(["" if np.isnan(value) else f"{value:.6g}" for value in values])
    return list(columns), _transposed(list(columns.values()))


def _kinds(chosen: Array) -> Array:
    """(n,) names of the kinds that rows (n, 4) are of; empty for a row that was not looked at."""
    return np.where(chosen.any(axis=1), np.array(KINDS)[chosen.argmax(axis=1)], "")


def _transposed(columns: list[Array]) -> list[list[Any]]:
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
