"""Training logs: named curves over steps, from CSV, JSON lines, the JSON of a trainer, or TensorBoard event files.

The axis is the first of `generation`, `step`, `global_step`, `iteration`, `epoch` that the log has, else the number of
the row. Empty cells and values that are not finite are left out, as are columns of text; nested JSON gets names with
points. A last JSON line without its end is a training that still writes, and is left out too. Lines longer than those
of a table of embeddings, and objects in one another beyond Python's own limit, are refused.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import GeometryError, InputError, reason_of
from geometry.sources.csv_files import LONGEST_LINE, MOST_COLUMNS
from geometry.sources.extras import optional
from geometry.types import Floats

AXES = ("generation", "step", "global_step", "iteration", "epoch")
EVENTS = "tfevents"


@dataclass(frozen=True)
class Curve:
    """value (m,) over at (m,), in the unit of `axis`: one of AXES, or `row`."""

    name: str
    axis: str
    at: Floats
    value: Floats
    source: str


def read_log(path: str | os.PathLike[str]) -> list[Curve]:
    """The curves of a log, in the order of the file; InputError where it is unreadable or has no numbers."""
    place = Path(path).expanduser()
    if not place.exists():
        raise InputError(f"{place} does not exist; name a .csv, .jsonl or .json log, or TensorBoard event files")
    readers = {".csv": _csv, ".tsv": _csv, ".jsonl": _lines, ".ndjson": _lines, ".json": _document}
    events = place.is_dir() or EVENTS in place.name
    if not events and place.suffix.lower() not in readers:
        raise InputError(f"{place} is no log that can be read; it is one of {', '.join(readers)} or TensorBoard events")
    try:
        return _events(place) if events else _curves(readers[place.suffix.lower()](place), place)
    except GeometryError:
        raise
    except Exception as error:  # a damaged file can raise anything in three libraries
        reason = reason_of(error, 120)
        raise InputError(
            f"{place} cannot be read as a log: {type(error).__name__} {reason}; it is damaged or of another format; "
            "write or copy it again"
        ) from error


def _curves(rows: Iterable[dict[str, float]], place: Path) -> list[Curve]:
    """One curve per name; a row without the axis of the others is left out."""
    kept = list(rows)
    names = list(dict.fromkeys(name for row in kept for name in row))
    axis = next((name for wanted in AXES for name in names if name.lower() == wanted), "")
    made = []
    for name in names:
        pairs = [
            (row[axis] if axis else i, row[name])
            for i, row in enumerate(kept)
            if name in row and (not axis or axis in row)
        ]
        if name.lower() not in AXES and pairs:
            at, value = np.array(pairs, np.float64).T
            order = np.argsort(at, kind="stable")
            made.append(Curve(name, axis.lower() or "row", at[order], value[order], str(place)))
    if not made:
        raise InputError(f"{place} holds no curve: no column of numbers beside {axis or 'its rows'}")
    return made


def _csv(place: Path) -> Iterator[dict[str, float]]:
    with place.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline(LONGEST_LINE + 1)
        if len(first) > LONGEST_LINE or max(map(first.count, ",;\t")) > MOST_COLUMNS:
            raise InputError(f"{place}: line 1 has over {LONGEST_LINE} characters or {MOST_COLUMNS} columns: no log")
        stream.seek(0)
        reader = csv.DictReader(stream, delimiter=max(",;\t", key=first.count))
        for row in reader:
            yield _numbers({str(name): text for name, text in row.items() if name is not None})


def _lines(place: Path) -> Iterator[dict[str, float]]:
    lines = place.read_text("utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _numbers(_flat(json.loads(line)))
        except (ValueError, AttributeError, RecursionError) as error:
            if number == len(lines):  # without its end
                return
            raise InputError(f"{place}: line {number} is no JSON object ({error})") from error


def _document(place: Path) -> Iterator[dict[str, float]]:
    """A list of rows, or the trainer_state.json of transformers."""
    try:
        found = json.loads(place.read_text("utf-8"))
        rows = found["log_history"] if isinstance(found, dict) else found
        yield from [_numbers(_flat(row)) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{place} is no list of rows and has no log_history ({error})") from error


def _events(place: Path) -> list[Curve]:
    tensorboard = optional("tensorboard.backend.event_processing.event_accumulator", "tensorboard", str(place))
    files = [place] if place.is_file() else sorted(place.rglob(f"*{EVENTS}*"))
    if not files:
        raise InputError(f"{place} holds no TensorBoard event file ({EVENTS}); name the log itself")
    made = []
    for file in files:
        reader = tensorboard.EventAccumulator(str(file), size_guidance={"scalars": 0}).Reload()
        for name in reader.Tags()["scalars"]:
            pairs = [(one.step, one.value) for one in reader.Scalars(name) if np.isfinite(one.value)]
            if pairs:
                at, value = np.array(pairs, np.float64).T
                made.append(Curve(name, "step", at, value, str(file)))
    if not made:
        raise InputError(f"{place} holds no scalars")
    return made


def _flat(row: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    """The finite numbers of a row; booleans and text are none."""
    found = {}
    for name, value in row.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            number = float(value)
        except (ValueError, OverflowError):
            continue
        if np.isfinite(number):
            found[name] = number
    return found
