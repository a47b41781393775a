"""Exact neighbours on a CPU: passes with rising precision, each for the rows that the one before had to leave.

1. The best 16-bit unit, queues of a few times k. One set: every pair of blocks once, in the rounds of a tournament
   (the circle method), so that no two threads ever meet at a row and every row progresses equally. Two sets, few rows
   of one, or a budget that does not hold all queues at a time: block of queries by block of base.
2. The same with float32 products.
3. float32 products, and every row that they do not exclude measured at once: that always ends, whatever ties there are.
Candidates depend on the units and the budget, results do not: every row keeps whatever its bound cannot exclude, and
one measurement in float64 ranks what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geometry.pairs.cpu.measure import measurable
from geometry.pairs.cpu.order import near_together
from geometry.pairs.cpu.queues import Rule, empty_queues, queue_bytes, sift
from geometry.pairs.cpu.room import column_bytes, default_room, tile_bytes
from geometry.pairs.cpu.rows import BLOCK, frame_of, pack
from geometry.pairs.cpu.rowwise import Search, by_measuring, by_queues, rank_all
from geometry.pairs.cpu.threads import one_torch_thread, share
from geometry.pairs.cpu.tiles import Tiles
from geometry.pairs.cpu.units import Unit
from geometry.types import Array, Floats, Ints

SPOILED = 0.25  # share of spoiled rows from which a unit is given up


def neighbors(
    queries: Array, base: Array, k: int, *, exclude_self: bool, units: tuple[Unit, ...], means: tuple[int, int | None]
) -> tuple[Floats, Ints]:
    """Squared distances and indices (n, k) of the k nearest base rows; means: threads, and bytes of scratch.

    k is at most the number of base rows, less one with exclude_self. Exact for every row, no row left out. Scratch of
    None is `room.default_room`; what a given one holds is said there too.
    """
    same = queries is base
    queries, base = measurable(queries, base)
    threads, budget = means
    room = default_room(queries, base) if budget is None else budget
    frame = frame_of((base,) if same else (queries, base), threads)
    ask = Search(queries, base, k, exclude_self, frame, threads, room)
    out = np.full((len(queries), k), np.nan), np.full((len(queries), k), -1, np.int64)
    todo = np.arange(len(queries))
    with one_torch_thread():
        finish(ask, units, todo, out)
    return out


def finish(ask: Search, units: tuple[Unit, ...], todo: Ints, out: tuple[Floats, Ints]) -> None:
    """The rows of `todo` by one unit after the other, and the last of them by measuring."""
    for unit in units:
        if len(todo) and capacity(ask.k) < len(ask.base) // 2:
            todo = _pass(ask, unit, todo, out)
    if len(todo):
        by_measuring(ask, units[-1], todo, out)


def capacity(k: int) -> int:
    """Candidates that a queue holds."""
    return 6 * k + 64


def _pass(ask: Search, unit: Unit, todo: Ints, out: tuple[Floats, Ints]) -> Ints:
    """One unit over the rows of `todo`; the rows it had to leave."""
    rows = -(-len(ask.base) // BLOCK) * BLOCK
    needed = rows * (column_bytes(ask.base.shape[1], unit) + queue_bytes(capacity(ask.k))) + tile_bytes(ask.threads)
    if ask.exclude_self and len(todo) == len(ask.base) and needed <= ask.room:
        return _symmetric_pass(ask, unit, out)
    return by_queues(ask, unit, todo, capacity(ask.k), out)


def _symmetric_pass(ask: Search, unit: Unit, out: tuple[Floats, Ints]) -> Ints:
    packed = pack(ask.base, near_together(ask.base, ask.threads), ask.frame, unit.layout, ask.threads)
    queues = empty_queues(len(packed.words), capacity(ask.k), 2 * ask.k + 32, np.arange(packed.n))
    side = packed.terms, queues
    error = unit.error(packed.words.shape[1])
    tiles = Tiles(unit)

    def meet(pair: tuple[int, int]) -> None:
        i, j = pair
        rows = slice(i * BLOCK, (i + 1) * BLOCK)
        tile = tiles.product(packed.words[rows], packed.panels, j)
        sift(tile, (i * BLOCK, j * BLOCK), side, side, Rule(ask.k, error, i != j))

    for pairs in tournament(len(packed.words) // BLOCK):
        share(pairs, meet, ask.threads)
        if queues.spoiled.sum() > SPOILED * packed.n:
            return np.arange(packed.n)
    rank_all(ask, side, (packed.terms, Rule(ask.k, error, False)), (packed.order, packed.order), out)
    left: Ints = np.sort(packed.order[queues.spoiled[: packed.n] > 0])
    return left


def tournament(players: int) -> Iterator[list[tuple[int, int]]]:
    """Rounds in which every player meets one other: first each itself, then all pairs once (the circle method)."""
    yield [(i, i) for i in range(players)]
    seats = players + players % 2
    for turn in range(seats - 1):
        met = [(turn, seats - 1)] + [((turn + i) % (seats - 1), (turn - i) % (seats - 1)) for i in range(1, seats // 2)]
        yield [pair for pair in met if max(pair) < players]
