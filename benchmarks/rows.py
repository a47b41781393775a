"""The rows of benchmarks/results: one per case, peer and run, with all it takes to judge the number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers import OURS

Row = dict[str, Any]
RESULTS = Path(__file__).resolve().parent / "results"
FIELDS = (
    "case", "parameters", "peer", "package", "engine", "device", "p20", "p50", "p80", "repeats", "recall",
    "sampled_rows", "tflops", "share_of_peak", "peak_tflops", "peak_bytes", "ratio", "values", "gate", "date",
    "processor", "cores", "threads", "gpu", "driver", "versions", "settings", "commit",
)  # fmt: skip


def row_of(case: Case, peer: str, answer: dict[str, Any], found: float | None, ceiling: float | None) -> Row:
    """What was measured of one peer. ceiling: the machine's best matrix rate in TFLOP/s."""
    p20, p50, p80 = (float(value) for value in np.percentile(answer["seconds"], (20, 50, 80)))
    values: dict[str, float | None] = answer.get("values", {})
    rate = case.flop / p50 / 1e12 if case.flop and "bytes" not in values else None
    return {
        "case": case.task,
        "parameters": case.parameters,
        "peer": peer,
        "engine": answer.get("engine", ""),
        "p20": p20,
        "p50": p50,
        "p80": p80,
        "repeats": len(answer["seconds"]),
        "recall": found,
        "tflops": rate,
        "share_of_peak": rate / ceiling if rate and ceiling else None,
        "peak_tflops": ceiling,
        "peak_bytes": answer["peak_bytes"],
        "ratio": None,
        "values": values,
    }


def with_ratios(rows: list[Row]) -> list[Row]:
    """Rows of one case with the time of each over that of ours; None where ours was not timed."""
    ours = next((row["p50"] for row in rows if row["peer"] == OURS), None)
    return [row | {"ratio": row["p50"] / ours if ours else None} for row in rows]


def append(rows: list[Row], folder: Path) -> None:
    """Add the rows to CASE.jsonl in `folder`; ValueError where one lacks a field or has one too many."""
    for row in rows:
        if set(row) != set(FIELDS):
            raise ValueError(f"a row must have the fields {FIELDS}; this one differs in {set(row) ^ set(FIELDS)}")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{row['case']}.jsonl").open("a") as file:
            file.write(json.dumps({field: row[field] for field in FIELDS}, allow_nan=False) + "\n")


def read(case: str, folder: Path = RESULTS) -> list[Row]:
    """Committed rows of a case, oldest first; rows from before all fields were kept are left out."""
    path = folder / f"{case}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if set(FIELDS) <= set(row)]
