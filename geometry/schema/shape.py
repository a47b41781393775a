"""Whether what was read as a record has the types that its readers count on; whatever is absent is left to them.

A run.json from elsewhere may be any JSON. Looked at are the places that are followed by name or number: the sets, the
reference among them, the verdict on each, and the rows of results with their numbers. The full contract is run-1.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

OBJECTS = ("arguments", "arrays", "versions", "verdict", "quality", "timings", "exactness")
TEXTS = ("name", "variant", "layer", "status", "reason", "method", "source", "digest", "state", "null_of")
WHOLE = ("generation", "position", "n", "d")
NUMBERS = ("value", "stderr", "low", "high", "null", "z", "effect", "p")


def require_shape(run: Any, results: Any) -> None:
    """TypeError or ValueError that names the place where a document or its rows are of no run."""
    _require(run, dict, "the document")
    for name in OBJECTS:
        _require(run.get(name, {}), dict, name)
    inputs = _objects(run.get("inputs", []), "inputs")
    told = _objects(run.get("verdict", {}).get("generations", []), "verdict.generations")
    for one in told:
        _evidence(one.get("evidence", {}))
    _require(run.get("verdict", {}).get("onsets", {}), dict, "verdict.onsets")
    rows = _objects(results, "results")
    reference = run.get("reference", 0)
    _require(reference, int, "reference")
    if "inputs" not in run:
        return
    if not 0 <= reference < len(inputs):
        raise ValueError(f"reference {reference} of {len(inputs)} sets")
    if len(told) > len(inputs):
        raise ValueError(f"verdicts on {len(told)} of {len(inputs)} sets")
    if not all(0 <= row.get("position", 0) < len(inputs) for row in rows):
        raise ValueError(f"results of a set that is none of the {len(inputs)}")


def _objects(found: Any, where: str) -> list[dict[str, Any]]:
    """A list of objects whose fields by the names above have their types."""
    _require(found, list, where)
    for one in found:
        _require(one, dict, where)
        _fields(one, where)
    return list(found)


def _evidence(found: Any) -> None:
    _require(found, dict, "evidence")
    for kind in ("state", "flags", "changes"):
        _require(found.get(kind, {}), dict, f"evidence.{kind}")
    for change in found.get("changes", {}).values():
        _require(change, dict, "evidence.changes")
        _fields(change, "evidence.changes")


def _fields(one: dict[str, Any], where: str) -> None:
    for names, kinds in ((TEXTS, (str,)), (WHOLE, (int,)), (NUMBERS, (int, float, type(None)))):
        for name in set(names) & set(one):
            _require(one[name], kinds, f"{where}.{name}")
            if isinstance(one[name], float) and not isfinite(one[name]):
                raise ValueError(f"{where}.{name} is {one[name]}, no number of JSON")


def _require(value: Any, kinds: type | Iterable[type], where: str) -> None:
    kinds = (kinds,) if isinstance(kinds, type) else tuple(kinds)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{where} is {type(value).__name__}, not {' or '.join(kind.__name__ for kind in kinds)}")
