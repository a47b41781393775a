"""`python -m benchmarks.ranks`: what a run by several processes is made of, measured on this machine's cores.

With one thread a process: a block of rows against itself, two blocks looked up in one another when each knows its own
neighbours, two tables as one, neighbours of a whole set by one, two (and with --ranks more) processes over gloo, and a
block that passes from one rank to the next with nothing else going on. Beside them the sets by one process of two
threads. Mixture of `benchmarks.data`, k = 32; medians of three after one to warm up. A line each in
benchmarks/results/ranks.jsonl; `benchmarks.scaling` draws from them. Tables of several ranks must equal that of one.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.data import cloud
from benchmarks.machine import ROOT, described
from benchmarks.rows import RESULTS
from geometry.pairs import Executor, own_executor, ring
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.merging import joined_to

D, K = 128, 32
SIZES = (5000, 10000, 20000, 40000), (20000, 40000, 80000)  # rows of blocks, and of whole sets
QUICK = (500, 1000), (2000,)
Sizes = tuple[tuple[int, ...], tuple[int, ...]]
PASSED = 1 << 26  # bytes of the block that passes between ranks
REPEATS = 3
FILE = RESULTS / "ranks.jsonl"
Measured = dict[str, Any]


def main(words: list[str] | None = None) -> int:
    """Measure all, or the part of one rank, and add the lines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranks", description=__doc__)
    parser.add_argument("--ranks", type=int, nargs="+", default=[2], help="how many processes beside one (2)")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it: no line is added")
    parser.add_argument("--rank", type=int, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args(words)
    import torch

    torch.set_num_threads(1)
    sizes = QUICK if args.quick else SIZES
    if args.rank:
        rank, world = args.rank
        return _rank(rank, world, sizes[1])
    found = (
        _alone(sizes)
        + _threaded(sizes[1])
        + [one for world in args.ranks for one in _together(world, quick=args.quick)]
    )
    if not args.quick:
        machine = described(threads=1)
        with FILE.open("a") as file:
            file.writelines(json.dumps(machine | one, allow_nan=False) + "\n" for one in found)
    print("\n".join(json.dumps(one) for one in found))
    return 0


def _alone(sizes: Sizes) -> list[Measured]:
    """Blocks, and whole sets by one process."""
    engine, (blocks, sets), found = CpuExecutor(), sizes, []
    for m in blocks:
        own, other = cloud("mixture", m, D), cloud("mixture", m, D, seed=1)
        found += [_line("own block", m, 1, _seconds(partial(engine.neighbors, own, own, K, exclude_self=True)))]
        one, two = (engine.neighbors(rows, rows, K, exclude_self=True).sq_dist[:, -1] for rows in (own, other))
        found += [_line("two blocks", m, 1, _seconds(partial(engine.between, own, other, K, (one, two))))]
    return [*found, _line("merge", blocks[-1], 1, _seconds(_merge(blocks[-1]))), *_sets(engine, 1, sets)]


def _merge(m: int) -> Callable[[], object]:
    """Two tables as one where every row gains by one neighbour, time and again."""
    sq_dist = np.sort(np.random.default_rng(0).random((m, K)), axis=1)
    best, found = (sq_dist, np.tile(np.arange(K), (m, 1))), (sq_dist + 1.0, np.tile(np.arange(K) + K, (m, 1)))

    def work() -> None:
        found[0][:, 0] -= 2.0
        joined_to(best, found, K)

    return work


def _sets(engine: Executor, world: int, sizes: tuple[int, ...]) -> list[Measured]:
    sets = {n: cloud("mixture", n, D) for n in sizes}
    return [
        _line("set", n, world, _seconds(partial(engine.neighbors, points, points, K, exclude_self=True)))
        for n, points in sets.items()
    ]


def _threaded(sizes: tuple[int, ...]) -> list[Measured]:
    """Whole sets by one process of two threads."""
    import torch

    torch.set_num_threads(2)
    found = [one | {"threads": 2} for one in _sets(own_executor("cpu"), 1, sizes)]
    torch.set_num_threads(1)
    return found


def _line(what: str, rows: int, world: int, seconds: float) -> Measured:
    return {"what": what, "rows": rows, "d": D, "k": K, "ranks": world, "seconds": round(seconds, 6)}


def _seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:]))


def _together(world: int, *, quick: bool) -> list[Measured]:
    """The same sets by several processes, and how fast a block passes; what rank 0 prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    words = [sys.executable, "-m", "benchmarks.ranks", *(["--quick"] if quick else []), "--rank"]
    started = [
        subprocess.Popen(
            [*words, str(rank), str(world)], cwd=ROOT, env=os.environ | told, stdout=subprocess.PIPE, text=True
        )
        for rank in range(world)
    ]
    said = [one.communicate()[0] for one in started]
    if any(one.returncode for one in started):
        raise RuntimeError(f"a rank of {world} failed")
    found: list[Measured] = json.loads(said[0])
    return found


def _rank(rank: int, world: int, sizes: tuple[int, ...]) -> int:
    """One of several processes; rank 0 prints what it has measured."""
    alone = own_executor("cpu")
    with ring.joined(rank, world, gpu=False) as link:
        passed = _line("exchange", PASSED // (4 * D), world, _seconds(partial(_pass, link)))
        if rank:
            return ring.serve(link, own_executor)
        together = ring.RingExecutor(alone, link, least=0)
        _must_agree(together, alone)
        print(json.dumps([passed, *_sets(together, world, sizes)]))
        ring.dismiss(link, 0)
    return 0


def _pass(link: ring.Link) -> None:
    """A block to the next rank and one from the rank before, both at once."""
    block = np.zeros((PASSED // (4 * D), D), np.float32)
    link.rows.exchange(block, (link.rank + 1) % link.world, block.shape, (link.rank - 1) % link.world).arrived()


def _must_agree(together: Executor, alone: Executor) -> None:
    points = cloud("mixture", 3001, D)
    tables = [one.neighbors(points, points, K, exclude_self=True) for one in (together, alone)]
    if any(getattr(tables[0], part).tobytes() != getattr(tables[1], part).tobytes() for part in ("index", "sq_dist")):
        raise AssertionError("several ranks give another table than one")


if __name__ == "__main__":
    raise SystemExit(main())
