"""Phases of the scan: every pair of tiles once, queues long enough for what has no threshold, widths that double."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from geometry.pairs.cuda.phases import TILE, capacity_of, diagonals, panels, tiles_of
from geometry.pairs.cuda.scans import dealt

SIZES = (1, 2, 127, 128, 129, 257, 1000, 4096, 4097)


@pytest.mark.parametrize("n", SIZES)
def test_every_pair_of_tiles_stands_on_one_diagonal(n: int) -> None:
    phases = diagonals(n, min(5, n))
    seen = [
        frozenset((row, (row + diagonal) % phases.tiles))
        for first, number in phases.steps
        for diagonal in range(first, first + number)
        for row in range(phases.tiles)
        if not (2 * diagonal == phases.tiles and row >= diagonal)
    ]
    assert len(seen) == len(set(seen)) == phases.tiles * (phases.tiles + 1) // 2


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("k", [1, 15, 300])
def test_panels_cover_all_tiles_in_turn(n: int, k: int) -> None:
    for phases in (panels(n, k), panels(n, k, whole=True)):
        met = [tile for first, number in phases.steps for tile in range(first, first + number)]
        assert met == list(range(phases.tiles))


@pytest.mark.parametrize("n", SIZES)
def test_tiles_hold_all_rows_evenly(n: int) -> None:
    tiles = tiles_of(n)
    starts = [tile * n // tiles for tile in range(tiles + 1)]
    sizes = [b - a for a, b in itertools.pairwise(starts)]
    assert sum(sizes) == n
    assert 1 <= min(sizes) <= max(sizes) <= min(TILE, min(sizes) + 1)


@pytest.mark.parametrize(("n", "k"), [(129, 15), (257, 127), (257, 128), (1000, 300)])
def test_whole_tiles_of_columns_show_k_and_fit(n: int, k: int) -> None:
    phases = panels(n, k, whole=True)
    seed = phases.steps[0][1]
    shown = min(seed * TILE, n)
    assert shown >= k + 1
    assert phases.capacity >= max(capacity_of(k), shown)


@pytest.mark.parametrize("n", SIZES)
def test_an_order_with_gaps_deals_the_same_rows_to_the_same_tiles(n: int) -> None:
    order = np.random.default_rng(0).permutation(n)
    spread, absent = dealt(order)
    tiles = tiles_of(n)
    assert len(spread) == len(absent) == tiles * TILE
    for tile in range(tiles):
        here = slice(tile * TILE, (tile + 1) * TILE)
        held = order[tile * n // tiles : (tile + 1) * n // tiles]
        assert np.array_equal(spread[here][: len(held)], held)
        assert np.array_equal(absent[here], np.arange(TILE) >= len(held))


@pytest.mark.parametrize(("n", "k"), [(257, 15), (4097, 15), (4097, 512), (100_000, 64)])
def test_the_first_phase_shows_k_others_and_fits(n: int, k: int) -> None:
    for phases, columns in ((diagonals(n, k), lambda s: 2 * s - 1), (panels(n, k), lambda s: s)):
        shown = columns(phases.steps[0][1])
        assert shown * (n // phases.tiles) - 1 >= k or shown >= phases.tiles
        assert phases.capacity >= max(capacity_of(k), shown * -(-n // phases.tiles))
        done = phases.steps[0][1]
        for _, number in phases.steps[1:]:
            assert number <= done + 1
            done += number
