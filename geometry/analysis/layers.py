"""Records of several layers as one: positions run through all layers, and the verdict says which layer falls first.

Layers stand one after the other in the order of the network, each with its generations: `inputs`, rows and arrays
count positions through. `run.json["layers"]` names them; `verdict["layers"]` has for each its positions, reference,
onsets and sentence; `verdict["onsets"]` the earliest onset of each change over layers, with the layer;
`verdict["first"]` the first layer to collapse. Arrays of a whole layer (`lost.tails.rows`) are kept as
`layer.I.lost.tails.rows`, I the number of the layer. `geometry.report.layers.of_layer` takes one layer out again.

Collapse is a loss: a change in LOSSES whose effect lies below its limit (copies: above). Tails are no part of it: the
layers of two models need not lie in one place. Among layers that fall in one generation the first is the one with the
most losses then, and of these the one nearest to the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry.report.layers import POSITION
from geometry.schema import array_index
from geometry.types import Array, Record

LOSSES = ("variance", "dimension", "structure", "modes", "duplicates")
WORST = ("exact", "partial", "approximate")


def of_layers(records: Sequence[Record]) -> Record:
    """The records of the layers as one, in their order."""
    offsets = [sum(len(one.run["inputs"]) for one in records[:i]) for i in range(len(records))]
    arrays: dict[str, Array] = {}
    rows: list[dict[str, Any]] = []
    for i, (one, offset) in enumerate(zip(records, offsets, strict=True)):
        arrays |= {_moved(key, i, offset): array for key, array in one.arrays.items()}
        rows += [row | {"position": row["position"] + offset} for row in one.results]
    return Record(_run(records, offsets, arrays), rows, arrays)


def _moved(key: str, layer: int, offset: int) -> str:
    numbered = POSITION.match(key)
    if numbered:
        return f"{numbered[1]}{int(numbered[2]) + offset}"
    return f"layer.{layer}.{key}" if key.startswith("lost.") else key


def _run(records: Sequence[Record], offsets: Sequence[int], arrays: dict[str, Array]) -> dict[str, Any]:
    runs = [one.run for one in records]
    layers = [run["inputs"][0]["layer"] for run in runs]
    told = [f"{layer}: {warning}" for layer, run in zip(layers, runs, strict=True) for warning in run["warnings"]]
    quality = {
        view: {measure: [v for run in runs for v in run["quality"][view][measure]] for measure in measures}
        for view, measures in runs[0]["quality"].items()
    }
    kinds = [run["exactness"]["neighbors"] for run in runs]
    exactness = {"neighbors": max(kinds, key=WORST.index)} | {
        key: [value for run in runs for value in run["exactness"][key]]
        for key in ("uncertified_rows", "recall", "streamed")
    }
    return runs[-1] | {
        "layers": layers,
        "reference": runs[0]["reference"],
        "inputs": [given for run in runs for given in run["inputs"]],
        "exactness": exactness,
        "warnings": told,
        "verdict": _verdict(runs, layers, offsets),
        "quality": quality,
        "arrays": array_index(arrays),
    }


def _verdict(runs: Sequence[dict[str, Any]], layers: Sequence[str], offsets: Sequence[int]) -> dict[str, Any]:
    each = [
        {
            "layer": layer,
            "reference": run["reference"] + offset,
            "positions": [offset + g for g in range(len(run["inputs"]))],
            "onsets": run["verdict"]["onsets"],
            "summary": run["verdict"]["summary"],
        }
        for layer, run, offset in zip(layers, runs, offsets, strict=True)
    ]
    every = [
        one | {"layer": layer} for layer, run in zip(layers, runs, strict=True) for one in run["verdict"]["generations"]
    ]
    onsets: dict[str, Any] = {}
    for layer, run in zip(layers, runs, strict=True):
        for change, since in run["verdict"]["onsets"].items():
            if change not in onsets or since["generation"] < onsets[change]["generation"]:
                onsets[change] = since | {"layer": layer}
    first = first_to_collapse([run["verdict"] for run in runs], layers)
    return {"generations": every, "onsets": onsets, "layers": each, "first": first, "summary": _summary(each, first)}


def first_to_collapse(verdicts: Sequence[dict[str, Any]], layers: Sequence[str]) -> dict[str, Any] | None:
    """layer, generation and losses, with their onsets, of the layer that falls first; None where none does."""
    fallen = []
    for depth, (layer, verdict) in enumerate(zip(layers, verdicts, strict=True)):
        losses = {change: since for change, since in verdict["onsets"].items() if _lost(change, since, verdict)}
        if losses:
            generation = min(since["generation"] for since in losses.values())
            at_once = {change: since for change, since in losses.items() if since["generation"] == generation}
            sure = not all(since["provisional"] for since in at_once.values())
            found = {"layer": layer, "generation": generation, "changes": at_once, "provisional": not sure}
            fallen.append(((generation, -len(at_once), depth), found))
    return min(fallen, key=lambda one: one[0])[1] if fallen else None


def _lost(change: str, since: dict[str, Any], verdict: dict[str, Any]) -> bool:
    """Whether a change that holds from its onset on is a loss there."""
    if change not in LOSSES:
        return False
    at = next(one for one in verdict["generations"] if one["generation"] == since["generation"])
    found = at["evidence"]["changes"][change]
    low, high = found["threshold"]
    if change == "duplicates":
        return bool(high is not None and found["effect"] > high)
    return change == "structure" or bool(low is not None and found["effect"] < low)


def _summary(each: Sequence[dict[str, Any]], first: dict[str, Any] | None) -> str:
    """One sentence on all layers."""
    changed = [one["layer"] for one in each if one["onsets"]]
    if not changed:
        return f"{_counted(len(each))}: no change against the reference holds to the end."
    held = f"{_counted(len(each))}, of which {len(changed)} changed against the reference"
    if first is None:
        return f"{held}; none of the changes is a loss."
    what = " and ".join(first["changes"])
    note = " (seen in the last generation only)" if first["provisional"] else ""
    return f"{held}; the first to collapse is {first['layer']}: {what} since generation {first['generation']}{note}."


def _counted(layers: int) -> str:
    return f"{layers} layer{'s' if layers != 1 else ''}"
