"""What a search on a device is asked, the tables it fills, and work in parts that fit its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.errors import OutOfMemoryError
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.rows import Frame, Source
from geometry.pairs.cuda.scans import Scan
from geometry.types import Floats, Ints


@dataclass(frozen=True)
class Task:
    """Original rows of both sides on the device, one frame, k, whether a row is its own neighbour, scan and budget."""

    device: Device
    scan: Scan
    queries: Source
    base: Source
    frame: Frame
    k: int
    exclude_self: bool
    budget: int


@dataclass(frozen=True)
class Results:
    """Tables being filled, in the frame's scale; open (n,): rows without a certified answer."""

    sq_dist: Floats
    index: Ints
    open: NDArray[np.bool_]


def in_halves(work: Callable[[Ints], None], rows: Ints) -> None:
    """Work on some rows, in two halves where memory runs out; OutOfMemoryError where one row is too much."""
    try:
        work(rows)
    except OutOfMemoryError:
        if len(rows) <= 1:
            raise
        for half in np.array_split(rows, 2):
            in_halves(work, half)


def batches(rows: Ints, bytes_per_row: int, budget: int) -> Iterator[Ints]:
    """The rows in parts whose scratch fits the budget, one row at least."""
    size = max(budget // bytes_per_row, 1)
    return (rows[first : first + size] for first in range(0, len(rows), size))


def sorted_slots(device: Device, most: int) -> int:
    """Places of 16 bytes that a block can sort in its shared memory: a power of two, `most` at the most."""
    room = (device.block_bytes - 16) // 16
    return int(min(most, 1 << (room.bit_length() - 1)))


def slots_for(entries: int) -> int:
    """The least power of two that holds them."""
    return 1 << max(entries - 1, 0).bit_length()
