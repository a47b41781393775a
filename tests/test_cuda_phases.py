"""Phases of the scan: every pair of tiles once, queues long enough for what has no threshold, widths that double."""

from __future__ import annotations

import itertools

import pytest

from geometry.pairs.cuda.phases import TILE, capacity_of, diagonals, panels, tiles_of

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
    phases = panels(n, k)
    assert [tile for first, number in phases.steps for tile in range(first, first + number)] == list(
        range(phases.tiles)
    )


@pytest.mark.parametrize("n", SIZES)
def test_tiles_hold_all_rows_evenly(n: int) -> None:
    tiles = tiles_of(n)
    starts = [tile * n // tiles for tile in range(tiles + 1)]
    sizes = [b - a for a, b in itertools.pairwise(starts)]
    assert sum(sizes) == n
    assert 1 <= min(sizes) <= max(sizes) <= min(TILE, min(sizes) + 1)


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
