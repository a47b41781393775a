"""rows' rows by register blocks: every size of edge, no digit from threads, NumPy where there is no AVX-512."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
import torch

from geometry.pairs.cpu import self_product as module
from geometry.pairs.cpu.self_product import CHUNK, LEAST, self_product
from geometry.pairs.cpu.units import features

HAS = pytest.mark.skipif("avx512f" not in features(), reason="register blocks are for AVX-512")


@pytest.mark.parametrize("n", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
@pytest.mark.parametrize("d", [1, 5, LEAST - 1, LEAST, 71, 72, 73, 96, 131])
def test_every_entry_is_its_sum(n: int, d: int) -> None:
    rows = clouds.power_law(n, d) + 0.1
    made = self_product(rows)
    np.testing.assert_allclose(made, rows.T @ rows, rtol=1e-13, atol=1e-13 * n)
    assert made.shape == (d, d) and np.array_equal(made, made.T)


@HAS
def test_whole_numbers_are_exact() -> None:
    rows = np.random.default_rng(0).integers(-9, 9, (1000, 100)).astype(float)
    assert np.array_equal(self_product(rows), rows.T @ rows)


@HAS
def test_threads_change_no_digit() -> None:
    rows, before = clouds.gaussian(700, 150), torch.get_num_threads()
    try:
        made = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            made.append(self_product(rows))
    finally:
        torch.set_num_threads(before)
    assert all(one.tobytes() == made[0].tobytes() for one in made)


def test_without_the_unit_it_is_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clouds.gaussian(300, 80)
    monkeypatch.setattr(module, "features", lambda: frozenset())
    monkeypatch.setattr(module, "_panels", None)
    assert np.array_equal(self_product(rows), rows.T @ rows)
