"""Which tiles a phase of the scan takes, and how long a queue must be: the part of the plan that is only counting.

Thresholds stand still inside a phase, so a phase should meet about as many new columns as all before it: then a row
pushes about k candidates in each. The first phase has no thresholds and pushes everything it meets; it takes the
fewest tiles that can show every row k others. Rows are dealt to tiles evenly; only the columns of two sets may fill
tiles one after another (`whole`), where a short last tile is met last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from geometry.pairs.cuda.device import MOST_BLOCKS

TILE = 128  # kernels/pair_filter.cuh


@dataclass(frozen=True)
class Phases:
    """steps: (first, number) of diagonals or of column tiles, in turn; capacity: places in a row's queue."""

    tiles: int
    steps: tuple[tuple[int, int], ...]
    capacity: int


def tiles_of(n: int) -> int:
    """The fewest tiles of at most TILE rows for n rows."""
    return max(-(-n // TILE), 1)


def launches(tiles: int, first: int, number: int) -> Iterator[tuple[int, int]]:
    """(first, number) of the launches of one step, a block for each of `tiles` at a time: CUDA bounds a grid."""
    most = max(MOST_BLOCKS // tiles, 1)
    return ((start, min(most, first + number - start)) for start in range(first, first + number, most))


def rows_at_once(columns: int) -> int:
    """Rows whose tiles with all of so many columns are one launch."""
    return TILE * max(MOST_BLOCKS // tiles_of(columns), 1)


def capacity_of(k: int) -> int:
    """Places beyond which a row's candidates of one phase are not kept; simulated, k = 15 pushes at most 59 a phase."""
    return 4 * k + 64


def diagonals(n: int, k: int) -> Phases:
    """One set: tile diagonals (I, I + t), t = 0 .. tiles / 2, each pair of tiles once."""
    tiles = tiles_of(n)
    last, least, most = tiles // 2, n // tiles, -(-n // tiles)
    seed = 0
    while seed < last and (2 * seed + 1) * least - 1 < k:
        seed += 1
    steps, done = [(0, seed + 1)], seed
    while done < last:
        to = min(last, 2 * done + 1)
        steps.append((done + 1, to - done))
        done = to
    return Phases(tiles, tuple(steps), max(capacity_of(k), (2 * seed + 1) * most))


def panels(n: int, k: int, *, whole: bool = False) -> Phases:
    """Two sets: panels of column tiles, each as wide as all before it; one row may be missing (the query itself)."""
    tiles = tiles_of(n)
    least, most = (TILE, TILE) if whole else (n // tiles, -(-n // tiles))
    seed = min(-(-(k + 1) // least), tiles)
    steps, done = [(0, seed)], seed
    while done < tiles:
        width = min(done, tiles - done)
        steps.append((done, width))
        done += width
    return Phases(tiles, tuple(steps), max(capacity_of(k), seed * most))
