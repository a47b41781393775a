"""The parity gate: nothing is timed unless the engine agrees with the float64 reference on clouds made to break it.

Adversarial clouds (copies, ties, one outlier, lognormal norms, offsets, scales, subnormals, tight clusters) over sizes,
dtypes and k, for one set and for queries; and a part of the data to be timed. Every row must be certified, every
distance that of its row, the k smallest reported, ranked by (distance, index). The units of the CPU engine that peers
name pass the quick part too. `python -m benchmarks.gate` prints the failures as JSON; it is a process of its own, so
that what is timed starts clean.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

import numpy as np

from benchmarks.data import KINDS, cloud
from benchmarks.peers import PEERS
from geometry.pairs import reference
from geometry.types import Array, Neighbors
from tests.pair_clouds import CLOUDS, draw

Search = Callable[[Array, int, Array | None], Neighbors]  # points, k, queries or None
SIZES = ((63, 768, 5), (257, 63, 15), (1000, 3, 64))
QUICK = ((130, 20, 5),)
PART = 1500  # rows of the data to be timed
RELATIVE = 1e-12


def failures(search: Search, *, quick: bool = False) -> list[str]:
    """What went wrong, one line per case; empty where the engine may be timed."""
    found = []
    for maker in CLOUDS:
        for n, d, k in QUICK if quick else SIZES:
            for dtype in (np.float32,) if quick else (np.float16, np.float32, np.float64):
                points = draw(maker, n, d, dtype)
                label = f"{maker.__name__} {n} x {d} {np.dtype(dtype).name}, k={k}"
                found += _case(search, label, points, k)
    for kind in KINDS:
        points = cloud(kind, 200 if quick else PART, 64)
        found += _case(search, f"{kind} {len(points)} x 64, k=32", points, 32)
    return found


def queries_of(points: Array) -> Array:
    """Rows of the set, which have a copy of themselves in it, and some between two rows."""
    return np.concatenate([points[::7], points[:5] / 2 + points[5:10] / 2])


def _case(search: Search, label: str, points: Array, k: int) -> list[str]:
    queries = queries_of(points)
    wrong = {"": _wrong(search, points, k, None), ", queries": _wrong(search, points, k, queries)}
    return [f"{label}{of}: {what}" for of, what in wrong.items() if what]


def _wrong(search: Search, points: Array, k: int, queries: Array | None) -> str:
    """What is wrong with the table of one case, or nothing."""
    asked = points if queries is None else queries
    try:
        table = search(points, k, queries)
    except Exception as error:  # an engine that raises has failed the gate, whatever it raised
        return f"{type(error).__name__}: {error}"
    if table.index.shape != (len(asked), k) or not np.all((table.index >= 0) & (table.index < len(points))):
        return "an index out of range"
    if queries is None and np.any(table.index == np.arange(len(points))[:, None]):
        return "a row is its own neighbour"
    truth = reference.sq_dists(asked, points)
    tiny = float(truth.max(initial=0)) * 1e-300
    if not np.all(
        np.abs(table.sq_dist - np.take_along_axis(truth, table.index, axis=1)) <= RELATIVE * table.sq_dist + tiny
    ):
        return "a distance is not that of its row"
    want, _ = reference.neighbors(asked, points, k, exclude_self=queries is None)
    if not np.all(np.abs(table.sq_dist - want) <= RELATIVE * want + tiny):
        return "a nearer row was missed"
    steps = np.diff(table.sq_dist, axis=1)
    if not np.all((steps > 0) | ((steps == 0) & (np.diff(table.index, axis=1) > 0))):
        return "not ranked by (distance, index)"
    return "" if table.certified.all() else f"{int((~table.certified).sum())} rows without certificate"


def units() -> tuple[str, ...]:
    """The units that peers name and this processor has."""
    from geometry.pairs.cpu.units import available

    return tuple(peer.unit for peer in PEERS["neighbors"] if peer.unit in available())


def by_unit(name: str) -> Search:
    """The CPU engine with the products of one unit."""
    from geometry.pairs.cpu.executor import CpuExecutor

    def search(points: Array, k: int, queries: Array | None) -> Neighbors:
        asked = points if queries is None else queries
        return CpuExecutor(unit=name).neighbors(asked, points, k, exclude_self=queries is None)

    return search


def main() -> int:
    """Print the failures of the engine on a device; exit code 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    from geometry import neighbors

    found = failures(lambda points, k, q: neighbors(points, k, queries=q, device=args.device), quick=args.quick)
    if args.device == "cpu" and not args.quick:
        found += [f"{name}: {line}" for name in units() for line in failures(by_unit(name), quick=True)]
    print(json.dumps(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
