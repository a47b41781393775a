"""One measurement: the CPU's compiled squared distance is the kernels' reference, bit for bit, and every engine's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pair_clouds import DTYPES

from geometry.pairs.cpu.measure import measurable, sq_gaps
from geometry.pairs.exact import sq_gap
from geometry.pairs.frame import frame_of, place
from geometry.pairs.kernel_reference import sum_of_squares

WIDTHS = (1, 3, 7, 8, 31, 32, 33, 63, 64, 100, 768, 5000)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 2.0**-7])
def test_bits_of_the_kernels_reference(dtype: type, scale: float) -> None:
    rng = np.random.default_rng(0)
    for d in WIDTHS:
        points = (rng.standard_normal((50, d)) * rng.lognormal(0, 2, (50, 1))).astype(dtype)
        i, j = rng.integers(0, 50, (2, 80))
        want = sum_of_squares((points[i].astype(np.float64) - points[j].astype(np.float64)) * scale)
        assert sq_gaps(points, i, points, j, scale).tobytes() == want.tobytes(), d


def test_sets_of_two_types_are_measured_in_the_wider() -> None:
    rng = np.random.default_rng(0)
    single, double = rng.standard_normal((5, 40)).astype(np.float32), rng.standard_normal((5, 40))
    rows = np.arange(5)
    want = sum_of_squares(single.astype(np.float64) - double)
    assert sq_gaps(single, rows, double, rows).tobytes() == want.tobytes()
    assert [one.dtype for one in measurable(single.astype(np.float16), single)] == [np.float32, np.float32]
    assert [one.dtype for one in measurable(single, double)] == [np.float64, np.float64]


def test_the_torch_engine_measures_the_same() -> None:
    points = np.random.default_rng(0).standard_normal((60, 77)).astype(np.float32)
    rows = place(points, frame_of(points, points), torch.float32, "cpu")
    i, j = torch.arange(20)[:, None], torch.arange(30, 60)[None, :].expand(20, -1)
    gaps = sq_gap(rows, rows, j, i).numpy()
    pairs = np.repeat(np.arange(20), 30), np.tile(np.arange(30, 60), 20)
    assert gaps.tobytes() == sq_gaps(points, pairs[0], points, pairs[1], rows.frame.scale).tobytes()


def test_columns_and_slices_are_read_by_their_rows() -> None:
    points = np.asfortranarray(np.random.default_rng(0).standard_normal((20, 9)))[::2]
    rows = np.arange(9)
    want = sum_of_squares(points[rows] - points[rows + 1])
    assert sq_gaps(points, rows, points, rows + 1).tobytes() == want.tobytes()
