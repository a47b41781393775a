"""A GPU through CuPy: arrays of any library without a copy, our own cubins, launches, and errors with a way out.

Fills `geometry.pairs.cuda.device.Device`. Cubins come from `builder`, never from CuPy's compiler, which chooses no
sm_90a and does not see an edited header. CuPy is imported here alone, inside functions: it loads without a driver, and
`devices` says why there is no device before anything else touches one.

What CuPy does of its own accord and is not wanted (its source, 14.2): a grid of no blocks is launched with one, a grid
of 2^32 blocks or more with as many as are left over, and a host array goes up through page-locked memory of the next
power of two of bytes, which the process then keeps. So here the first launches nothing, the second is refused, and long
arrays are copied from where they lie. Memory that runs out has three errors there, and is one of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

from geometry.errors import OutOfMemoryError, UsageError
from geometry.pairs.cuda import builder, nvrtc
from geometry.pairs.cuda.device import MOST_BLOCKS, STATIC_SHARED
from geometry.types import Array

CPU_DLPACK = 1  # DLPack's device type of host memory
NO_MEMORY = 2  # cudaErrorMemoryAllocation, and the driver's CUDA_ERROR_OUT_OF_MEMORY
STAGED = 1 << 20  # bytes up to which an upload goes through page-locked memory


def devices() -> list[str]:
    """Names of the devices CuPy finds, by number. Raises UsageError with the reason where there is none."""
    if find_spec("cupy") is None:
        raise UsageError("cupy is not installed; install embedding-geometry[cuda13] or [cuda12], as the driver has it")
    try:
        import cupy
    except ImportError as error:
        raise UsageError(f"cupy is installed and cannot be loaded: {error}") from error
    if not cupy.cuda.is_available():
        raise UsageError("CuPy finds no usable CUDA device; check the driver with nvidia-smi")
    count = cupy.cuda.runtime.getDeviceCount()
    return [cupy.cuda.runtime.getDeviceProperties(number)["name"].decode() for number in range(count)]


def open_device(number: int = 0) -> CupyDevice:
    """Device `number`. Raises UsageError where it is missing, too old, or its driver older than the compiler."""
    found = devices()
    if number >= len(found):
        raise UsageError(f"there is no CUDA device {number}; there are {len(found)}: {', '.join(found)}")
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(number)
    version = cupy.cuda.runtime.driverGetVersion()
    driver = f"{version // 1000}.{version % 1000 // 10}"
    compiler = nvrtc.version()
    if int(compiler.split(".")[0]) > version // 1000:
        raise UsageError(
            f"the driver supports CUDA {driver}, the compiler found is NVRTC {compiler}, whose kernels it cannot load; "
            f"install embedding-geometry[cuda{version // 1000}] in its place, or a newer driver"
        )
    name = f"{found[number]}, driver of CUDA {driver}"
    arch = builder.arch_of(properties["major"], properties["minor"])
    return CupyDevice(number, name, arch, int(properties["sharedMemPerBlockOptin"]))


@dataclass(frozen=True)
class CupyDevice:
    """One GPU, named with its driver; kernels are compiled for `arch` and loaded when first launched."""

    number: int
    name: str
    arch: str
    block_bytes: int
    kernels: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def free_bytes(self) -> int:
        """What the driver has left, and what CuPy's pool holds unused."""
        import cupy

        with cupy.cuda.Device(self.number):
            free = cupy.cuda.runtime.memGetInfo()[0] + cupy.get_default_memory_pool().free_bytes()
            return int(free)

    def put(self, array: Any) -> Any:
        """An array of this device, row by row, with the contents of `array`.

        CuPy arrays, torch tensors and whatever else lies on a device and speaks DLPack or `__cuda_array_interface__` is
        not copied, unless its rows are not side by side; NumPy and other host arrays are uploaded. Raises
        OutOfMemoryError.
        """
        import cupy

        with self._at():
            if hasattr(array, "detach"):
                array = array.detach()  # a tensor that belongs to a graph lends nothing
            if hasattr(array, "__cuda_array_interface__"):
                return cupy.ascontiguousarray(cupy.asarray(array))
            if hasattr(array, "__dlpack_device__") and array.__dlpack_device__()[0] != CPU_DLPACK:
                return cupy.ascontiguousarray(cupy.from_dlpack(array))
            rows = np.ascontiguousarray(array)
            if rows.nbytes <= STAGED:
                return cupy.asarray(rows)
            held = cupy.empty(rows.shape, rows.dtype)
            held.set(rows)
            cupy.cuda.get_current_stream().synchronize()  # the caller's memory may go once this returns
            return held

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """A buffer of undefined content. Raises OutOfMemoryError."""
        import cupy

        with self._at():
            return cupy.empty(shape, dtype)

    def get(self, buffer: Any) -> Array:
        """The contents as a NumPy array, after all launches before have ended."""
        import cupy

        with self._at():
            found: Array = cupy.asnumpy(buffer)
            return found

    def launch(
        self, source: str, kernel: str, grid: int, block: int, arguments: Sequence[Any], shared_bytes: int = 0
    ) -> None:
        """Queue `kernel` of the file `source` on the current stream. Raises CompileError, OutOfMemoryError."""
        if grid > MOST_BLOCKS:
            raise ValueError(f"{kernel}: {grid} blocks, of which a launch takes {MOST_BLOCKS}")
        if grid == 0:
            return
        with self._at():
            function = self._kernel(source, kernel)
            if shared_bytes > STATIC_SHARED:
                function.max_dynamic_shared_size_bytes = shared_bytes
            function((grid,), (block,), tuple(arguments), shared_mem=shared_bytes)

    def _kernel(self, source: str, kernel: str) -> Any:
        import cupy

        if (source, kernel) not in self.kernels:
            cubin = builder.cubin_file(builder.kernel_folder() / source, self.arch)
            self.kernels[source, kernel] = cupy.RawModule(path=str(cubin)).get_function(kernel)
        return self.kernels[source, kernel]

    @contextmanager
    def _at(self) -> Iterator[None]:
        """On this device; where its memory runs out, what CuPy and torch hold unused is given back before the error."""
        import cupy

        try:
            with cupy.cuda.Device(self.number):
                yield
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, cupy.cuda.memory.OutOfMemoryError) and getattr(error, "status", 0) != NO_MEMORY:
                raise
            cupy.get_default_memory_pool().free_all_blocks()
            _empty_torch()
            raise OutOfMemoryError(f"{self.name}: {error}; lower --memory-budget, or look at a --sample") from error


def _empty_torch() -> None:
    """What torch keeps of the device for later goes back to it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
