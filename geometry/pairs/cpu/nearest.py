"""Exact neighbours on a CPU: passes with rising precision and room, each for the rows that the one before had to leave.

1. The best 16-bit unit, queues of a few times k. One set: every pair of blocks once, in the rounds of a tournament
   (the circle method), so that no two threads ever meet at a row and every row progresses equally. Two sets, or few
   rows of one: block of queries by block of base.
2. The same with float32 products.
3. float32 products and queues with room for every row, in batches of rows: that always ends, whatever ties there are.
Candidates depend on the units, results do not: every row keeps whatever its bound cannot exclude, and one measurement
in float64 ranks what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geometry.pairs.cpu.measure import measurable
from geometry.pairs.cpu.queues import Rule, empty_queues, sift
from geometry.pairs.cpu.ranking import Originals, rank
from geometry.pairs.cpu.rows import BLOCK, Frame, frame_of, pack
from geometry.pairs.cpu.threads import one_torch_thread, share
from geometry.pairs.cpu.tiles import Tiles
from geometry.pairs.cpu.units import Unit
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

SEED = 0
RANKED = 64  # rows of a task of ranking
SPOILED = 0.25  # share of spoiled rows from which a unit is given up


@dataclass(frozen=True)
class Search:
    """What is asked: queries and base as measurable rows, k, whether they are one set, and with what means."""

    queries: Array
    base: Array
    k: int
    exclude_self: bool
    frame: Frame
    units: tuple[Unit, ...]
    threads: int
    budget: int


def neighbors(
    queries: Array, base: Array, k: int, *, exclude_self: bool, units: tuple[Unit, ...], means: tuple[int, int]
) -> tuple[Floats, Ints]:
    """Squared distances and indices (n, k) of the k nearest base rows; means: threads, and bytes of scratch.

    k is at most the number of base rows, less one with exclude_self. Exact for every row, no row left out.
    """
    same = queries is base
    queries, base = measurable(queries, base)
    threads, budget = means
    frame = frame_of((base,) if same else (queries, base), threads)
    ask = Search(queries, base, k, exclude_self, frame, units, threads, budget)
    out = np.full((len(queries), k), np.nan), np.full((len(queries), k), -1, np.int64)
    todo = np.arange(len(queries))
    with one_torch_thread():
        for unit in units:
            if len(todo) and _capacity(k) < len(base) // 2:
                todo = _pass(ask, unit, todo, out)
        if len(todo):
            _rows_pass(ask, units[-1], todo, out, whole=True)
    return out


def _capacity(k: int) -> int:
    return 6 * k + 64


def _pass(ask: Search, unit: Unit, todo: Ints, out: tuple[Floats, Ints]) -> Ints:
    """One unit over the rows of `todo`; the rows it had to leave."""
    room = ask.queries.nbytes * 2 + 16 * ask.budget
    if ask.exclude_self and len(todo) == len(ask.base) and len(todo) * _capacity(ask.k) * 8 <= room:
        return _symmetric_pass(ask, unit, out)
    return _rows_pass(ask, unit, todo, out, whole=False)


def _order(n: int) -> Ints:
    order: Ints = np.random.default_rng(SEED).permutation(n)
    return order


def _symmetric_pass(ask: Search, unit: Unit, out: tuple[Floats, Ints]) -> Ints:
    packed = pack(ask.base, _order(len(ask.base)), ask.frame, unit.layout, ask.threads)
    queues = empty_queues(len(packed.words), _capacity(ask.k), 2 * ask.k + 32, np.arange(packed.n))
    side = packed.terms, queues
    error = unit.error(packed.words.shape[1])
    originals = Originals(ask.queries, ask.base, packed.order, packed.order, ask.frame.scale)
    tiles = Tiles(unit)

    def meet(pair: tuple[int, int]) -> None:
        i, j = pair
        rows = slice(i * BLOCK, (i + 1) * BLOCK)
        tile = tiles.product(packed.words[rows], packed.panels, j)
        sift(tile, (i * BLOCK, j * BLOCK), side, side, Rule(ask.k, error, False, i != j))

    for pairs in tournament(len(packed.words) // BLOCK):
        share(pairs, meet, ask.threads)
        if queues.spoiled.sum() > SPOILED * packed.n:
            return np.arange(packed.n)
    rule = Rule(ask.k, error, False, False)
    share(
        blocks(packed.n, RANKED),
        lambda part: rank((part.start, part.stop), side, packed.terms, rule, originals, out),
        ask.threads,
    )
    left: Ints = np.sort(packed.order[queues.spoiled[: packed.n] > 0])
    return left


def tournament(players: int) -> Iterator[list[tuple[int, int]]]:
    """Rounds in which every player meets one other: first each itself, then all pairs once (the circle method)."""
    yield [(i, i) for i in range(players)]
    seats = players + players % 2
    for turn in range(seats - 1):
        met = [(turn, seats - 1)] + [((turn + i) % (seats - 1), (turn - i) % (seats - 1)) for i in range(1, seats // 2)]
        yield [pair for pair in met if max(pair) < players]


def _rows_pass(ask: Search, unit: Unit, todo: Ints, out: tuple[Floats, Ints], *, whole: bool) -> Ints:
    kind, _, multiple = unit.layout
    base = pack(ask.base, _order(len(ask.base)), ask.frame, unit.layout, ask.threads)
    asked = pack(ask.queries, todo, ask.frame, (kind, 0, multiple), ask.threads)
    position = np.argsort(base.order) if ask.exclude_self else None
    capacity = len(ask.base) if whole else _capacity(ask.k)
    error = unit.error(base.words.shape[1])
    rule = Rule(ask.k, error, whole, False)
    height = int(np.clip(ask.budget // (8 * capacity * ask.threads) // 32 * 32, 32, BLOCK))
    tiles, spoiled = Tiles(unit), np.zeros(len(todo), np.uint8)
    nobody = empty_queues(len(base.words), 1, 1, np.empty(0))

    def work(part: slice) -> None:
        own = np.full(part.stop - part.start, -1) if position is None else position[todo[part]]
        queues = empty_queues(height, capacity, 2 * ask.k + 32, own)
        span = slice(part.start, part.start + height)
        side = type(asked.terms)(*(term[span] for term in asked.terms)), queues
        for block in range(len(base.words) // BLOCK):
            sift(
                tiles.product(asked.words[span], base.panels, block),
                (0, block * BLOCK),
                side,
                (base.terms, nobody),
                rule,
            )
        originals = Originals(ask.queries, ask.base, todo[part], base.order, ask.frame.scale)
        rank((0, part.stop - part.start), side, base.terms, rule, originals, out)
        spoiled[part] = queues.spoiled[: part.stop - part.start]

    share(blocks(len(todo), height), work, ask.threads)
    return todo[spoiled > 0]
