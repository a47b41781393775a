"""The points of the page: where rows lie, who they are, what they can be coloured by; all from arrays of the record.

At most MOST points in all generations together, evenly shared. `keys` tell which rows of two generations are the same
(`matching`): by ids where every generation has ids; by row number where the record's `agreement` says that rows of one
number lie where they lay in the generation before; else not at all. Points stand in the order of their keys, whatever
the order of the rows in a file.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from geometry.report.attribution import KINDS
from geometry.report.page.packing import MISSING, levels, packed, packed_text, positions, steps
from geometry.report.reading import arrays, generations
from geometry.types import Array, Floats, Record

MOST = 600_000
VALUES = (  # key, heading, what it says, arrays in order of preference, whole range or None
    ("density", "density", "log₁₀ of R over the distance to the 10th nearest row", ("density",), None),
    ("dimension", "local dimension", "intrinsic dimension about the row", ("mle.harmonic", "mle"), None),
    ("tail", "tail", "share of the reference's rows in denser places", ("rarity",), (0.0, 1.0)),
)
ALIKE = 0.3  # agreement from which row numbers are taken to name rows: independent samples have about 0
MOST_LABELS, COLORS = 2000, 10
CLIPPED = (0.5, 99.5)  # per cent of the values that the colours span


def clouds(record: Record, most: int = MOST) -> dict[str, Any] | None:
    """Points, nulls, labels and values of all generations; None where the record has no coordinates."""
    places = {g: rows for g, rows in arrays(record, "coordinates.radial").items() if len(rows)}
    if not places:
        return None
    first = {g: np.arange(min(len(rows), most // len(places))) for g, rows in places.items()}
    matching, keys, ids = _keys(record, first)
    kept = {g: np.argsort(own, kind="stable") for g, own in keys.items()}
    shared: dict[str, Any] = {"matching": matching, "kinds": list(KINDS)}
    if ids is not None:
        shared["ids"] = packed_text(ids)
    labels, codes = _labels(record, kept)
    values = {key: found for key, *_ in VALUES if (found := _values(record, key, kept))}
    shared |= {"labels": labels, "values": [_scale(key, found) for key, found in values.items()]}
    ranges = {one["key"]: (one["low"], one["high"]) for one in shared["values"]}
    each: list[dict[str, Any] | None] = []
    for g in range(len(generations(record))):
        if g not in places:
            each.append(None)
            continue
        own = _place(places[g][kept[g]]) | {"total": len(places[g]), "keys": packed(steps(keys[g][kept[g]]))}
        own |= {"labels": packed(codes[g])} if g in codes else {}
        own |= {key: packed(levels(found[g], *ranges[key])) for key, found in values.items() if g in found}
        each.append(own | _novelty(record, g, kept[g]) | _null(record, g))
    return shared | {"generations": each}


def _rows(record: Record, g: int) -> Array:
    count = len(record.arrays[f"coordinates.radial.{g}"])
    return np.asarray(record.arrays.get(f"rows.{g}", np.arange(count)))


def _place(places: Array) -> dict[str, Any]:
    coded, reach = positions(places)
    return {"count": len(coded), "reach": reach, "places": packed(coded.T)}


def _null(record: Record, g: int) -> dict[str, Any]:
    places = record.arrays.get(f"coordinates.null.{g}")
    return {} if places is None or len(places) == 0 else {"null": _place(places)}


def _keys(record: Record, first: dict[int, Array]) -> tuple[str, dict[int, Array], list[str] | None]:
    """How rows are matched, the keys of the first rows per generation, and the ids that keys stand for."""
    ids = {g: record.arrays[f"ids.{g}"][rows].tolist() for g, rows in first.items() if f"ids.{g}" in record.arrays}
    rows = {g: _rows(record, g)[own] for g, own in first.items()}
    if len(ids) == len(first) and all(len(set(own)) == len(own) for own in ids.values()):
        known: dict[str, int] = {}
        for g, own in ids.items():
            for i in np.argsort(rows[g], kind="stable"):
                known.setdefault(own[i], len(known))
        return "ids", {g: np.array([known[one] for one in own]) for g, own in ids.items()}, list(known)
    alike = [float(value[0]) for value in arrays(record, "agreement").values()]
    known_alike = len(alike) == len(first) - 1 > 0 and min(alike) >= ALIKE
    return ("numbers" if known_alike else ""), rows, None


def _labels(record: Record, kept: dict[int, Array]) -> tuple[list[str], dict[int, Array]]:
    """Names, first those with a colour of their own (the most frequent, in their order); and each row's number."""
    own = {g: record.arrays[f"labels.{g}"][rows].tolist() for g, rows in kept.items() if f"labels.{g}" in record.arrays}
    counts = Counter(name for names in own.values() for name in names)
    if not counts or len(counts) > MOST_LABELS:
        return [], {}
    names = sorted(counts, key=lambda name: (-counts[name], name))
    own_color = COLORS if len(names) <= COLORS else COLORS - 1
    names = sorted(names[:own_color]) + names[own_color:]
    rank = {name: code for code, name in enumerate(names)}
    return names, {g: np.array([rank[name] for name in given], np.uint16) for g, given in own.items()}


def _values(record: Record, key: str, kept: dict[int, Array]) -> dict[int, Floats]:
    """One value per point, of the generations that have any."""
    (names,) = (names for known, _, _, names, _ in VALUES if known == key)
    found = {}
    for g, rows in kept.items():
        every = next((record.arrays[f"point.{n}.{g}"] for n in names if f"point.{n}.{g}" in record.arrays), None)
        numbers = _rows(record, g)[rows]
        if every is not None and numbers.max() < len(every) and np.isfinite(every[numbers]).any():
            found[g] = every[numbers].astype(np.float64)
    return found


def _scale(key: str, found: dict[int, Floats]) -> dict[str, Any]:
    heading, says, whole = next((h, s, w) for known, h, s, _, w in VALUES if known == key)
    every = np.concatenate(list(found.values()))
    low, high = whole or np.percentile(every[np.isfinite(every)], CLIPPED).tolist()
    return {"key": key, "heading": heading, "says": says, "low": low, "high": high}


def _novelty(record: Record, g: int, kept: Array) -> dict[str, Any]:
    kinds = [record.arrays.get(f"point.novelty.{kind}.{g}") for kind in KINDS]
    numbers = _rows(record, g)[kept]
    if any(kind is None or numbers.max() >= len(kind) for kind in kinds):
        return {}
    marks = np.stack([np.nan_to_num(np.asarray(kind, np.float64))[numbers] for kind in kinds])
    return {"novelty": packed(np.where(marks.any(axis=0), marks.argmax(axis=0), MISSING).astype(np.uint8))}
