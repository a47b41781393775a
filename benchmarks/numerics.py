"""`python -m benchmarks.numerics`: how far every scalar lies from float64, engine by engine, over the tests' clouds.

The reference is the whole catalogue computed on `geometry.pairs.reference`: direct float64 differences, no blocks. Each
engine computes the same statistics of the same points with the same seeds; written is, per statistic and engine, the
largest relative difference over clouds and variants, and where it lies, to benchmarks/results/numerics.md; a negative
squared distance ends it. `kernels` is
the CUDA engine with its kernel sources executed on the CPU: fewer rows, and none of the statistics that look at many
null draws.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from cuda_on_cpu.harness_device import HarnessDevice  # type: ignore[import-not-found]

from benchmarks.machine import described
from geometry.catalog import compute, statistics
from geometry.errors import GeometryError
from geometry.pairs import reference, scan
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cuda.engine import CudaExecutor
from geometry.pairs.executor import Executor, table_of
from geometry.pairs.sums import COSINE_EDGES, LOG2_BINS, LOG2_HIGH, LOG2_LOW
from geometry.pairs.torch_engine import TorchExecutor
from geometry.types import Array, Estimate, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts
from tests import clouds

TARGET = Path(__file__).resolve().parent / "results" / "numerics.md"
GOAL, TOLD = 1e-6, 1e-9
N, D = 400, 24
CLOUDS: dict[str, Callable[[int, int, int], Array]] = {
    "gaussian": clouds.gaussian,
    "shell": clouds.shell,
    "power_law": clouds.power_law,
    "clusters": clouds.clusters,
    "swiss_roll": clouds.swiss_roll,
    "torus": clouds.torus,
    "realistic": clouds.realistic,
    "low_rank": clouds.low_rank,
    "copies": clouds.copies,
    "outlier": clouds.outlier,
    "student": clouds.student,
    "offset": lambda n, d, seed: clouds.sphere(n, d, seed, 1e3),
}
ENGINES: dict[str, Callable[[], Executor]] = {
    "cpu": CpuExecutor,
    "cpu, float32 products": lambda: CpuExecutor(unit="blas"),
    "torch": lambda: TorchExecutor("cpu"),
    "kernels": lambda: CudaExecutor(HarnessDevice(), 1 << 28),
}


@dataclass(frozen=True)
class Reference:
    """Everything an engine does, by direct float64 differences."""

    name: str = "float64"

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        sq_dist, index = reference.neighbors(queries, base, k, exclude_self=exclude_self)
        return table_of(sq_dist, index, np.ones(len(queries), np.bool_))

    def radii(self, points: Array, k: int) -> Floats:
        found: Floats = np.sqrt(reference.neighbors(points, points, k, exclude_self=True)[0])
        return found

    def radius_counts(self, queries: Array, base: Array, sq_radii: Floats) -> RadiusCounts:
        return RadiusCounts(*reference.radius_counts(queries, base, sq_radii))

    def moments(self, points: Array) -> Moments:
        return reference.moments(points)

    def pair_sums(self, points: Array, rows: Ints, t: float) -> PairSums:
        points = np.asarray(points, np.float64)
        centred, raw = _unit(points - points.mean(axis=0)), _unit(points)
        has = np.asarray(centred.any(axis=1)), np.asarray(raw.any(axis=1))
        rows = rows[has[0][rows] & has[1][rows]]
        sums = np.array([_sums(i, centred, raw, has, t) for i in rows]).reshape(-1, 4).T
        cosine, sq_dist = centred[rows] @ centred.T, reference.sq_dists(points[rows], points)
        own = np.arange(len(points)) == rows[:, None]
        edges = np.linspace(LOG2_LOW, LOG2_HIGH, LOG2_BINS + 1)
        with np.errstate(divide="ignore"):
            logs = np.log2(sq_dist[~own])
        unit = LOG2_HIGH - np.ceil(logs.max(initial=0.0))
        histograms = (
            np.histogram(cosine[~own & has[0]], COSINE_EDGES)[0],
            np.histogram(logs[np.isfinite(logs)], edges - unit)[0],
        )
        return PairSums(
            len(points), rows, sums[0], sums[1], t, sums[2], sums[3], COSINE_EDGES, histograms[0], edges - unit,
            histograms[1],
        )  # fmt: skip


def _unit(points: Floats) -> Floats:
    length = np.linalg.norm(points, axis=1, keepdims=True)
    made: Floats = np.divide(points, length, out=np.zeros_like(points), where=length > 0)
    return made


def _sums(i: int, centred: Floats, raw: Floats, has: tuple[Array, Array], t: float) -> tuple[float, ...]:
    other = np.arange(len(raw)) != i
    cosine = centred[other & has[0]] @ centred[i]
    exps = [np.mean(np.exp(-t * (2 - 2 * c))) for c in (raw[other & has[1]] @ raw[i], cosine)]
    return float(np.mean(cosine**2)), float(np.mean(cosine**4)), *map(float, exps)


def main() -> int:
    """Measure, print and write the table; exit code 1 where a squared distance is negative."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.numerics", description=__doc__)
    parser.add_argument("--only", help="names of statistics, separated by commas")
    args = parser.parse_args()
    wanted = args.only.split(",") if args.only else None
    worst: dict[str, dict[str, tuple[float, str]]] = {}
    for cloud, maker in CLOUDS.items():
        points = maker(N, D, 0).astype(np.float32)
        other = maker(N, D, 1).astype(np.float32)
        truth = dict(_values(points, other, Reference(), wanted))
        for engine, make in ENGINES.items():
            executor = make()
            least = least_sq_dist(executor, points, other)
            if not least >= 0:
                print(f"{engine}: a squared distance of {least} on {cloud}", file=sys.stderr)
                return 1
            for (name, variant), value in _values(points, other, executor, wanted, few=engine == "kernels"):
                _note(worst.setdefault(name, {}), engine, f"{cloud} {variant}".strip(), value, truth[name, variant])
        print(cloud, flush=True)
    if wanted is None:
        TARGET.write_text(table(worst))
    print(table(worst))
    return 0


