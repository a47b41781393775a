"""`python -m benchmarks.run --case analyze`: the main job timed as a user runs it, one process per repeat.

The gate comes first: the engine must agree with the float64 reference on a sample before anything is timed. A row is
appended to benchmarks/results/CASE.jsonl with p20, p50 and p80 over the repeats, in seconds, imports included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import described
from geometry.pairs import neighbors, reference

RESULTS = Path(__file__).resolve().parent / "results"
GENERATIONS, ROWS, DIMENSIONS, K = 6, 10_000, 256, 32


def main() -> int:
    """Run the cases asked for; exit code 1 if the gate fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--case", choices=("analyze",), default="analyze")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    if not gate():
        print("the engine differs from the float64 reference; nothing is timed", file=sys.stderr)
        return 1
    row = (
        {"case": args.case, "n": ROWS, "d": DIMENSIONS, "generations": GENERATIONS} | timed(args.repeats) | described()
    )
    with (RESULTS / f"{args.case}.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))
    return 0


def generations() -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Twenty clusters that lose three at every generation."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, DIMENSIONS))
    noise = [rng.normal(size=(ROWS, DIMENSIONS)) for _ in range(GENERATIONS)]
    return [
        (centres[rng.integers(0, 20 - 3 * t, ROWS)] + 0.5 * noise[t]).astype(np.float32) for t in range(GENERATIONS)
    ]


def gate() -> bool:
    """Neighbours of a part of the data, all certified and equal to the reference."""
    points = generations()[0][:1500]
    found = neighbors(points, K)
    _, index = reference.neighbors(points, points, K, exclude_self=True)
    return bool(found.certified.all() and (found.index == index).all())


def timed(repeats: int) -> dict[str, float]:
    """Wall seconds of `geometry analyze -o`, figures and report included, and the largest peak memory."""
    seconds, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        for t, points in enumerate(generations()):
            np.save(Path(folder) / f"gen_{t}.npy", points)
        pattern = f"{folder}/gen_{{generation}}.npy"
        for repeat in range(repeats):
            out = Path(folder) / f"out_{repeat}"
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "geometry", "analyze", pattern, "-o", str(out), "-q"], check=True)
            seconds.append(time.perf_counter() - start)
            peaks.append(json.loads((out / "run.json").read_text())["peak_memory_bytes"])
    p20, p50, p80 = (round(float(value), 2) for value in np.percentile(seconds, (20, 50, 80)))
    return {"repeats": repeats, "p20": p20, "p50": p50, "p80": p80, "peak_bytes": max(peaks)}


if __name__ == "__main__":
    sys.exit(main())
