"""`python -m benchmarks.scale [CASE...]`: sets that do not fit into memory, by the command line, under a memory budget.

Makes the data in blocks, runs `geometry analyze` in a process of its own, and holds what it says against two things:
the budget, of which the largest resident size of the process may be 1.1, and a float64 pass over the file
made here, from which the moments may be off by rounding. One row per run goes to results/scale.jsonl. The data are
thrown away, unless --keep.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT, described, load
from benchmarks.rows import RESULTS

BLOCK = 1 << 16
CLUSTERS, WIDTH = 40, 16  # of the mixture: centres, and dimensions that rows of a cluster vary along
FILE = "scale.jsonl"
PROGRAM = """
import sys
from geometry.analysis.memory import peak
from geometry.cli import main
code = main(sys.argv[1:])
print(peak())
sys.exit(code)
"""


@dataclass(frozen=True)
class Scale:
    """One run: generations of n x d float32 rows, and the bytes that the process may take."""

    n: int
    d: int
    generations: int = 1
    budget: int = 1 << 30

    @property
    def bytes(self) -> int:
        return 4 * self.n * self.d


CASES = {
    "streamed": Scale(1_000_000, 256),
    "two-generations": Scale(1_000_000, 256, 2),
    "all-pairs": Scale(200_000, 128),
}


def main(words: list[str] | None = None) -> int:
    """Measure the cases asked for, all of them without a name; exit code 1 where a peak is beyond its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--threads", type=int, help="CPU threads (all)")
    parser.add_argument("--data", type=Path, help="folder for the data (a temporary one)")
    parser.add_argument("--keep", action="store_true", help="keep the data; those that lie there are not made anew")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args(words)
    over = False
    for name in args.cases or CASES:
        row = measured(name, CASES[name], args.data, args.threads, keep=args.keep)
        args.results.mkdir(parents=True, exist_ok=True)
        with (args.results / FILE).open("a") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")
        print(told(row), flush=True)
        over |= row["peak_over_budget"] > 1.1
    return int(over)


def measured(
    name: str, case: Scale, data: Path | None = None, threads: int | None = None, *, keep: bool = False
) -> dict[str, Any]:
    """The row of one case."""
    place = Path(tempfile.mkdtemp(prefix="scale-", dir=data))
    sets = (data / name if keep and data is not None else place / "data").absolute()
    try:
        make(case, sets)
        before = load()
        answer = run(case, sets, place / "out", threads)
        return {
            "case": name,
            "parameters": asdict(case),
            **answer,
            "peak_over_budget": answer["peak_bytes"] / case.budget,
            "moments": moments_off(case, sets, place / "out"),
            "load": before,
            **{key: value for key, value in described(threads).items() if key not in ("gpu", "driver")},
        }
    finally:
        shutil.rmtree(place)


def make(case: Scale, folder: Path) -> None:
    """gen_0.npy ... of a mixture whose later generations are narrower, block by block."""
    folder.mkdir(parents=True, exist_ok=True)
    law = np.random.default_rng(case.d)
    centres = 0.6 * law.standard_normal((CLUSTERS, case.d), np.float32)
    axes = 0.3 * law.standard_normal((WIDTH, case.d), np.float32)
    for g in range(case.generations):
        path, rng = folder / f"gen_{g}.npy", np.random.default_rng(g)
        if path.exists() and path.stat().st_size > case.bytes:
            continue
        with path.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (case.n, case.d)}
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, case.n, BLOCK):
                rows = min(BLOCK, case.n - start)
                along = np.float32(1 - 0.2 * g) * rng.standard_normal((rows, WIDTH), np.float32)
                noise = 0.1 * rng.standard_normal((rows, case.d), np.float32)
                (centres[rng.integers(0, CLUSTERS, rows)] + along @ axes + noise).astype(np.float32).tofile(file)


def run(case: Scale, sets: Path, out: Path, threads: int | None) -> dict[str, Any]:
    """Seconds and peak of the command, and what it found."""
    words = [sys.executable, "-c", PROGRAM, "analyze", str(sets), "-o", str(out), "-q"]
    words += ["--memory-budget", str(case.budget), *(["--threads", str(threads)] if threads else [])]
    start = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"geometry analyze ended with exit code {done.returncode}")
    told = json.loads((out / "run.json").read_text())
    states = [one["state"] for one in told["verdict"]["generations"]]
    return {
        "seconds": time.perf_counter() - start,
        "peak_bytes": int(done.stdout.split()[-1]),
        "engine": told["engine"],
        "streamed": told["exactness"]["streamed"],
        "neighbors": told["exactness"]["neighbors"],
        "states": states,
        "changes": [one["changes"] for one in told["verdict"]["generations"]],
        "timings": told["timings"],
        "values": values_of(out),
    }


def values_of(out: Path) -> dict[str, list[float | None]]:
    """value, low and high of some statistics of the first generation, by name and variant."""
    wanted = ("participation_ratio", "scale", "mle", "two_nn", "gride", "duplicates")
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return {
        ".".join(filter(None, (row["name"], row["variant"]))): [row["value"], row["low"], row["high"]]
        for row in rows
        if row["position"] == 0 and row["name"] in wanted
    }


def moments_off(case: Scale, sets: Path, out: Path) -> float:
    """Largest relative difference of total variance and participation ratio from a float64 pass in other blocks."""
    points = np.load(sets / "gen_0.npy", mmap_mode="r")
    mean, square = np.zeros(case.d), np.zeros((case.d, case.d))
    for start in range(0, case.n, BLOCK // 3):
        mean += points[start : start + BLOCK // 3].astype(np.float64).sum(axis=0) / case.n
    for start in range(0, case.n, BLOCK // 3):
        centred = points[start : start + BLOCK // 3].astype(np.float64) - mean
        square += centred.T @ centred / case.n
    found, total = values_of(out), float(np.trace(square))
    truth = {"scale.total variance": total, "participation_ratio": total**2 / float((square**2).sum())}
    return max(abs((found[name][0] or 0.0) / value - 1) for name, value in truth.items())


def told(row: dict[str, Any]) -> str:
    """One line on the terminal."""
    of = row["parameters"]
    return (
        f"{row['case']}: {of['generations']} x {of['n']:,} x {of['d']}: {row['seconds']:.0f} s, "
        f"peak {row['peak_bytes'] / 2**20:,.0f} MiB of {of['budget'] / 2**20:,.0f}, "
        f"moments off by {row['moments']:.1e}, {', '.join(row['states'])}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
