"""What the CUDA engine asks of a device: hold arrays, launch a kernel of `kernels/` by name, bring results back.

Two things fill it: a GPU through CuPy, and in the tests the harness that executes the same sources on a CPU. The engine
above knows neither, so what the tests execute is the engine itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from geometry.types import Array

STATIC_SHARED = 48 << 10  # bytes of shared memory a block has without asking for more
MOST_BLOCKS = (1 << 31) - 1  # of a launch


class Device(Protocol):
    """One device. A buffer is opaque to the engine: it is made by `put` or `empty`, and passed to `launch`."""

    @property
    def name(self) -> str:
        """What identifies the device and its driver in messages and in the memory of proofs."""
        ...

    @property
    def arch(self) -> str:
        """The architecture kernels are compiled for, such as `sm_90a`."""
        ...

    @property
    def free_bytes(self) -> int:
        """Device memory that can be had now."""
        ...

    @property
    def block_bytes(self) -> int:
        """Shared memory that a block may ask for: 99 KiB on sm_86 and sm_89, 163 on sm_80, 227 on sm_90."""
        ...

    def put(self, array: Array) -> Any:
        """A buffer with the contents of `array` (C order); an array that lives on the device is not copied."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """A buffer of undefined content; raises geometry.errors.OutOfMemoryError where there is no room."""
        ...

    def get(self, buffer: Any) -> Array:
        """The contents of a buffer as a NumPy array."""
        ...

    def launch(
        self, source: str, kernel: str, grid: int, block: int, arguments: Sequence[Any], shared_bytes: int = 0
    ) -> None:
        """Run `kernel` of the file `source` on (grid) x (block) threads; buffers by address, NumPy scalars by value.

        A grid of 0 runs nothing; one beyond MOST_BLOCKS is a ValueError.
        """
        ...
