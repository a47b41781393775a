"""The CPU harness itself: what it runs, what it refuses, and that its schedules tell orders apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, Stuck, build, loader

KERNELS = ("order", "rounding", "half_block", "half_warp", "mixed", "unwritten", "exchange")
SOURCE = """
extern "C" __global__ void order(int* next, int* seen) { seen[threadIdx.x] = (*next)++; }
extern "C" __global__ void rounding(double* out) {
  out[0] = __dadd_ru(1.0, 1e-30), out[1] = __dadd_rd(1.0, 1e-30), out[2] = __dadd_rn(1.0, 1e-30);
  out[3] = __dsqrt_ru(2.0), out[4] = __dsqrt_rd(2.0), out[5] = __fma_ru(3.0, 1.0 / 3.0, 0.0);
  out[6] = __fma_rd(0.1, 0.1, -0.01), out[7] = __dmul_ru(0.1, 0.1), out[8] = __dmul_rd(0.1, 0.1);
}
extern "C" __global__ void half_block() { if (threadIdx.x < 32) __syncthreads(); }
extern "C" __global__ void half_warp() { if (threadIdx.x % 2) __syncwarp(); }
extern "C" __global__ void mixed(double* out) {
  if (threadIdx.x < 16) __syncwarp(); else out[threadIdx.x] = __shfl_xor_sync(~0u, 1.0, 1);
}
extern "C" __global__ void unwritten(double* out) {
  extern __shared__ long long shared_memory[];
  out[blockIdx.x] = __longlong_as_double(shared_memory[7]);
  __syncthreads();
  shared_memory[7] = 0;
}
extern "C" __global__ void exchange(double* out) {
  out[threadIdx.x] = __shfl_xor_sync(~0u, static_cast<double>(threadIdx.x), 5);
}
"""


@pytest.fixture(scope="module")
def program() -> loader.Program:
    return build("harness.cu", KERNELS, {"harness.cu": SOURCE})


def test_schedules_visit_every_thread_in_their_own_order(program: loader.Program) -> None:
    orders = []
    for schedule in SCHEDULES:
        seen = np.full(64, -1, np.int32)
        program.launch("order", 1, 64, [np.zeros(1, np.int32), seen], schedule)
        assert sorted(seen) == list(range(64))
        orders.append(seen.tolist())
    assert orders[0] == list(range(64))
    assert orders[1] == list(range(63, -1, -1))
    assert len({tuple(order) for order in orders}) == len(SCHEDULES) >= 3


def test_directed_rounding(program: loader.Program) -> None:
    out = np.full(9, np.nan)
    program.launch("rounding", 1, 32, [out])
    above = np.nextafter(1.0, 2.0)
    assert out[:3].tolist() == [above, 1.0, 1.0]
    assert out[3] == np.nextafter(out[4], 2.0)
    assert out[5] == 1.0
    assert 0 < out[6] < 1e-17
    assert out[7] == np.nextafter(out[8], 1.0)
    assert 1.0 + 1e-30 == 1.0


@pytest.mark.parametrize("name", ["half_block", "half_warp"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_waiting_for_nobody_is_an_error(program: loader.Program, name: str, schedule: int) -> None:
    with pytest.raises(Stuck, match=name):
        program.launch(name, 1, 64, [], schedule)


def test_two_kinds_of_warp_operation_at_once_are_an_error(program: loader.Program) -> None:
    with pytest.raises(Stuck):
        program.launch("mixed", 1, 32, [np.zeros(32)])


def test_a_block_of_broken_warps_is_refused(program: loader.Program) -> None:
    with pytest.raises(Stuck):
        program.launch("unwritten", 1, 48, [np.zeros(1)])


def test_shared_memory_starts_as_nan_in_every_block(program: loader.Program) -> None:
    out = np.zeros(3)
    program.launch("unwritten", 3, 32, [out])
    assert np.isnan(out).all()


def test_shuffles_exchange(program: loader.Program) -> None:
    out = np.full(64, np.nan)
    program.launch("exchange", 1, 64, [out], 7)
    assert np.array_equal(out, np.arange(64) ^ 5)


def test_a_missing_compiler_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader.shutil, "which", lambda _: None)
    with pytest.raises(RuntimeError, match=r"g\+\+ is missing"):
        build("harness.cu", ("order",), {"harness.cu": SOURCE})


def test_a_source_that_does_not_compile_names_its_line() -> None:
    with pytest.raises(RuntimeError, match=r"kernels/broken\.cu:2"):
        build("broken.cu", (), {"broken.cu": "\nint x = no_such_word;\n"})


def test_what_was_built_is_kept_and_another_text_is_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def path(source: str) -> str:
        loader._build.cache_clear()
        return str(build("harness.cu", ("order",), {"harness.cu": source}).library._name)

    first = path(SOURCE)
    assert path(SOURCE + "// more") != first
    monkeypatch.setattr(loader, "_compile", None)
    assert path(SOURCE) == first


def test_other_flags_have_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loader, "STORE", tmp_path)
    monkeypatch.setattr(loader, "_compile", lambda *_: None)
    first = loader._headers.__wrapped__()
    assert loader._headers.__wrapped__() == first
    monkeypatch.setattr(loader, "FLAGS", (*loader.FLAGS, "-O1"))
    assert loader._headers.__wrapped__() != first
