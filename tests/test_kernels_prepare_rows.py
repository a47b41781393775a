"""kernels/prepare_rows.cu, executed unchanged on the CPU under several schedules, against its reference bit for bit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import Program, build, mutated
from kernel_cases import CLOUDS, SIZES, Case, case, same_under_every_schedule
from pair_clouds import gaussian

from geometry.pairs import kernel_reference as reference

SOURCE = "prepare_rows.cu"
KERNELS = ("prepare_rows_f16", "prepare_rows_f32", "prepare_rows_f64")


def run(program: Program, of: Case, stride: int) -> list[np.ndarray[Any, Any]]:
    n, d = of.points.shape
    inputs = [of.points, np.arange(n), of.shift, np.float64(of.scale), np.int64(n), np.int32(d), np.int32(stride)]
    return same_under_every_schedule(
        program,
        f"prepare_rows_{of.suffix}",
        -(-n // 4),
        inputs,
        lambda: [np.full((n, stride), np.nan, np.float16), np.full(n, np.nan), np.full(n, np.nan)],
    )


def check(program: Program, of: Case, stride: int) -> list[np.ndarray[Any, Any]]:
    found = run(program, of, stride)
    expected = reference.prepare_rows(of.points, of.shift, of.scale, stride)
    names = ("rows", "sq_norms", "deltas")
    for name, ours in zip(names, found, strict=True):
        assert ours.tobytes() == getattr(expected, name).tobytes(), f"{name} differs from the reference"
        assert np.isfinite(ours).all()
    return found


def exact_sq_gaps(of: Case, rows: np.ndarray[Any, Any]) -> list[Fraction]:
    """Squared norms of (x - shift) scale - h in rational arithmetic."""
    shift, scale = [Fraction(s) for s in of.shift], Fraction(of.scale)
    return [
        sum(((Fraction(float(x)) - s) * scale - Fraction(float(h))) ** 2 for x, s, h in zip(xs, shift, hs, strict=True))
        for xs, hs in zip(of.points, rows[:, : len(shift)], strict=True)
    ]


@pytest.fixture(scope="module")
def program() -> Program:
    return build(SOURCE, KERNELS)


@pytest.mark.parametrize(("n", "d"), SIZES)
def test_sizes(program: Program, n: int, d: int) -> None:
    rng = np.random.default_rng(n * 1000 + d)
    rows, _, _ = check(program, case(gaussian(rng, n, d), np.float32), -(-d // 16) * 16)
    assert not rows[:, d:].any()


@pytest.mark.parametrize(("cloud", "dtype"), CLOUDS)
def test_clouds_and_storage_types(program: Program, cloud: Any, dtype: Any) -> None:
    of = case(cloud(np.random.default_rng(1), 33, 63), dtype)
    rows, sq_norms, deltas = check(program, of, 64)
    exact = exact_sq_gaps(of, rows)
    assert all(Fraction(delta) ** 2 >= gap for delta, gap in zip(deltas, exact, strict=True))
    assert np.allclose(deltas, [float(gap) ** 0.5 for gap in exact], rtol=1e-12, atol=0)
    assert np.allclose(sq_norms, (rows.astype(np.float64) ** 2).sum(axis=1), rtol=1e-14)


def test_coordinates_out_of_range_are_held_and_counted_in_delta(program: Program) -> None:
    points = np.array([[1e9, 1.0, -3e5], [0.5, 0.25, 0.125]])
    rows, _, deltas = check(program, Case(points, np.zeros(3), 1.0), 16)
    assert rows[0, :3].tolist() == [65504.0, 1.0, -65504.0]
    assert deltas[0] == pytest.approx(np.hypot(1e9 - 65504, 3e5 - 65504), rel=1e-15)
    assert deltas[1] == 0.0


def test_the_rounding_of_the_centring_enters_delta(program: Program) -> None:
    of = Case(np.full((1, 1), 1.0), np.full(1, -(2.0**-60)), 1.0)
    rows, _, deltas = check(program, of, 16)
    assert rows[0, 0] == 1.0
    assert deltas[0] == 2.0**-60


MUTATIONS = {
    "delta rounded to nearest": ("gap_sum = __fma_ru(gap, gap, gap_sum)", "gap_sum = __fma_rn(gap, gap, gap_sum)"),
    "delta rounded inward": ("__dsqrt_ru(sq_gap)", "__dsqrt_rd(sq_gap)"),
    "one direction of the residual": ("__fma_ru(-centred, scale, kept)", "0.0"),
    "centring taken as exact": ("gap = __fma_ru(fabs(lost), scale, gap);", ""),
    "norm of the row before rounding": ("__fma_rn(kept, kept, norm_sum)", "__fma_rn(scaled, scaled, norm_sum)"),
    "columns past d left alone": ("column = d + lane;", "column = stride;"),
    "scale forgotten": ("__dmul_rn(centred, scale)", "centred"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_kernel_is_caught(mutation: str) -> None:
    broken = build(SOURCE, ("prepare_rows_f64",), mutated(MUTATIONS[mutation], SOURCE))
    of = case(gaussian(np.random.default_rng(2), 33, 60), np.float64)
    with pytest.raises(AssertionError, match="differs from the reference"):
        check(broken, of, 64)
