"""The machine operations that numba's Python cannot say, as LLVM instructions: vectors, masks, one rounding.

Everything here is plain LLVM, legal on any processor; what only some have lies in `avx512` and `amx`. Addresses are
integers, as `array.ctypes.data` gives them; nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 16  # floats of a vector
I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
F16, F32, F64 = ir.HalfType(), ir.FloatType(), ir.DoubleType()
FLOATS, WORDS = ir.VectorType(F32, WIDTH), ir.VectorType(I32, WIDTH)
POINTER = ir.PointerType(I8)
VOID = ir.VoidType()
Emitted = tuple[Any, Callable[..., Any]]


def instruction(emit: Callable[..., Emitted]) -> Any:
    """An operation for compiled code; `emit` gives its signature and what writes its LLVM."""
    return intrinsic(emit)


def foreign(builder: ir.IRBuilder, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
    """An LLVM intrinsic by name."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)


def at(builder: ir.IRBuilder, address: ir.Value, offset: int, item: ir.Type) -> ir.Value:
    """Pointer to `item` at address + offset bytes."""
    return builder.inttoptr(builder.add(address, ir.Constant(I64, offset)), ir.PointerType(item))


def load(builder: ir.IRBuilder, address: ir.Value, offset: int, item: ir.Type) -> ir.Value:
    """`item` at address + offset bytes, on any boundary of 4 bytes."""
    return builder.load(at(builder, address, offset, item), align=4)


def splat(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    """A vector whose every item is `value`."""
    none = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(none, value, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count))


def fma(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """a b + c of three values of one type, rounded once."""
    name = {F64: "f64", FLOATS: "v16f32"}.get(a.type, "v8f64")
    return builder.call(foreign(builder, f"llvm.fma.{name}", a.type, [a.type] * 3), [a, b, c])


@instruction
def lowest_bit(typing: Any, bits: Any) -> Emitted:
    """Number of the lowest bit that is set."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        return builder.call(foreign(builder, "llvm.cttz.i64", I64, [I64, I1]), [arguments[0], ir.Constant(I1, 0)])

    return types.int64(types.int64), generate


@instruction
def half_bits(typing: Any, value: Any) -> Emitted:
    """Bits of a float32 rounded to the nearest float16, ties to even."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        return builder.zext(builder.bitcast(builder.fptrunc(arguments[0], F16), I16), I32)

    return types.uint32(types.float32), generate


@instruction
def half_value(typing: Any, bits: Any) -> Emitted:
    """The float16 of these bits as float32."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        return builder.fpext(builder.bitcast(builder.trunc(arguments[0], I16), F16), F32)

    return types.float32(types.uint32), generate


@instruction
def strip(typing: Any, scores: Any, row: Any, columns: Any, along: Any) -> Emitted:
    """Which of 16 products pass: bits 0-15 by the cut of their row, bits 16-31 by the cuts of their columns.

    scores: address of 16 float32. row: five float32 of the row; columns: five addresses of float32 of the columns, of
    which 16 are read `along` bytes on; both in the order cut, bias, reach, slope, norm, the row's norm times the
    product's error. A product s passes by its row, and likewise by its column, if
      s >= cut_i + bias_j - reach_i slope_j - norm_i norm_j.
    """
    signature = types.int64(types.intp, types.UniTuple(types.float32, 5), types.UniTuple(types.intp, 5), types.intp)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        score = load(builder, arguments[0], 0, FLOATS)
        own = [splat(builder, builder.extract_value(arguments[1], item), FLOATS) for item in range(5)]
        starts = [builder.extract_value(arguments[2], item) for item in range(5)]
        other = [load(builder, builder.add(start, arguments[3]), 0, FLOATS) for start in starts]
        error = builder.fmul(own[4], other[4])
        by_row = _passes(builder, score, error, (own[0], other[1], own[2], other[3]))
        by_column = _passes(builder, score, error, (other[0], own[1], other[2], own[3]))
        return builder.zext(builder.or_(by_row, builder.shl(by_column, ir.Constant(I32, 16))), I64)

    return signature, generate


def _passes(builder: ir.IRBuilder, score: ir.Value, error: ir.Value, terms: tuple[ir.Value, ...]) -> ir.Value:
    cut, bias, reach, slope = terms
    least = builder.fsub(builder.fadd(cut, bias), error)
    least = fma(builder, builder.fneg(reach), slope, least)
    return builder.zext(builder.bitcast(builder.fcmp_ordered(">=", score, least), I16), I32)
