"""Tile products on AMX: two by two accumulators of 16 x 16 float32 fed by tiles of 16 rows of 64 bytes.

Left tiles are read from rows as they lie, right tiles from panels of 32 rows, whose words lie side by side: exactly
what TDPFP16PS and TDPBF16PS want of their second operand. Sums leave the tile registers every DEPTH words and are
added to the result in float32. Linux grants a process the tile registers only when asked (arch_prctl,
ARCH_REQ_XCOMP_PERM); every thread that computes loads the tile shapes itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import I8, I64, POINTER, VOID, Emitted, foreign, instruction
from geometry.types import Array

COLUMNS, SIDE = 32, 16
DEPTH = 128  # words, 256 numbers, summed inside the tile registers
ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA = 158, 0x1023, 18
SHAPES = np.zeros(64, np.uint8)  # palette 1; eight tiles of 16 rows of 64 bytes
SHAPES[0] = 1
SHAPES[16:32:2] = 64
SHAPES[48:56] = 16


def permitted() -> bool:
    """Whether the kernel lets this process use the tile registers; asks it."""
    system = ctypes.CDLL(None, use_errno=True)
    return bool(system.syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0)


def _call(builder: ir.IRBuilder, name: str, *arguments: ir.Value) -> None:
    builder.call(foreign(builder, f"llvm.x86.{name}", VOID, [one.type for one in arguments]), arguments)


def _tile(number: int) -> ir.Value:
    return ir.Constant(I8, number)


@instruction
def _load_shapes(typing: Any, address: Any) -> Emitted:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _call(builder, "ldtilecfg", builder.inttoptr(arguments[0], POINTER))
        return context.get_dummy_value()

    return types.void(types.intp), generate


@instruction
def _release(typing: Any) -> Emitted:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _call(builder, "tilerelease")
        return context.get_dummy_value()

    return types.void(), generate


@instruction
def _clear(typing: Any) -> Emitted:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        for accumulator in range(4):
            _call(builder, "tilezero", _tile(accumulator))
        return context.get_dummy_value()

    return types.void(), generate


def _step(name: str) -> Any:
    """Instruction (left address, left stride, right address, right stride): accumulators 0-3 += two by two tiles."""

    @instruction
    def step(typing: Any, left: Any, left_stride: Any, right: Any, right_stride: Any) -> Emitted:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            _emit_step(builder, name, arguments)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 4), generate

    return step


def _emit_step(builder: ir.IRBuilder, name: str, arguments: list[ir.Value]) -> None:
    left, left_stride, right, right_stride = arguments
    lower = builder.add(left, builder.mul(left_stride, ir.Constant(I64, SIDE)))
    beside = builder.add(right, ir.Constant(I64, 4 * SIDE))
    operands = ((4, left, left_stride), (5, lower, left_stride), (6, right, right_stride), (7, beside, right_stride))
    for number, address, stride in operands:
        _call(builder, "tileloadd64", _tile(number), builder.inttoptr(address, POINTER), stride)
    for accumulator, (row, column) in enumerate(((4, 6), (4, 7), (5, 6), (5, 7))):
        _call(builder, name, _tile(accumulator), _tile(row), _tile(column))


@instruction
def _store(typing: Any, address: Any) -> Emitted:
    """The accumulators as (32, 32) float32, rows of 128 bytes."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        for accumulator, offset in enumerate((0, 64, 128 * SIDE, 128 * SIDE + 64)):
            to = builder.inttoptr(builder.add(arguments[0], ir.Constant(I64, offset)), POINTER)
            _call(builder, "tilestored64", _tile(accumulator), to, ir.Constant(I64, 128))
        return context.get_dummy_value()

    return types.void(types.intp), generate


_fp16_step, _bf16_step = _step("tdpfp16ps"), _step("tdpbf16ps")


@compiled
def fp16_tile(left: Array, panels: Array, out: Array, shapes: Array) -> None:
    """out (p, r, 32) float32 = left (r, w) by panels (p, w, 32), uint32 words of two float16; r in 32s, w in 16s."""
    scratch = np.empty((2 * COLUMNS, COLUMNS), np.float32)
    at_scratch = (scratch.ctypes.data + 63) & ~63
    skip = (at_scratch - scratch.ctypes.data) // 4
    sums = scratch.ravel()[skip : skip + COLUMNS * COLUMNS]
    _load_shapes(shapes.ctypes.data)
    for start in range(0, left.shape[1], DEPTH):
        stop = min(start + DEPTH, left.shape[1])
        for p in range(panels.shape[0]):
            for row in range(0, left.shape[0], COLUMNS):
                _clear()
                for word in range(start, stop, SIDE):
                    _fp16_step(*_place(left, panels, (p, row, word)))
                _store(at_scratch)
                _join(sums, out[p], row, start == 0)
    _release()


@compiled
def bf16_tile(left: Array, panels: Array, out: Array, shapes: Array) -> None:
    """The same of words of two bfloat16."""
    scratch = np.empty((2 * COLUMNS, COLUMNS), np.float32)
    at_scratch = (scratch.ctypes.data + 63) & ~63
    skip = (at_scratch - scratch.ctypes.data) // 4
    sums = scratch.ravel()[skip : skip + COLUMNS * COLUMNS]
    _load_shapes(shapes.ctypes.data)
    for start in range(0, left.shape[1], DEPTH):
        stop = min(start + DEPTH, left.shape[1])
        for p in range(panels.shape[0]):
            for row in range(0, left.shape[0], COLUMNS):
                _clear()
                for word in range(start, stop, SIDE):
                    _bf16_step(*_place(left, panels, (p, row, word)))
                _store(at_scratch)
                _join(sums, out[p], row, start == 0)
    _release()


@compiled
def _place(left: Array, panels: Array, at: tuple[int, int, int]) -> tuple[int, int, int, int]:
    p, row, word = at
    return (
        left.ctypes.data + row * left.strides[0] + 4 * word,
        left.strides[0],
        panels.ctypes.data + p * panels.strides[0] + word * panels.strides[1],
        panels.strides[1],
    )


@compiled
def _join(sums: Array, out: Array, row: int, first: bool) -> None:
    """Put or add the accumulators to their place in a panel of the result."""
    for r in range(COLUMNS):
        for c in range(COLUMNS):
            known = np.float32(0) if first else out[row + r, c]
            out[row + r, c] = known + sums[r * COLUMNS + c]


def tile_product(kind: str) -> Callable[[Array, Array, Array], None]:
    """The product of tiles of `fp16` or `bf16`."""
    tile = {"fp16": fp16_tile, "bf16": bf16_tile}[kind]

    def product(left: Array, panels: Array, out: Array) -> None:
        tile(left, panels, out, SHAPES)

    return product
