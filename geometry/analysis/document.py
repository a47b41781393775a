"""run.json: everything it takes to know and to repeat what a run did."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from geometry.analysis import memory
from geometry.analysis.plan import Plan, name
from geometry.estimates import recall_told
from geometry.schema import array_index
from geometry.sources import Hygiene, hygiene
from geometry.types import Array

SCHEMA_VERSION = 1
PACKAGES = ("embedding-geometry", "numpy", "scipy", "scikit-learn", "torch")


def document(
    plan: Plan,
    verdict: dict[str, Any],
    quality: Mapping[str, Mapping[str, list[float]]],
    arrays: dict[str, Array],
    timings: dict[str, float],
) -> dict[str, Any]:
    """The run as a dictionary that meets geometry/schema/run-1.json."""
    scan = plan.scans[0]
    return {
        "schema_version": SCHEMA_VERSION,
        "versions": versions(),
        "arguments": _arguments(plan),
        "seed": plan.options.seed,
        "k": plan.options.k,
        "device": plan.options.device,
        "engine": scan.executor.name,
        "reference": plan.reference,
        "inputs": [_input(plan, g) for g in range(len(plan.sets))],
        "exactness": _exactness(plan),
        "warnings": [*plan.warnings, *_recall_notes(plan)],
        "verdict": verdict,
        "quality": {view: dict(measures) for view, measures in quality.items()},
        "arrays": array_index(arrays),
        "timings": rounded(timings),
        "peak_memory_bytes": memory.peak(),
    }


def rounded(timings: dict[str, float]) -> dict[str, float]:
    """Seconds by step, to a tenth of a millisecond."""
    return {step: round(seconds, 4) for step, seconds in timings.items()}


def versions() -> dict[str, str]:
    """Python, the platform and the packages that numbers come from."""
    machine = os.uname()  # platform.platform() starts a process to find the same
    found = {"python": platform.python_version(), "platform": f"{machine.sysname}-{machine.release}-{machine.machine}"}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a source tree without installation
            found[package] = "not installed"
    return found


def _arguments(plan: Plan) -> dict[str, Any]:
    fields = asdict(plan.options)
    return fields | {"statistics": [entry.name for entry in plan.entries]}


def _input(plan: Plan, g: int) -> dict[str, Any]:
    one, scan = plan.sets[g], plan.scans[g]
    return {
        "generation": one.generation,
        "name": name(one),
        "layer": one.layer,
        "source": one.source,
        "digest": one.digest,
        "n": len(one.points),
        "n_used": scan.n,
        "d": int(one.points.shape[1]),
        "dtype": str(one.points.dtype),
        "labelled": one.labels is not None,
        "dropped": one.dropped,
        "hygiene": hygiene_of(plan, g).as_dict(),
    }


def hygiene_of(plan: Plan, g: int) -> Hygiene:
    """How clean the set at position g is, looked at once: best before statistics have filled the memory."""
    memo = plan.scans[g].memo
    if "hygiene" not in memo:
        memo["hygiene"] = hygiene(plan.sets[g].points, plan.sets[g].ids)
    found: Hygiene = memo["hygiene"]
    return found


def _exactness(plan: Plan) -> dict[str, Any]:
    """Whether every neighbour in the tables is certified, per generation the rows that are not, and rows in files."""
    uncertified = []
    for scan in plan.scans:
        table = scan.neighbors(min(plan.options.k, scan.n - 1)) if scan.n > 1 else None
        uncertified.append(0 if table is None else int((~table.certified).sum()))
    tables = [scan.least_recall for scan in plan.scans]
    kind = "approximate" if any(tables) else "partial" if any(uncertified) else "exact"
    recall = [t and {"value": t.recall, "low": t.recall_low, "high": t.recall_high} for t in tables]
    streamed = [scan.whole and {"rows": len(scan.whole.stored), "sampled": scan.n} for scan in plan.scans]
    return {"neighbors": kind, "uncertified_rows": uncertified, "recall": recall, "streamed": streamed}


def _recall_notes(plan: Plan) -> list[str]:
    """What the approximate neighbours of each generation are worth."""
    tables = {name(one): scan.least_recall for one, scan in zip(plan.sets, plan.scans, strict=True)}
    return [f"{called}: approximate neighbours, {recall_told(t)}" for called, t in tables.items() if t is not None]
