"""Rows made ready for tile products on a CPU: centred, scaled by a power of two, rounded, with the error that makes.

The shift is the mean of the rows that are not extreme (coordinates beyond 16 times the median extent), so that one row
at 1e6 spoils neither the centre nor the scale of the rest; the scale brings their largest coordinate near 2^12. What
a narrow type cannot hold is held at its largest number: that is only a large residual. For every row h, rounded from
x' = (x - shift) scale:
  half_sq = |h|^2 / 2,  norm = |h|,  delta = |x' - h| (measured in float64 from the original, rounded outward),
so that |d(x', y') - d(h_x, h_y)| <= delta_x + delta_y by the triangle inequality. `bias` and `slope` are the parts of
the tests in `queues` that a column contributes: half_sq - delta^2 / 2 less what float32 may lose, and delta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import half_bits, half_value
from geometry.pairs.cpu.threads import share
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

BLOCK = 384  # rows of a tile: its float32 products and one set of operands fit a second-level cache of 1 MiB
STEP = 32  # rows that every unit can multiply
EXTREME = 16.0
TARGET = 12  # exponent of the largest coordinate: leaves float16 a factor 16 above and 26 binades below
LARGEST = {"fp16": 65504.0, "bf16": 2.0**30, "f32": 2.0**30}
KINDS = ("f32", "bf16", "fp16")
UP = 1 + 2.0**-20
LOST = 2.0**-21  # of the squared norms: what a handful of float32 operations may lose
WILD = 2.0**40  # residuals beyond which float32 squares would overflow: such rows pass every test
PART = 1024


@dataclass(frozen=True)
class Frame:
    """Shift (d,) and the power of two that all sets of a pass share."""

    shift: Floats
    scale: float


class Terms(NamedTuple):
    """(n,) float32 per row of a packed set; see the module."""

    half_sq: Array
    bias: Array
    slope: Array
    norm: Array
    delta: Array


@dataclass(frozen=True)
class Packed:
    """n rows in the order `order`, padded to whole blocks, left operands to STEP.

    words (m, w) uint32, and the same in panels (m / c, w, c).
    """

    n: int
    order: Ints
    words: Array
    panels: Array
    terms: Terms


def frame_of(sets: tuple[Array, ...], threads: int) -> Frame:
    """Frame of the last set's centre, wide enough for all of them but extreme rows."""
    base = sets[-1]
    shift = _mean(base, np.ones(len(base), np.bool_))
    extent = _extents(base, shift, threads)
    for _ in range(3):
        kept = extent <= EXTREME * np.median(extent) if len(extent) else np.ones(0, np.bool_)
        if kept.all() or not kept.any():
            break
        shift = _mean(base, kept)
        extent = _extents(base, shift, threads)
    every = np.concatenate([extent, *(_extents(one, shift, threads) for one in sets[:-1])])
    middle = np.median(every) if len(every) else 0.0
    largest = float(every[every <= EXTREME * middle].max(initial=0.0)) or float(every.max(initial=0.0))
    exponent = TARGET - int(np.frexp(largest)[1]) if largest > 0 else 0
    return Frame(shift, float(np.ldexp(1.0, int(np.clip(exponent, -1000, 1000)))))


def _mean(points: Array, kept: Array) -> Floats:
    total = np.zeros(points.shape[1])
    _add_rows(points, kept, total)
    mean = total / max(int(kept.sum()), 1)
    return np.where(np.isfinite(mean), mean, 0.0)  # any shift is right; sums of huge rows may leave float64


def _extents(points: Array, shift: Floats, threads: int) -> Floats:
    out = np.empty(len(points))
    share(blocks(len(points), PART), lambda part: _extent(points, shift, part.start, part.stop, out), threads)
    return out


@compiled
def _add_rows(points: Array, kept: Array, total: Floats) -> None:
    for i in range(points.shape[0]):
        if kept[i]:
            for c in range(points.shape[1]):
                total[c] += points[i, c]


