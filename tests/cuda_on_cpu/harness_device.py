"""The harness as a device: `geometry.pairs.cuda.device.Device` whose launches execute the kernel sources on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from kernel_expectations import EXPECTED

from geometry.errors import OutOfMemoryError
from geometry.pairs.cuda.device import MOST_BLOCKS

from .loader import build


@dataclass
class HarnessDevice:
    """One schedule and one way of rounding products; `texts` stand in for files of `kernels/` by name (mutations).

    Fresh buffers hold 0xff bytes. `out_of_memory` names the allocations, counted from 1, that are refused.
    """

    schedule: int = 0
    matrix_mode: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    name: str = "CPU harness"
    arch: str = "sm_80"
    free_bytes: int = 1 << 30
    block_bytes: int = 227 << 10
    out_of_memory: tuple[int, ...] = ()
    allocations: int = 0
    launches: list[tuple[str, int, int, int]] = field(default_factory=list)  # kernel, grid, block, shared bytes

    def put(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The array itself, where its rows lie side by side."""
        return np.ascontiguousarray(array)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
        """A poisoned buffer."""
        self.allocations += 1
        if self.allocations in self.out_of_memory:
            raise OutOfMemoryError(f"allocation {self.allocations} of {shape} was refused")
        buffer = np.empty(shape, dtype)
        buffer.reshape(-1).view(np.uint8).fill(0xFF)
        return buffer

    def get(self, buffer: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A copy, as of a device."""
        return buffer.copy()

    def launch(
        self, source: str, kernel: str, grid: int, block: int, arguments: Sequence[Any], shared_bytes: int = 0
    ) -> None:
        """Execute; raises Stuck, and RuntimeError where a block asks for more shared memory than it may."""
        if grid > MOST_BLOCKS:
            raise ValueError(f"{kernel}: {grid} blocks, of which a launch takes {MOST_BLOCKS}")
        if shared_bytes > self.block_bytes:
            raise RuntimeError(f"{kernel}: a block has {self.block_bytes} bytes of shared memory, not {shared_bytes}")
        self.launches.append((kernel, grid, block, shared_bytes))
        together = EXPECTED[source].kernels if source in EXPECTED else (kernel,)  # one build of all that a file holds
        program = build(source, together, self.texts)
        if hasattr(program.library, "set_matrix_mode"):
            program.set_matrix_mode(self.matrix_mode)
        program.launch(kernel, grid, block, arguments, self.schedule)
