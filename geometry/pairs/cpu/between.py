"""Exact neighbours across two sets, for the rows of both at once: every product of a tile is looked at from both sides.

Blocks of one set meet blocks of the other in rounds in which no two threads share a block of either. A row may come
with the distance to the k-th neighbour that it has elsewhere, as in a set that is looked at part by part: then hardly
anybody passes but those that belong into its table. What a queue could not hold is left to `nearest`, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geometry.pairs.cpu.measure import measurable
from geometry.pairs.cpu.nearest import SPOILED, capacity, finish
from geometry.pairs.cpu.order import near_together
from geometry.pairs.cpu.queues import Queues, Rule, begin, empty_queues, queue_bytes, sift
from geometry.pairs.cpu.room import TERMS, column_bytes, default_room, tile_bytes, words_of
from geometry.pairs.cpu.rows import BLOCK, Packed, frame_of, pack
from geometry.pairs.cpu.rowwise import Search, rank_all
from geometry.pairs.cpu.threads import one_torch_thread, share
from geometry.pairs.cpu.tiles import Tiles
from geometry.pairs.cpu.units import Unit
from geometry.pairs.merging import Ranked, nobody
from geometry.types import Array, Floats, Ints

Known = tuple[Floats, Floats]  # per set (n,) squared distance to the k-th neighbour elsewhere, infinite without one
TINY = 2.0**-900  # squared distances below this may have lost digits, and say nothing
Side = tuple[Packed, Queues]


def between(
    first: Array, second: Array, k: int, known: Known, *, units: tuple[Unit, ...], means: tuple[int, int | None]
) -> tuple[Ranked, Ranked]:
    """Tables (n, k) of the rows of either set: the k nearest rows of the other one.

    known: whoever is farther from a row than that may be left out of its table, which then ends in `nobody`. means:
    threads, and bytes of scratch, as for `nearest.neighbors`; where they do not hold both sets with their queues, each
    set is looked up in the other.
    """
    sets = measurable(first, second)
    threads, budget = means
    room = default_room(*sets) if budget is None else budget
    frame = frame_of(sets, threads)
    asks = [Search(a, b, min(k, len(b)), False, frame, threads, room) for a, b in (sets, sets[::-1])]
    outs = [nobody(len(one), k) for one in sets]
    left = [np.arange(len(one)) for one in sets]
    with one_torch_thread():
        if all(capacity(k) < len(one) // 2 for one in sets) and _needed(sets, k, units[0], threads) <= room:
            left = _both_ways(asks, units[0], known, outs)
        for ask, todo, out in zip(asks, left, outs, strict=True):
            finish(ask, units, todo, out)
    return outs[0], outs[1]


def _needed(sets: tuple[Array, ...], k: int, unit: Unit, threads: int) -> int:
    rows, columns = (-(-len(one) // BLOCK) * BLOCK for one in sets)
    d, queue = sets[0].shape[1], queue_bytes(capacity(k))
    return (
        rows * (4 * words_of(d, unit) + TERMS + queue) + columns * (column_bytes(d, unit) + queue) + tile_bytes(threads)
    )


def _both_ways(asks: list[Search], unit: Unit, known: Known, outs: list[Ranked]) -> list[Ints]:
    """One unit over all pairs; per set the rows that it had to leave."""
    kind, _, multiple = unit.layout
    rows, columns = (
        _side(ask, beyond, layout)
        for ask, beyond, layout in zip(asks, known, ((kind, 0, multiple), unit.layout), strict=True)
    )
    (left, _), (right, _) = rows, columns
    error, tiles, threads = unit.error(left.words.shape[1]), Tiles(unit), asks[0].threads
    sides = tuple((packed.terms, queues) for packed, queues in (rows, columns))
    rule = Rule(asks[0].k, error, True, True)

    def meet(pair: tuple[int, int]) -> None:
        start = pair[0] * BLOCK, pair[1] * BLOCK
        tile = tiles.product(left.words[start[0] : start[0] + BLOCK], right.panels, pair[1])
        sift(tile, start, sides[0], sides[1], rule)

    for pairs in rounds(-(-len(left.words) // BLOCK), len(right.words) // BLOCK):
        share(pairs, meet, threads)
        if any(queues.spoiled.sum() > SPOILED * packed.n for packed, queues in (rows, columns)):
            return [np.arange(packed.n) for packed in (left, right)]
    for ask, mine, other, out in ((asks[0], rows, right, outs[0]), (asks[1], columns, left, outs[1])):
        packed, queues = mine
        rank_all(ask, (packed.terms, queues), (other.terms, rule), (packed.order, other.order), out)
    return [np.sort(packed.order[queues.spoiled[: packed.n] > 0]) for packed, queues in (rows, columns)]


def _side(ask: Search, known: Floats, layout: tuple[str, int, int]) -> Side:
    """The queries of one search, packed, with queues that begin with what is known."""
    packed = pack(ask.queries, near_together(ask.queries, ask.threads), ask.frame, layout, ask.threads)
    queues = empty_queues(len(packed.words), capacity(ask.k), 2 * ask.k + 32, np.full(packed.n, -1))
    told = np.where(known < TINY, np.inf, np.sqrt(known) * ask.frame.scale)
    begin(queues, packed.terms, told[packed.order])
    return packed, queues


def rounds(rows: int, columns: int) -> Iterator[list[tuple[int, int]]]:
    """Rounds in which every row meets one column at most and no column two; after them all pairs have met once."""
    seats = max(rows, columns)
    for turn in range(seats):
        met = [(i, (i + turn) % seats) for i in range(rows)]
        yield [pair for pair in met if pair[1] < columns]