def least_sq_dist(executor: Executor, points: Array, other: Array) -> float:
    """The least squared distance to the 20 nearest within a set and in another; NaN where there is one."""
    tables = (
        executor.neighbors(points, points, 20, exclude_self=True).sq_dist,
        executor.neighbors(points, other, 20, exclude_self=False).sq_dist,
        executor.radii(points, 20),
    )
    return float(np.min([table.min() for table in tables]))


def _values(
    points: Array, other: Array, executor: Executor, wanted: list[str] | None, few: bool = False
) -> Iterator[tuple[tuple[str, str], float | None]]:
    """((statistic, variant), value) of every scalar that needs no labels, ids or files."""
    one, two = scan(points, executor), scan(other, executor)
    for entry in statistics():
        if (wanted and entry.name not in wanted) or (few and entry.function.__module__.startswith("geometry.nulls")):
            continue
        try:
            made = compute(entry.name, one, two) if "reference" in entry.needs else compute(entry.name, one)
        except GeometryError:
            continue  # what asks for labels or pairs is not a function of points alone
        found = {made.variant: made} if isinstance(made, Estimate) else made
        yield from (((entry.name, variant), estimate.value) for variant, estimate in found.items())


def _note(row: dict[str, tuple[float, str]], engine: str, where: str, value: Any, truth: Any) -> None:
    if value is None and truth is None:
        gap = 0.0
    elif value is None or truth is None:
        gap = float("inf")
    else:
        gap = abs(value - truth) / max(abs(truth), 1e-9) if value != truth else 0.0
    if gap >= row.get(engine, (-1.0, ""))[0]:
        row[engine] = gap, where


def table(worst: dict[str, dict[str, tuple[float, str]]]) -> str:
    """Statistics by engines; those above the goal first, with the place of the worst."""
    lines = [
        "# How far scalars lie from float64",
        "",
        f"Largest relative difference over {len(CLOUDS)} clouds of {N} x {D} float32 and over variants; goal {GOAL:g}.",
        f"The place is told from {TOLD:g} on; - stands where a statistic looks at many null draws, for which kernels",
        "executed on a CPU are too slow. No squared distance, within a set or to another, is negative or NaN.",
        "",
        _told(described()),
        "",
        "| statistic | " + " | ".join(ENGINES) + " | worst at |",
        "|---" * (len(ENGINES) + 2) + "|",
    ]
    ranked = sorted(worst.items(), key=lambda item: -max(gap for gap, _ in item[1].values()))
    for name, row in ranked:
        gap, where = max(row.values())
        cells = [f"{row[engine][0]:.1e}" if engine in row else "-" for engine in ENGINES]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {where if gap > TOLD else ''} |")
    return "\n".join(lines) + "\n"


def _told(machine: dict[str, Any]) -> str:
    """Where and with what, in a line."""
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("python", "numpy", "scipy", "torch"))
    return f"{machine['date']}, {machine['processor']}, {versions}, commit {machine['commit']}."


if __name__ == "__main__":
    sys.exit(main())
