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
from geometry.pairs.cpu.queues import CLOSED, FAR, NO_CUT, STRIP, TINY
from geometry.pairs.cpu.rows import BLOCK, LOST, UP, Packed, Terms, frame_of, pack
from geometry.pairs.cpu.threads import one_torch_thread, share
from geometry.pairs.cpu.tiles import Tiles
from geometry.pairs.cpu.units import Unit
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

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
    threads: int,
) -> tuple[Ints, Ints]:
    """Per query the weight of the balls around it (n,), per ball the weight of the queries in it (m,).

    sq_radii (m,), squared, around the rows of base; one below zero or NaN holds nothing. weights: of queries, of balls.
    """
    per_query, per_ball = np.zeros(len(queries), np.int64), np.zeros(len(base), np.int64)
    if len(queries) == 0 or len(base) == 0:
        return per_query, per_ball
    queries, base = measurable(queries, base)
    frame = frame_of((base,) if queries is base else (queries, base), threads)
    squared = sq_radii * frame.scale * frame.scale
    for unit in units:
        kind, _, multiple = unit.layout
        b = pack(base, np.arange(len(base)), frame, unit.layout, threads)
        q = pack(queries, np.arange(len(queries)), frame, (kind, 0, multiple), threads)
        blur = np.median(q.terms.delta[: q.n]) + np.median(b.terms.delta[: b.n])
        if blur <= COARSE * np.sqrt(max(np.median(squared), 0.0)):
            break
    balls = _balls(b, squared, weights[1])
    pairs = Pairs(queries, base, frame.scale, unit.error(b.words.shape[1]))
    tiles, lock = Tiles(unit), threading.Lock()

    def work(part: slice) -> None:
        mine = np.zeros(len(base), np.int64)
        rows = slice(part.start, part.start + BLOCK)
        for block in range(len(b.words) // BLOCK):
            tile = tiles.product(q.words[rows], b.panels, block)
            start = part.start, block * BLOCK
            _count(tile, start, (q.terms, b.terms), balls, pairs, (weights[0], per_query, mine))
        with lock:
            np.add(per_ball, mine, out=per_ball)

    with one_torch_thread():
        share(blocks(len(queries), BLOCK), work, threads)
    return per_query, per_ball


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
    at_columns = (
        balls.cut.ctypes.data,
        columns.bias.ctypes.data,
        balls.reach.ctypes.data,
        columns.slope.ctypes.data,
        columns.norm.ctypes.data,
    )
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
