"""Training logs beside the trends: each curve brought to the positions of the generations.

Where the log counts generations, or its steps lie within the numbers of the generations (checkpoints numbered by
step), a value stands between the generations that enclose it. A log in other steps is spread over the whole run, from
the first generation to the last, with a warning. `log.I.position` and `log.I.value` hold curve I of run.json["logs"].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from geometry.schema import array_index
from geometry.sources.logs import Curve, read_log
from geometry.types import Array, Floats, Record

MOST = 2000  # points of a curve that are kept, evenly spread


def curves_of(paths: Sequence[str]) -> list[Curve]:
    """The curves of all logs; InputError for one that cannot be read, before anything is computed."""
    return [curve for path in paths for curve in read_log(path)]


def with_logs(record: Record, curves: Sequence[Curve]) -> Record:
    """The record with the curves in it."""
    if not curves:
        return record
    numbers = np.array(sorted({one["generation"] for one in record.run["inputs"]}), np.float64)
    arrays: dict[str, Array] = {}
    told: list[str] = []
    logs: list[dict[str, Any]] = []
    for i, curve in enumerate(curves):
        kept = np.unique(np.linspace(0, len(curve.at) - 1, min(MOST, len(curve.at))).round().astype(np.int64))
        place, spread = positions(curve, numbers)
        arrays |= {f"log.{i}.position": place[kept], f"log.{i}.value": curve.value[kept]}
        logs.append({"name": curve.name, "axis": curve.axis, "source": curve.source, "spread": spread})
        if spread:
            span = f"{curve.axis} {curve.at[0]:g} to {curve.at[-1]:g}"
            told.append(f"{curve.source}: {span} are no generation numbers; the log is spread over the whole run")
    run = record.run | {
        "logs": logs,
        "warnings": [*record.run["warnings"], *dict.fromkeys(told)],
        "arrays": {**record.run["arrays"], **array_index(arrays)},
    }
    return replace(record, run=run, arrays=record.arrays | arrays)


def positions(curve: Curve, numbers: Floats) -> tuple[Floats, bool]:
    """(m,) place of every value among generations at 0, 1, 2, ..., and whether it had to be spread over the run."""
    where = np.arange(len(numbers), dtype=np.float64)
    if curve.axis == "generation" or (curve.at[0] >= numbers[0] and curve.at[-1] <= numbers[-1]):
        return np.asarray(np.interp(curve.at, numbers, where), np.float64), False
    length = curve.at[-1] - curve.at[0]
    share = (curve.at - curve.at[0]) / length if length > 0 else np.zeros(len(curve.at))
    return share * where[-1], True