@compiled
def _extent(points: Array, shift: Floats, start: int, stop: int, out: Floats) -> None:
    for i in range(start, stop):
        most = 0.0
        for c in range(points.shape[1]):
            most = max(most, abs(np.float64(points[i, c]) - shift[c]))
        out[i] = most


def pack(points: Array, order: Ints, frame: Frame, layout: tuple[str, int, int], threads: int) -> Packed:
    """`points[order]` in the frame. layout: kind of number, columns of a panel, words a row is padded to a multiple of.

    Panels of 0 columns are not made: a left operand needs none, and is padded to STEP rows in place of a block.
    """
    kind, columns, multiple = layout
    n, d = len(order), points.shape[1]
    per_word = 1 if kind == "f32" else 2
    words = -(-d // (per_word * multiple)) * multiple
    step = BLOCK if columns else STEP
    rows = -(-max(n, 1) // step) * step
    packed = aligned((rows, words))
    panels = aligned((rows // columns, words, columns)) if columns else aligned((0, words, 1))
    terms = Terms(*(np.zeros(rows, np.float32) for _ in Terms._fields))
    terms.bias[n:] = np.inf  # rows of padding pass no test
    largest, number = LARGEST[kind], KINDS.index(kind)

    def work(part: slice) -> None:
        _round(points, order, (frame.shift, frame.scale, largest, number), (part.start, part.stop), packed, terms)
        if columns:
            _to_panels(packed, panels, part.start, part.stop)

    share(blocks(rows, BLOCK), work, threads)
    return Packed(n, order, packed, panels, terms)


def aligned(shape: tuple[int, ...], dtype: type = np.uint32) -> Array:
    """Zeros on a boundary of 64 bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


@compiled
def _round(
    points: Array, order: Ints, frame: tuple[Floats, float, float, int], span: tuple[int, int], out: Array, terms: Terms
) -> None:
    shift, scale, largest, kind = frame
    for row in range(span[0], min(span[1], len(order))):
        source = points[order[row]]
        sq_norm, sq_gap, sq_all = 0.0, 0.0, 0.0
        for c in range(len(source)):
            exact = (np.float64(source[c]) - shift[c]) * scale
            value = np.float32(min(max(exact, -largest), largest))
            if kind == 0:
                kept = value
                out[row, c] = np.float32(value).view(np.uint32)
            elif kind == 1:
                bits = np.float32(value).view(np.uint32)
                bits = np.uint32((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))
                kept = np.uint32(bits << np.uint32(16)).view(np.float32)
                out[row, c >> 1] |= np.uint32(bits << np.uint32(16 * (c & 1)))
            else:
                bits = half_bits(value)
                kept = half_value(bits)
                out[row, c >> 1] |= np.uint32(bits << np.uint32(16 * (c & 1)))
            sq_norm += np.float64(kept) * np.float64(kept)
            sq_gap += (exact - np.float64(kept)) * (exact - np.float64(kept))
            sq_all += exact * exact
        half = 0.5 * sq_norm
        delta = (np.sqrt(sq_gap) + np.sqrt(sq_all) * 2.0**-51) * UP
        wild = not delta < WILD
        terms.half_sq[row] = half
        terms.norm[row] = np.sqrt(sq_norm) * UP
        terms.delta[row] = np.inf if wild else delta
        terms.slope[row] = 0.0 if wild else delta
        terms.bias[row] = -np.inf if wild else half - 0.5 * delta * delta - LOST * (half + 0.5 * delta * delta)


@compiled
def _to_panels(words: Array, panels: Array, start: int, stop: int) -> None:
    columns = panels.shape[2]
    for p in range(start // columns, stop // columns):
        for w in range(0, words.shape[1], 16):
            for c in range(columns):
                for x in range(w, min(w + 16, words.shape[1])):
                    panels[p, x, c] = words[p * columns + c, x]
