"""How many pairs fall within given radii on a CPU: the filter of `queues` with the radius as a fixed reach.

A ball's radius r gives the cut half_sq - (r + delta)^2 / 2: what does not pass is certainly outside. What passes is
certainly inside if its upper bound is at most r, and otherwise measured in float64, `<=`. So rows at exactly the radius
are counted the same way everywhere, and counts depend on no unit, thread or tile. Sums are of whole numbers.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import lowest_bit, strip
from geometry.pairs.cpu.measure import measurable, sq_gap
from geometry.pairs.cpu.queues import CLOSED, FAR, NO_CUT, STRIP, TINY, addresses
from geometry.pairs.cpu.room import (
    TERMS,
    Columns,
    Share,
    column_bytes,
    default_room,
    shared_out,
    tile_bytes,
    words_of,
)
from geometry.pairs.cpu.rows import BLOCK, LOST, UP, Frame, Packed, Terms, frame_of, pack
from geometry.pairs.cpu.threads import one_torch_thread, share
from geometry.pairs.cpu.tiles import Tiles
from geometry.pairs.cpu.units import Unit
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

SAMPLED = 4096  # rows that the choice of a unit looks at
COARSE = 0.01  # share of a typical radius that rounding may blur before more precise products pay


class Balls(NamedTuple):
    """cut, reach (m,) float32 as in `queues`; radius, sq_radius (m,) float64 in the frame; weight (m,) int64."""

    cut: Array
    reach: Array
    radius: Floats
    sq_radius: Floats
    weight: Ints


class Pairs(NamedTuple):
    """The original rows and the frame's scale, for what must be measured; error of a product over the norms."""

    queries: Array
    base: Array
    scale: float
    error: float


def weighted_counts(
    queries: Array,
    base: Array,
    sq_radii: Floats,
    weights: tuple[Ints, Ints],
    *,
    units: tuple[Unit, ...],
    means: tuple[int, int | None],
) -> tuple[Ints, Ints]:
    """Per query the weight of the balls around it (n,), per ball the weight of the queries in it (m,).

    sq_radii (m,), squared, around the rows of base; one below zero or NaN holds nothing. weights: of queries, of balls.
    means: threads, and bytes of scratch as for `nearest.neighbors`.
    """
    per_query, per_ball = np.zeros(len(queries), np.int64), np.zeros(len(base), np.int64)
    if len(queries) == 0 or len(base) == 0:
        return per_query, per_ball
    queries, base = measurable(queries, base)
    threads, budget = means
    room = default_room(queries, base) if budget is None else budget
    frame = frame_of((base,) if queries is base else (queries, base), threads)
    squared = sq_radii * frame.scale * frame.scale
    unit = _precise_enough(units, (queries, base), frame, squared, threads)
    held = _shared_out(room, unit, queries, base, threads)
    columns = Columns(base, np.arange(len(base)), frame, unit, held.columns, threads)
    kind, _, multiple = unit.layout
    means_of = unit, threads

    def count(part: slice) -> None:
        rows = pack(queries, np.arange(part.start, part.stop), frame, (kind, 0, multiple), threads)

        def visit(first: int, packed: Packed) -> None:
            chunk = slice(first, first + packed.n)
            pairs = Pairs(queries[part], base[chunk], frame.scale, unit.error(packed.words.shape[1]))
            balls = _balls(packed, squared[chunk], weights[1][chunk])
            counters = weights[0][part], per_query[part], per_ball[chunk]
            _count_all((rows, packed), balls, pairs, counters, means_of)

        columns.each(visit)

    with one_torch_thread():
        for part in blocks(len(queries), held.rows):
            count(part)
    return per_query, per_ball


def _precise_enough(
    units: tuple[Unit, ...], sets: tuple[Array, Array], frame: Frame, squared: Floats, threads: int
) -> Unit:
    """The first unit whose rounding blurs little beside a typical radius, by a seeded sample of rows; else the last."""
    typical = np.sqrt(max(np.median(squared), 0.0))
    for unit in units:
        kind, _, multiple = unit.layout
        blur = 0.0
        for rows in sets:
            some = np.random.default_rng(0).permutation(len(rows))[:SAMPLED]
            packed = pack(rows, some, frame, (kind, 0, multiple), threads)
            blur += float(np.median(packed.terms.delta[: packed.n]))
        if blur <= COARSE * typical:
            break
    return unit


