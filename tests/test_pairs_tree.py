"""Neighbours in few dimensions by a tree: byte for byte those of all pairs, which get the ties; only where it pays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cuda_on_cpu.harness_device import HarnessDevice
from pair_clouds import CLOUDS, DTYPES, draw, gaussian, lattice
from parity_cases import Case, assert_parity, one

from geometry.pairs import tree
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cuda.engine import CudaExecutor


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Trees for any number of rows; rows that each tree was asked for, and how many it left open."""
    monkeypatch.setattr(tree, "MANY", 1)
    found: list[tuple[int, int]] = []
    real = tree.neighbors

    def spy(queries: Any, base: Any, k: int, rest: Any, **options: Any) -> Any:
        found.append((len(queries), 0))

        def told(rows: Any, number: int) -> Any:
            found[-1] = len(queries), len(rows)
            return rest(rows, number)

        return real(queries, base, k, told, **options)

    monkeypatch.setattr(tree, "neighbors", spy)
    return found


@pytest.mark.parametrize("maker", CLOUDS, ids=lambda maker: maker.__name__)
def test_clouds(maker: Any, asked: list[tuple[int, int]]) -> None:
    for dtype in DTYPES:
        for d in (1, 3):
            assert_parity(CpuExecutor(), one(draw(maker, 300, d, dtype), 7))
    assert asked or maker.__name__ == "all_equal"


def test_two_sets_and_their_copies(asked: list[tuple[int, int]]) -> None:
    base = draw(gaussian, 400, 2, np.float32)
    assert_parity(CpuExecutor(), Case(np.concatenate([base[:50], draw(gaussian, 60, 2, np.float32, seed=1)]), base, 9))
    assert_parity(CpuExecutor(), Case(base[:5], base[:9], 9))
    assert asked == [(110, 0), (5, 0)]


def test_ties_are_left_to_all_pairs_and_nothing_else_is(asked: list[tuple[int, int]]) -> None:
    assert_parity(CpuExecutor(), one(np.unique(draw(lattice, 400, 3, np.float64), axis=0), 8))
    assert asked[-1][1] > 0
    assert_parity(CpuExecutor(), one(draw(gaussian, 400, 3, np.float64), 5))
    assert asked[-1] == (400, 0)


def test_a_device_leaves_few_dimensions_to_the_tree_and_gets_the_ties(asked: list[tuple[int, int]]) -> None:
    device = HarnessDevice()
    assert_parity(CudaExecutor(device, 1 << 28), one(draw(gaussian, 200, 3, np.float32), 5))
    assert device.launches == []
    assert_parity(CudaExecutor(device, 1 << 28), one(np.unique(draw(lattice, 300, 3, np.float32), axis=0), 8))
    assert "rescore_f32" in {launch[0] for launch in device.launches}
    assert asked[0] == (200, 0)


def test_only_many_rows_of_few_dimensions_in_range_take_a_tree() -> None:
    rows = np.random.default_rng(0).standard_normal((tree.MANY, 4))
    assert tree.suits(rows[:, :3], rows[:, :3], 15)
    assert not tree.suits(rows, rows, 15)
    assert not tree.suits(rows[1:, :3], rows[:, :3], 15)
    assert not tree.suits(rows[:, :3], rows[:, :3], tree.MOST_NEIGHBORS + 1)
    for factor in (1e-200, 1e200):
        assert not tree.suits(rows[:, :3], rows[:, :3] * factor, 15)
