"""rows' rows in float64, each entry one sum in one order whatever the threads: register blocks where there is AVX-512.

CHUNK rows at a time are laid out in strips of 8 columns, which a cache of the core holds. 8 by 24 entries of the lower
triangle, a strip by a panel of three, stay in 24 vector registers while the chunk goes by, and are then added to the
result; threads have panels of their own. Without AVX-512 the product is NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import F64, I64, Emitted, at, fma, instruction, load, splat
from geometry.pairs.cpu.measure import DOUBLES, PART
from geometry.pairs.cpu.threads import share
from geometry.pairs.cpu.units import features
from geometry.types import Floats, Ints

WIDE = 3  # strips of a panel: 8 rows of three vectors fill 24 of 32 registers
CHUNK = 128  # rows of the set: 8 KB of a strip, 512 KB of 512 columns
LEAST = 64  # columns from which blocks pay


def self_product(
    rows: Floats,  # (n, d)
) -> Floats:
    """(d, d) rows' rows, symmetric."""
    d = rows.shape[1]
    if "avx512f" not in features() or d < LEAST:
        made: Floats = rows.T @ rows
        return made
    from torch import get_num_threads

    threads, panels = get_num_threads(), -(-d // (WIDE * PART))
    out = np.zeros((panels * WIDE * PART,) * 2)
    order = np.arange(panels)
    share([order[first::threads] for first in range(threads)], lambda own: _panels(rows, own, out), threads)
    return _mirrored(out, d)


@compiled
def _panels(rows: Floats, panels: Ints, out: Floats) -> None:
    """Some panels of 24 columns of the lower triangle."""
    n, d = rows.shape
    strips = len(out) // PART
    laid = np.zeros((strips, CHUNK, PART))
    for start in range(0, n, CHUNK):
        count = min(CHUNK, n - start)
        for row in range(count):
            for strip in range(d // PART):
                for column in range(PART):
                    laid[strip, row, column] = rows[start + row, PART * strip + column]
        for column in range(d // PART * PART, d):
            for row in range(count):
                laid[d // PART, row, column % PART] = rows[start + row, column]
        for panel in panels:
            for strip in range(WIDE * panel, strips):
                _block(
                    laid.ctypes.data + strip * laid.strides[0],
                    laid.ctypes.data + WIDE * panel * laid.strides[0],
                    laid.strides[0],
                    out.ctypes.data + PART * (strip * out.strides[0] + 8 * WIDE * panel),
                    out.strides[0],
                    count,
                )


@compiled
def _mirrored(lower: Floats, d: int) -> Floats:
    """(d, d) with the lower triangle of `lower` on both sides."""
    out = np.empty((d, d))
    for row in range(d):
        for column in range(row + 1):
            out[row, column] = out[column, row] = lower[row, column]
    return out


@instruction
def _block(typing: Any, left: Any, panel: Any, apart: Any, out: Any, stride: Any, count: Any) -> Emitted:
    """out (8, 24) += the sum over `count` rows of a strip by three that lie `apart` bytes from one another."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> Any:
        _emit(builder, arguments)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 6), generate


def _emit(builder: ir.IRBuilder, arguments: list[ir.Value]) -> None:
    left, panel, apart, out, stride, count = arguments
    zero, size = ir.Constant(DOUBLES, [0.0] * PART), ir.Constant(I64, 8 * PART)
    totals = [cgutils.alloca_once_value(builder, zero) for _ in range(PART * WIDE)]
    strips = [builder.add(panel, builder.mul(apart, ir.Constant(I64, strip))) for strip in range(WIDE)]
    with cgutils.for_range(builder, count) as loop:
        along = builder.mul(loop.index, size)
        columns = [load(builder, builder.add(strip, along), 0, DOUBLES) for strip in strips]
        own = builder.add(left, along)
        for row in range(PART):
            value = splat(builder, load(builder, own, 8 * row, F64), DOUBLES)
            for strip, column in enumerate(columns):
                total = totals[row * WIDE + strip]
                builder.store(fma(builder, value, column, builder.load(total)), total)
    for row in range(PART):
        at_row = builder.add(out, builder.mul(stride, ir.Constant(I64, row)))
        for strip in range(WIDE):
            known = load(builder, at_row, 8 * PART * strip, DOUBLES)
            total = builder.fadd(known, builder.load(totals[row * WIDE + strip]))
            builder.store(total, at(builder, at_row, 8 * PART * strip, DOUBLES), align=8)
