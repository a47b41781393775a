"""The one measurement of a squared distance: float64, explicit fma, an order of summation that every engine keeps.

Lane l of 32 adds the squares of columns l, l + 32, ... from +0; the lanes then fold in halves (16, 8, 4, 2, 1), as
kernels/rows.cuh and `geometry.pairs.kernel_reference.sum_of_squares` do it, bit for bit. Here the lanes are four
vectors of eight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import F32, F64, I32, I64, Emitted, at, fma, instruction, splat
from geometry.types import Array, Floats, Ints

LANES, PART = 32, 8
DOUBLES = ir.VectorType(F64, PART)


def _measure(item: ir.Type, size: int) -> Any:
    """Intrinsic (address, address, d, scale): squared length of (a - b) scale for rows of one stored type."""

    @instruction
    def measure(typing: Any, a: Any, b: Any, d: Any, scale: Any) -> Emitted:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
            return _emit(builder, item, size, arguments)

        return types.float64(types.intp, types.intp, types.intp, types.float64), generate

    return measure


def _emit(builder: ir.IRBuilder, item: ir.Type, size: int, arguments: list[ir.Value]) -> ir.Value:
    a, b, d, factor = arguments
    scale = splat(builder, factor, DOUBLES)
    lanes = [cgutils.alloca_once_value(builder, ir.Constant(DOUBLES, [0.0] * PART)) for _ in range(LANES // PART)]
    whole = builder.lshr(d, ir.Constant(I64, 5))
    with cgutils.for_range(builder, whole) as loop:
        along = builder.mul(loop.index, ir.Constant(I64, LANES * size))
        _add(builder, item, (builder.add(a, along), builder.add(b, along)), scale, lanes)
    rest = builder.and_(d, ir.Constant(I64, LANES - 1))
    with builder.if_then(builder.icmp_signed("!=", rest, ir.Constant(I64, 0))):
        past = builder.mul(whole, ir.Constant(I64, LANES * size))
        ends = [_padded(builder, item, builder.add(row, past), rest) for row in (a, b)]
        _add(builder, item, (ends[0], ends[1]), scale, lanes)
    return _folded(builder, [builder.load(lane) for lane in lanes])


def _padded(builder: ir.IRBuilder, item: ir.Type, row: ir.Value, rest: ir.Value) -> ir.Value:
    """Address of the last columns of a row followed by zeros, whose squares add nothing."""
    whole = cgutils.alloca_once(builder, ir.ArrayType(item, LANES))
    builder.store(ir.Constant(ir.ArrayType(item, LANES), [0.0] * LANES), whole)
    start = builder.ptrtoint(whole, I64)
    with cgutils.for_range(builder, rest) as loop:
        offset = builder.mul(loop.index, ir.Constant(I64, 4 if item is F32 else 8))
        value = builder.load(at(builder, builder.add(row, offset), 0, item))
        builder.store(value, at(builder, builder.add(start, offset), 0, item))
    return start


def _add(
    builder: ir.IRBuilder, item: ir.Type, rows: tuple[ir.Value, ir.Value], scale: ir.Value, lanes: list[ir.Value]
) -> None:
    for number, lane in enumerate(lanes):
        offset = number * PART * (4 if item is F32 else 8)
        a, b = (builder.load(at(builder, row, offset, ir.VectorType(item, PART)), align=4) for row in rows)
        if item is F32:
            a, b = builder.fpext(a, DOUBLES), builder.fpext(b, DOUBLES)
        gap = builder.fmul(builder.fsub(a, b), scale)
        builder.store(fma(builder, gap, gap, builder.load(lane)), lane)


def _folded(builder: ir.IRBuilder, lanes: list[ir.Value]) -> ir.Value:
    total = builder.fadd(builder.fadd(lanes[0], lanes[2]), builder.fadd(lanes[1], lanes[3]))
    for apart in (4, 2, 1):
        swap = ir.Constant(ir.VectorType(I32, PART), [lane ^ apart for lane in range(PART)])
        total = builder.fadd(total, builder.shuffle_vector(total, total, swap))
    return builder.extract_element(total, ir.Constant(I32, 0))


_single, _double = _measure(F32, 4), _measure(F64, 8)


@compiled
def sq_gap(a: Array, i: int, b: Array, j: int, scale: float) -> float:
    """Squared length of (a_i - b_j) scale; both arrays contiguous rows, float32 or float64 alike."""
    at_a, at_b = a.ctypes.data + i * a.strides[0], b.ctypes.data + j * b.strides[0]
    if a.itemsize == 4:
        return _single(at_a, at_b, a.shape[1], scale)  # type: ignore[no-any-return]
    return _double(at_a, at_b, a.shape[1], scale)  # type: ignore[no-any-return]


@compiled
def _sq_gaps(a: Array, of_a: Ints, b: Array, of_b: Ints, scale: float) -> Floats:
    out = np.empty(len(of_a))
    for pair in range(len(of_a)):
        out[pair] = sq_gap(a, of_a[pair], b, of_b[pair], scale)
    return out


def measurable(*sets: Array) -> tuple[Array, ...]:
    """The sets as contiguous rows of one type that compiled code reads: float64 if any is, else float32; exact."""
    kind = np.result_type(np.float32, *sets)
    made: dict[int, Array] = {id(one): plain(np.ascontiguousarray(one, kind)) for one in sets}
    return tuple(made[id(one)] for one in sets)


class _Memory:
    """The memory of an array, not marked read-only: compiled code would be made anew for mapped files."""

    def __init__(self, array: Array):
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def plain(array: Array) -> Array:
    """An ordinary array on the same memory, only to be read."""
    return np.asarray(_Memory(array)) if isinstance(array, np.memmap) or not array.flags.writeable else array


def sq_gaps(a: Array, of_a: Ints, b: Array, of_b: Ints, scale: float = 1.0) -> Floats:
    """(p,) squared distances, times scale squared, of rows `of_a` of a to rows `of_b` of b, both (p,) int64."""
    a, b = measurable(a, b)
    out: Floats = _sq_gaps(a, np.ascontiguousarray(of_a), b, np.ascontiguousarray(of_b), scale)
    return out
