"""`python -m benchmarks.manifolds`: every estimator of dimension on the 24 standard manifolds, beside those of others.

The error of an estimator is the mean over manifolds and seeds of |estimate - d| / d; no value counts as an error of 1.
One row per estimator goes to benchmarks/results/manifolds.jsonl with its mean estimate per manifold, the latest of each
kind into the table benchmarks/results/manifolds.md. scikit-dimension is looked at with its own defaults if installed,
DANCo also with its published fit in place of a calibration (DANCoFit); the mean of its ESS over all rows is estimated
from 250 drawn ones, at .04 s each. DADApy 0.3.4 does not build against NumPy 2, cannot run beside this package, and is
not here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
from torch import get_num_threads

from benchmarks.machine import described
from geometry import __version__
from geometry.catalog import compute, statistics
from geometry.pairs import executor, scan
from geometry.types import Array, Estimate
from tests.manifolds import MANIFOLDS

RESULTS = Path(__file__).resolve().parent / "results"
OURS = [one.name for one in statistics() if one.function.__module__.startswith("geometry.dimension")]
NOT_POINTS = {"binary_id"}  # rows of bits
GLOBAL = ("CorrInt", "DANCo", "DANCoFit", "FisherS", "KNN", "MiND_ML", "PH", "TwoNN", "lPCA", "GRIDE")
LOCAL = ("ESS", "MADA", "MLE", "MOM", "TLE")  # per row, averaged by the package's own rule
ESS_ROWS = 250


def main() -> int:
    """Measure the estimators asked for, append their rows, write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.manifolds", description=__doc__)
    parser.add_argument("--n", type=int, default=2500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--package", choices=("geometry", "scikit-dimension"), default="geometry")
    parser.add_argument("--only", help="names, separated by commas")
    args = parser.parse_args()
    wanted = args.only.split(",") if args.only else None
    for name, estimate in estimators(args.package):
        if wanted is None or name in wanted:
            rows = [row | {"package": args.package, "version": _version(args.package)} | described(get_num_threads())
                    for row in measured(name, estimate, args.n, args.seeds)]  # fmt: skip
            with (RESULTS / "manifolds.jsonl").open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            print(*(f"{row['estimator']}: {100 * row['error']:.1f} %" for row in rows), sep="\n", flush=True)
    write_table()
    return 0


def estimators(package: str) -> Iterator[tuple[str, Callable[[Array], dict[str, float | None]]]]:
    """Names and functions of points to a value per variant; a package that is not here is named, not faked."""
    if package == "geometry":
        for name in OURS:
            if name not in NOT_POINTS:
                yield name, _ours(name)
    else:
        peer = _installed("skdim.id")
        for name in (*GLOBAL, *LOCAL):
            if hasattr(peer, name.removesuffix("Fit")):
                yield name, _theirs(peer, name)


def _ours(name: str) -> Callable[[Array], dict[str, float | None]]:
    def estimate(points: Array) -> dict[str, float | None]:
        made = compute(name, scan(points, executor()))
        return {made.variant: made.value} if isinstance(made, Estimate) else {k: v.value for k, v in made.items()}

    return estimate


def _theirs(peer: Any, name: str) -> Callable[[Array], dict[str, float | None]]:
    if name == "ESS":
        return lambda points: {f"{ESS_ROWS} rows": _ess_of_some(peer, points)}
    options = {"ver": name, "random_state": 0} if name.startswith("DANCo") else {}
    made = getattr(peer, name.removesuffix("Fit"))
    return lambda points: {"": float(made(**options).fit(points).dimension_)}


def _ess_of_some(peer: Any, points: Array) -> float:
    """The mean of ESS over the neighbourhoods of seeded rows."""
    rows = np.random.default_rng(0).choice(len(points), ESS_ROWS, replace=False)
    _, index = import_module("skdim._commonfuncs").get_nn(points, k=peer.ESS._N_NEIGHBORS)
    return float(np.mean([peer.ESS(random_state=0).fit_once(points[near]).dimension_ for near in index[rows]]))


def _installed(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        sys.exit(f"{module} is not installed: {error}")


def _version(package: str) -> str:
    return __version__ if package == "geometry" else metadata.version(package)


def measured(
    name: str, estimate: Callable[[Array], dict[str, float | None]], n: int, seeds: int
) -> list[dict[str, Any]]:
    """One row per variant: mean absolute relative error, mean estimate per manifold, seconds a set."""
    found: dict[str, dict[str, list[float]]] = {}
    start = time.perf_counter()
    for label, manifold in MANIFOLDS.items():
        for seed in range(seeds):
            for variant, value in estimate(manifold.sample(n, seed)[0]).items():
                known = float("nan") if value is None else value
                found.setdefault(variant, {}).setdefault(label, []).append(known)
    seconds = (time.perf_counter() - start) / (seeds * len(MANIFOLDS))
    return [_row(f"{name} {variant}".strip(), values, n, seeds, seconds) for variant, values in found.items()]


def _row(estimator: str, values: dict[str, list[float]], n: int, seeds: int, seconds: float) -> dict[str, Any]:
    errors = [
        min(abs(value - MANIFOLDS[label].dim) / MANIFOLDS[label].dim, 1e6) if np.isfinite(value) else 1.0
        for label, drawn in values.items()
        for value in drawn
    ]
    means = {label: round(float(np.mean(v)), 3) if np.isfinite(v).all() else None for label, v in values.items()}
    row = {
        "case": "manifolds",
        "estimator": estimator,
        "n": n,
        "seeds": seeds,
        "error": round(float(np.mean(errors)), 4),
    }
    return row | {"seconds": round(seconds, 3), "estimates": means}


def write_table() -> None:
    """The latest row of every estimator, the smallest error first."""
    lines = (RESULTS / "manifolds.jsonl").read_text().splitlines()
    latest = {(row["package"], row["estimator"], row["n"]): row for row in map(json.loads, lines)}
    shown = [
        row for row in latest.values() if "disagreement" not in row["estimator"] and row["estimator"] != "binomial ks"
    ]
    shown.sort(key=lambda row: row["error"])
    head = [
        "# The 24 standard manifolds",
        "",
        "Mean absolute relative error, %; then the mean estimate by manifold (true dimension below its name).",
        "",
    ]
    names = list(MANIFOLDS)
    head += ["| estimator | n | seeds | error | s a set | " + " | ".join(names) + " |", "|---" * (5 + len(names)) + "|"]
    head += ["| true dimension | | | | | " + " | ".join(str(one.dim) for one in MANIFOLDS.values()) + " |"]
    (RESULTS / "manifolds.md").write_text("\n".join(head + [_line(row, names) for row in shown]) + "\n")


def _line(row: dict[str, Any], names: list[str]) -> str:
    cells = [_cell(row["estimates"].get(name)) for name in names]
    title = row["estimator"] if row["package"] == "geometry" else f"{row['package']} {row['estimator']}"
    start = [title, row["n"], row["seeds"], f"{100 * row['error']:.1f}", f"{row['seconds']:.2f}"]
    return "| " + " | ".join(str(cell) for cell in (*start, *cells)) + " |"


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
