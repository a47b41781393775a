"""The stand-in for the matrix instructions: fragments as the PTX manual draws them, and the ways of rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, Program, build

CLAIM = 17 * 2.0**-23
SOURCE = """
#include <cuda_fp16.h>
#include <matrix.cuh>
extern "C" __global__ void multiply(const __half* a, const __half* b, const float* c, float* out) {
  extern __shared__ long long shared_memory[];
  const int lane = threadIdx.x;
  const unsigned at = shared_address(shared_memory);
  for (int piece = lane; piece < 32; piece += 32) begin_copy(at + piece * 16, a + piece * 8);  // 16 rows of 32 bytes
  if (lane < 16) begin_copy(at + 512 + lane * 16, b + lane * 8);  // 8 columns of 32 bytes
  end_group();
  wait_for_groups<0>();
  __syncwarp();
  unsigned rows[4], columns[4];
  load_matrices(rows, at + lane % 16 * 32 + lane / 16 * 16);
  load_matrices(columns, at + 512 + lane % 8 * 32 + lane / 8 % 2 * 16);
  const unsigned two[2] = {columns[0], columns[1]};
  const int row = lane / 4, column = lane % 4 * 2;
  float sum[4];
  for (int part = 0; part < 4; ++part) sum[part] = c[(row + part / 2 * 8) * 8 + column + part % 2];
  multiply_add(sum, rows, two);
  for (int part = 0; part < 4; ++part) out[(row + part / 2 * 8) * 8 + column + part % 2] = sum[part];
}
extern "C" __global__ void early(const float* from, float* out) {
  extern __shared__ long long shared_memory[];
  begin_copy(shared_address(shared_memory) + threadIdx.x * 16, from + threadIdx.x * 4);
  end_group();
  const float* there = reinterpret_cast<const float*>(shared_memory) + threadIdx.x * 4;
  out[threadIdx.x] = there[1];
  wait_for_groups<0>();
  out[32 + threadIdx.x] = there[1];
}
"""


@pytest.fixture(scope="module")
def program() -> Program:
    return build("matrix.cu", ("multiply", "early"), {"matrix.cu": SOURCE})


def product(program: Program, a: Any, b: Any, c: Any, mode: int, schedule: int = 0) -> np.ndarray[Any, Any]:
    out = np.full((16, 8), np.nan, np.float32)
    program.set_matrix_mode(mode)
    program.launch("multiply", 1, 32, [a, b, c, out], schedule)
    program.set_matrix_mode(0)
    return out


def operands(rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], ...]:
    a, b = rng.standard_normal((16, 16)).astype(np.float16), rng.standard_normal((8, 16)).astype(np.float16)
    return a, b, rng.standard_normal((16, 8)).astype(np.float32)


def terms(a: Any, b: Any, c: Any) -> np.ndarray[Any, Any]:
    return np.concatenate([a.astype(np.float64)[:, None, :] * b.astype(np.float64)[None], c[:, :, None]], axis=2)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_fragments_lie_as_drawn(program: Program, schedule: int) -> None:
    a, b, c = operands(np.random.default_rng(0))
    exact = terms(a, b, c).sum(axis=2)
    assert np.abs(product(program, a, b, c, 0, schedule) - exact).max() <= 2.0**-24 * np.abs(exact).max()


def test_truncation_stays_within_the_claim_and_is_not_rounding(program: Program) -> None:
    a, b, c = operands(np.random.default_rng(1))
    every = terms(a, b, c)
    error = product(program, a, b, c, 1) - every.sum(axis=2)
    assert np.all(np.abs(error) <= CLAIM * np.abs(every).max(axis=2))
    assert np.abs(error).max() > 2.0**-24 * np.abs(every.sum(axis=2)).max()


def test_terms_below_the_guard_bits_are_lost(program: Program) -> None:
    a, b = np.zeros((16, 16), np.float16), np.zeros((8, 16), np.float16)
    a[:, 0], b[:, 0] = 16, 16
    a[:, 1:], b[:, 1:] = 2.0**-8 * (1 - 2.0**-11), 2.0**-8 * (1 - 2.0**-11)
    zero = np.zeros((16, 8), np.float32)
    assert np.all(product(program, a, b, zero, 1) < product(program, a, b, zero, 0))


@pytest.mark.parametrize(("mode", "sign"), [(2, 1), (3, -1)])
def test_adversarial_results_stand_at_the_claim(program: Program, mode: int, sign: int) -> None:
    a, b, c = operands(np.random.default_rng(2))
    every = terms(a, b, c)
    moved = sign * (product(program, a, b, c, mode) - every.sum(axis=2)) / np.abs(every).max(axis=2)
    assert np.all(moved <= CLAIM)
    assert np.all(moved > CLAIM - 2.0**-21)


def test_a_copy_is_not_there_before_it_was_waited_for(program: Program) -> None:
    out = np.zeros(64, np.float32)
    program.launch("early", 1, 32, [np.arange(128, dtype=np.float32), out])
    assert np.isnan(out[:32]).all()
    assert out[32:].tolist() == list(range(1, 128, 4))
