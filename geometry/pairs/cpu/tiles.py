"""Scratch for tiles of products: one tile per thread, filled by a unit and read at once."""

from __future__ import annotations

import threading

import numpy as np

from geometry.pairs.cpu.rows import BLOCK, aligned
from geometry.pairs.cpu.units import Unit
from geometry.types import Array


class Tiles:
    """The products of one unit; each thread has a tile of its own."""

    def __init__(self, unit: Unit):
        self._unit = unit
        self._local = threading.local()

    def product(self, words: Array, panels: Array, block: int) -> Array:
        """Products (panels, r, columns) of packed rows (r, w) with a block of others; lives until the next call."""
        per = BLOCK // self._unit.columns
        size = per, len(words), self._unit.columns
        tile: Array | None = getattr(self._local, "tile", None)
        if tile is None or tile.shape != size:
            tile = self._local.tile = aligned(size, np.float32)
        self._unit.product(words, panels[block * per : (block + 1) * per], tile)
        return tile