def _shared_out(room: int, unit: Unit, queries: Array, base: Array, threads: int) -> Share:
    d = base.shape[1]
    row_bytes = 4 * words_of(d, unit) + TERMS
    each = column_bytes(d, unit) + 8 * threads + 24
    return shared_out(room - tile_bytes(threads), (len(queries), row_bytes), (len(base), each))


def _count_all(
    sides: tuple[Packed, Packed],
    balls: Balls,
    pairs: Pairs,
    counters: tuple[Ints, Ints, Ints],
    means: tuple[Unit, int],
) -> None:
    """Every tile of some packed queries with some packed balls; counters: weights of queries, counts of both sides."""
    (rows, columns), (unit, threads) = sides, means
    weight, per_query, per_ball = counters
    tiles, lock = Tiles(unit), threading.Lock()

    def work(part: slice) -> None:
        mine = np.zeros(columns.n, np.int64)
        some = slice(part.start, part.start + BLOCK)
        for block in range(len(columns.words) // BLOCK):
            tile = tiles.product(rows.words[some], columns.panels, block)
            start = part.start, block * BLOCK
            _count(tile, start, (rows.terms, columns.terms), balls, pairs, (weight, per_query, mine))
        with lock:
            np.add(per_ball, mine, out=per_ball)

    share(blocks(rows.n, BLOCK), work, threads)


def _balls(base: Packed, squared: Floats, weight: Ints) -> Balls:
    rows = len(base.words)
    radius, held = np.zeros(rows), np.zeros(rows, np.bool_)
    held[: base.n] = squared >= 0
    radius[: base.n] = np.sqrt(np.where(squared >= 0, squared, 0.0))
    half = base.terms.half_sq.astype(np.float64)
    reach = (radius + base.terms.delta) * UP
    near = reach < FAR
    reach = np.where(near, reach, 0.0)
    cut = half - 0.5 * reach**2 - 2 * LOST * (half + 0.5 * reach**2) - TINY
    cut = np.where(held, np.where(near, cut, NO_CUT), CLOSED)
    padded = np.concatenate([squared, np.full(rows - base.n, np.nan)])
    return Balls(cut.astype(np.float32), (reach * UP).astype(np.float32), radius, padded, weight)


@compiled
def _count(
    tile: Array,
    start: tuple[int, int],
    terms: tuple[Terms, Terms],
    balls: Balls,
    pairs: Pairs,
    out: tuple[Ints, Ints, Ints],
) -> None:
    """Add the pairs of one tile; out: weights of queries, counts of queries, counts of balls."""
    rows, columns = terms
    weight, per_query, per_ball = out
    panels, height, width = tile.shape
    error = np.float32(pairs.error * UP)
    at_columns = addresses(balls.cut, balls.reach, columns)
    for p in range(panels):
        for c in range(0, width, STRIP):
            first = start[1] + p * width + c
            at_tile = tile.ctypes.data + p * tile.strides[0] + 4 * c
            for r in range(height):
                i = start[0] + r
                own = (np.float32(np.inf), rows.bias[i], np.float32(0), rows.slope[i], error * rows.norm[i])
                bits = strip(at_tile + r * tile.strides[1], own, at_columns, 4 * first) >> STRIP
                while bits != 0:
                    bit = lowest_bit(bits)
                    bits &= bits - 1
                    j = first + bit
                    half = np.float64(rows.half_sq[i]) + columns.half_sq[j]
                    blur = pairs.error * UP * rows.norm[i] * columns.norm[j] + LOST * half + TINY
                    upper = np.sqrt(2 * max(half - tile[p, r, c + bit] + blur, 0.0)) + rows.delta[i] + columns.delta[j]
                    if (
                        upper * UP <= balls.radius[j]
                        or sq_gap(pairs.queries, i, pairs.base, j, pairs.scale) <= balls.sq_radius[j]
                    ):
                        per_query[i] += balls.weight[j]
                        per_ball[j] += weight[i]
