"""Inputs for kernels executed on the CPU: rows in a storage type with a frame, and launches under every schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from cuda_on_cpu import SCHEDULES, Program
from pair_clouds import (
    all_equal,
    duplicates,
    gaussian,
    huge,
    lattice,
    lognormal_norms,
    offset_1e6,
    one_hot,
    subnormals,
    tiny,
)

SUFFIXES = {np.dtype(np.float16): "f16", np.dtype(np.float32): "f32", np.dtype(np.float64): "f64"}
SIZES = [(n, d) for n in (1, 2, 33, 257) for d in (1, 3, 63, 768)]


@dataclass(frozen=True)
class Case:
    """Rows (n, d) as stored, the shift (d,) and the power of two that brings them near 1."""

    points: np.ndarray[Any, Any]
    shift: np.ndarray[Any, Any]
    scale: float

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.points.dtype]


def case(points: np.ndarray[Any, Any], dtype: Any) -> Case:
    points = np.ascontiguousarray(points.astype(dtype))
    shift = points.astype(np.float64).mean(axis=0)
    largest = np.abs(points - shift).max()
    return Case(points, shift, float(np.ldexp(1.0, -int(np.frexp(largest)[1]) if largest else 0)))


def half_subnormals(rng: np.random.Generator, n: int, d: int) -> np.ndarray[Any, Any]:
    return rng.integers(-1000, 1000, (n, d)) * 2.0**-24


WIDE = (gaussian, duplicates, all_equal, one_hot, lattice, lognormal_norms, offset_1e6, huge, tiny, subnormals)
CLOUDS = [
    *((cloud, dtype) for cloud in WIDE for dtype in (np.float32, np.float64)),
    *((cloud, np.float16) for cloud in (gaussian, duplicates, all_equal, one_hot, lattice, half_subnormals)),
]


def same_under_every_schedule(
    program: Program, name: str, grid: int, inputs: Sequence[Any], outputs: Callable[[], list[np.ndarray[Any, Any]]]
) -> list[np.ndarray[Any, Any]]:
    """The outputs of a kernel of 128 threads, poisoned beforehand, after asserting that no schedule changes a byte."""
    runs = []
    for schedule in SCHEDULES:
        poisoned = outputs()
        program.launch(name, grid, 128, [*inputs, *poisoned], schedule)
        runs.append(poisoned)
    for run in runs[1:]:
        assert [a.tobytes() for a in run] == [a.tobytes() for a in runs[0]], f"{name} depends on the schedule"
    return runs[0]
