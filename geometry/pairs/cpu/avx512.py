"""Register-blocked tile products: 8 rows by 48 columns stay in 24 vector registers while the inner dimension runs.

Operands are words of 32 bits: two bfloat16 of neighbouring columns, or one float32. Rows of the left set lie as they
are; those of the right set in panels of 48, one word of each of the 48 rows side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import FLOATS, I32, I64, WIDTH, WORDS, at, fma, foreign, instruction, load, splat
from geometry.types import Array

ROWS, COLUMNS = 8, 48
CHUNK = 128  # words of the inner dimension summed in registers before they join the tile
Step = Callable[[ir.IRBuilder, ir.Value, ir.Value, ir.Value], ir.Value]


def _bf16_step(builder: ir.IRBuilder, total: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
    dot = foreign(builder, "llvm.x86.avx512bf16.dpbf16ps.512", FLOATS, [FLOATS, WORDS, WORDS])
    return builder.call(dot, [total, a, b])


def _f32_step(builder: ir.IRBuilder, total: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
    return fma(builder, builder.bitcast(a, FLOATS), builder.bitcast(b, FLOATS), total)


def _block(step: Step) -> Any:
    """Intrinsic (left, left stride, panel, out, out stride, words, first): out (8, 48) = or += left panel."""

    @instruction
    def block(typing: Any, a: Any, a_stride: Any, b: Any, out: Any, stride: Any, words: Any, first: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            _emit(builder, step, arguments)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 6, types.boolean), generate

    return block


def _emit(builder: ir.IRBuilder, step: Step, arguments: list[ir.Value]) -> None:
    left, left_stride, panel, out, stride, words, first = arguments
    wide = COLUMNS // WIDTH
    zero = ir.Constant(FLOATS, [0.0] * WIDTH)
    totals = [cgutils.alloca_once_value(builder, zero) for _ in range(ROWS * wide)]
    starts = [builder.add(left, builder.mul(left_stride, ir.Constant(I64, row))) for row in range(ROWS)]
    with cgutils.for_range(builder, words) as loop:
        from_panel = builder.add(panel, builder.mul(loop.index, ir.Constant(I64, 4 * COLUMNS)))
        along = builder.mul(loop.index, ir.Constant(I64, 4))
        columns = [load(builder, from_panel, 4 * WIDTH * c, WORDS) for c in range(wide)]
        for row, start in enumerate(starts):
            value = splat(builder, load(builder, builder.add(start, along), 0, I32), WORDS)
            for c, column in enumerate(columns):
                total = totals[row * wide + c]
                builder.store(step(builder, builder.load(total), value, column), total)
    for row in range(ROWS):
        at_row = builder.add(out, builder.mul(stride, ir.Constant(I64, row)))
        for c in range(wide):
            known = builder.select(first, zero, load(builder, at_row, 4 * WIDTH * c, FLOATS))
            total = builder.fadd(known, builder.load(totals[row * wide + c]))
            builder.store(total, at(builder, at_row, 4 * WIDTH * c, FLOATS), align=4)


_bf16_block, _f32_block = _block(_bf16_step), _block(_f32_step)


@compiled
def bf16_tile(left: Array, panels: Array, out: Array) -> None:
    """out (p, r, 48) float32 = left (r, w) by panels (p, w, 48), uint32 words of two bfloat16; r in eights."""
    for start in range(0, left.shape[1], CHUNK):
        words = min(CHUNK, left.shape[1] - start)
        for p in range(panels.shape[0]):
            for row in range(0, left.shape[0], ROWS):
                _bf16_block(*_place(left, panels, out, (p, row, start)), words, start == 0)


@compiled
def f32_tile(left: Array, panels: Array, out: Array) -> None:
    """The same of words that are one float32."""
    for start in range(0, left.shape[1], CHUNK):
        words = min(CHUNK, left.shape[1] - start)
        for p in range(panels.shape[0]):
            for row in range(0, left.shape[0], ROWS):
                _f32_block(*_place(left, panels, out, (p, row, start)), words, start == 0)


@compiled
def _place(left: Array, panels: Array, out: Array, at: tuple[int, int, int]) -> tuple[int, int, int, int, int]:
    """Addresses and row strides of a block: left, its stride, panel, out, its stride."""
    p, row, start = at
    return (
        left.ctypes.data + row * left.strides[0] + 4 * start,
        left.strides[0],
        panels.ctypes.data + p * panels.strides[0] + start * panels.strides[1],
        out.ctypes.data + p * out.strides[0] + row * out.strides[1],
        out.strides[1],
    )
