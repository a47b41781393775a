"""Which run a folder is of: all that its numbers follow from, and what tells two runs apart.

Left out: memory, threads and the machine, which change no digit; but which sets stay in their files is part of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.schema import dumps
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.analysis.plan import Plan

WITHOUT = ("memory_budget", "log")  # arguments that change no digit


def identity(plan: Plan, versions: dict[str, str]) -> dict[str, Any]:
    """Everything that the numbers of a run follow from."""
    from geometry.analysis.plan import name
    from geometry.pairs.plan import resolve_device

    arguments = {key: value for key, value in asdict(plan.options).items() if key not in WITHOUT}
    arguments["device"] = resolve_device(plan.options.device)
    packages = {name: number for name, number in versions.items() if name not in ("python", "platform")}
    inputs = [
        {"generation": one.generation, "layer": one.layer, "points": one.digest, "dropped": one.dropped}
        | {side: _digest(getattr(one, side)) for side in ("labels", "ids", "origin")}
        for one in plan.sets
    ]
    arguments["statistics"] = [entry.name for entry in plan.entries]
    streamed = [name(one) for one, scan in zip(plan.sets, plan.scans, strict=True) if scan.whole is not None]
    arguments |= {"sets in files": streamed} if streamed else {}
    found: dict[str, Any] = json.loads(dumps({"arguments": arguments, "inputs": inputs, "packages": packages}))
    return found


def _digest(values: Array | None) -> str | None:
    if values is None:
        return None
    flat = np.asarray(values)
    content = repr(flat.tolist()).encode() if flat.dtype.hasobject else np.ascontiguousarray(flat).tobytes()
    return hashlib.sha256(f"{flat.shape} {flat.dtype.str} ".encode() + content).hexdigest()


def difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What tells two identities apart, in words; empty where they are equal."""
    for part in ("arguments", "packages"):
        old, new = before.get(part, {}), now[part]
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                return f"{key} was {old.get(key)}, now {new.get(key)}"
    old, new = before.get("inputs", []), now["inputs"]
    if len(old) != len(new):
        return f"there were {len(old)} sets, now {len(new)}"
    changed = [one["generation"] for one, was in zip(new, old, strict=True) if one != was]
    return f"generation {changed[0]} has changed" if changed else ""
