"""Rows of queries against all columns, in batches and chunks that fit a budget: by queues, or by the last resort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geometry.pairs.cpu.order import by_first_candidate, shuffled
from geometry.pairs.cpu.queues import Queues, Rule, empty_queues, queue_bytes, sift
from geometry.pairs.cpu.ranking import Originals, rank
from geometry.pairs.cpu.room import TERMS, Columns, column_bytes, shared_out, tile_bytes, words_of
from geometry.pairs.cpu.rows import BLOCK, STEP, Frame, Packed, Terms, pack
from geometry.pairs.cpu.settle import best_bytes, nobody_yet, settle, write
from geometry.pairs.cpu.threads import share
from geometry.pairs.cpu.tiles import Tiles
from geometry.pairs.cpu.units import Unit
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

RANKED = 64  # rows of a task of ranking
Meet = Callable[[Array, tuple[int, int]], None]  # a tile of products, its first row and column


@dataclass(frozen=True)
class Search:
    """What is asked: queries and base as measurable rows, k, whether they are one set, and with what means."""

    queries: Array
    base: Array
    k: int
    exclude_self: bool
    frame: Frame
    threads: int
    room: int

    @property
    def order(self) -> Ints:
        """One seeded order of the columns for every pass by rows."""
        return shuffled(len(self.base))


@dataclass(frozen=True)
class _Pass:
    """One unit over some rows: the columns, what its products may err by, and where results go."""

    ask: Search
    unit: Unit
    columns: Columns
    rule: Rule
    out: tuple[Floats, Ints]


def by_queues(ask: Search, unit: Unit, todo: Ints, capacity: int, out: tuple[Floats, Ints]) -> Ints:
    """Queues of `capacity` candidates; the rows that overran theirs."""
    made, held = _begin(ask, unit, len(todo), queue_bytes(capacity), out, both=False)
    left = [_queue_batch(made, todo[part], capacity) for part in blocks(len(todo), held)]
    return np.concatenate([np.empty(0, np.int64), *left])


def _queue_batch(made: _Pass, rows: Ints, capacity: int) -> Ints:
    ask, columns = made.ask, made.columns
    packed, own = _packed(made, rows)
    queues = empty_queues(len(packed.words), capacity, 2 * ask.k + 32, own)
    nobody = empty_queues(len(columns.terms.bias), 1, 1, np.empty(0))
    side = packed.terms, queues
    _go_through(made, packed, lambda tile, start: sift(tile, start, side, (columns.terms, nobody), made.rule))
    rank_all(ask, side, (columns.terms, made.rule), (rows, columns.order), made.out)
    return rows[queues.spoiled[: len(rows)] > 0]


def by_measuring(ask: Search, unit: Unit, todo: Ints, out: tuple[Floats, Ints], *, trusting: bool = True) -> None:
    """The last resort: ends for every row, whatever ties there are."""
    made, held = _begin(ask, unit, len(todo), best_bytes(ask.k), out, both=trusting)
    doubted = [_measure_batch(made, todo[part]) for part in blocks(len(todo), held)]
    again = np.concatenate([np.empty(0, np.int64), *doubted])
    if trusting and len(again):
        by_measuring(ask, unit, again, out, trusting=False)


def _measure_batch(made: _Pass, rows: Ints) -> Ints:
    ask, columns = made.ask, made.columns
    packed, own = _packed(made, rows)
    best = nobody_yet(len(packed.words), ask.k, own)
    originals = Originals(ask.queries, ask.base, rows, columns.order, ask.frame.scale)
    side = packed.terms, best
    _go_through(made, packed, lambda tile, start: settle(tile, start, side, columns.terms, made.rule, originals))
    write((0, len(rows)), best, originals, made.out)
    return rows[best.doubted[: len(rows)] > 0]


def rank_all(
    ask: Search,
    side: tuple[Terms, Queues],
    others: tuple[Terms, Rule],
    numbers: tuple[Ints, Ints],
    out: tuple[Floats, Ints],
) -> None:
    """The k best of every queue into the tables; numbers: of the packed rows and columns in the input."""
    originals = Originals(ask.queries, ask.base, *numbers, ask.frame.scale)
    terms, rule = others
    visits = by_first_candidate(side[1], len(numbers[0]))
    tasks = blocks(len(visits), RANKED)
    share(tasks, lambda part: rank(visits[part], side, terms, rule, originals, out), ask.threads)


def _begin(
    ask: Search, unit: Unit, rows: int, row_bytes: int, out: tuple[Floats, Ints], *, both: bool
) -> tuple[_Pass, int]:
    """A pass, and how many rows of it are held at a time."""
    d = ask.base.shape[1]
    words = words_of(d, unit)
    sides = (rows, 4 * words + row_bytes + TERMS), (len(ask.base), column_bytes(d, unit))
    held = shared_out(ask.room - tile_bytes(ask.threads), *sides)
    columns = Columns(ask.base, ask.order, ask.frame, unit, held.columns, ask.threads)
    return _Pass(ask, unit, columns, Rule(ask.k, unit.error(words), both), out), held.rows


def _packed(made: _Pass, rows: Ints) -> tuple[Packed, Ints]:
    """Rows of a batch, and the column that each is itself (none: -1)."""
    ask, (kind, _, multiple) = made.ask, made.unit.layout
    own = np.argsort(made.columns.order)[rows] if ask.exclude_self else np.full(len(rows), -1)
    return pack(ask.queries, rows, ask.frame, (kind, 0, multiple), ask.threads), own


def _go_through(made: _Pass, rows: Packed, meet: Meet) -> None:
    """Every tile of the batch with all columns; a task has rows of its own, and there is one a thread where it can."""
    tiles, n, threads = Tiles(made.unit), len(rows.words), made.ask.threads
    height = min(-(-n // (STEP * threads)) * STEP, BLOCK)

    def visit(first: int, columns: Packed) -> None:
        def work(part: slice) -> None:
            for block in range(len(columns.words) // BLOCK):
                tile = tiles.product(rows.words[part], columns.panels, block)
                meet(tile, (part.start, first + block * BLOCK))

        share(blocks(n, height), work, threads)

    made.columns.each(visit)
