"""A GPU through CuPy, against a small CuPy of our own that records what it is asked and computes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from geometry.errors import OutOfMemoryError, UsageError
from geometry.pairs.cuda import builder, cache, cupy_device, nvrtc


class Held:
    """An array on the recorded device."""

    def __init__(self, array: np.ndarray[Any, Any]):
        self.array, self.copied = array, False

    def set(self, array: np.ndarray[Any, Any]) -> None:
        assert (self.array.shape, self.array.dtype) == (array.shape, array.dtype)
        self.array, self.copied = array.copy(), True


class Function:
    """A kernel: every call and the opt-in that stood when it came."""

    def __init__(self, path: str, name: str, calls: list[dict[str, Any]]):
        self.path, self.name, self.calls = path, name, calls
        self.max_dynamic_shared_size_bytes = 48 << 10

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
        opted = self.max_dynamic_shared_size_bytes
        self.calls.append({**vars(self), "grid": grid, "block": block, "args": args, "shared": shared_mem, "in": opted})


class RecordedCupy(ModuleType):
    """What the device asks of CuPy, and nothing else."""

    def __init__(self) -> None:
        super().__init__("cupy")
        self.calls: list[dict[str, Any]] = []
        self.loaded: list[str] = []
        self.room, self.freed, self.version, self.capability = 1 << 22, 0, 13000, (9, 0)
        self.waited, self.fault = 0, None
        self.out_of_memory = type("OutOfMemoryError", (MemoryError,), {})
        runtime = SimpleNamespace(
            getDeviceCount=lambda: 1,
            getDeviceProperties=lambda _: {
                "name": b"Recorded",
                "major": self.capability[0],
                "minor": self.capability[1],
                "sharedMemPerBlockOptin": 227 << 10,
            },
            driverGetVersion=lambda: self.version,
            memGetInfo=lambda: (600, 1000),
        )
        self.cuda = SimpleNamespace(
            is_available=lambda: True,
            runtime=runtime,
            Device=lambda _: nullcontext(),
            get_current_stream=lambda: SimpleNamespace(synchronize=self._wait),
            memory=SimpleNamespace(OutOfMemoryError=self.out_of_memory),
        )

    def RawModule(self, *, path: str) -> SimpleNamespace:
        self.loaded.append(path)
        return SimpleNamespace(get_function=lambda name: Function(path, name, self.calls))

    def asarray(self, array: Any) -> Held:
        if isinstance(array, Held):
            return array
        if hasattr(array, "__cuda_array_interface__"):
            return array.held
        return Held(self._taken(array))

    def from_dlpack(self, array: Any) -> Held:
        return array.held

    def ascontiguousarray(self, held: Held) -> Held:
        return held

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Held:
        return Held(self._taken(np.empty(shape, dtype)))

    def asnumpy(self, held: Held) -> np.ndarray[Any, Any]:
        if self.fault is not None:
            raise self.fault
        return held.array

    def _wait(self) -> None:
        self.waited += 1

    def get_default_memory_pool(self) -> SimpleNamespace:
        def free() -> None:
            self.freed += 1

        return SimpleNamespace(free_bytes=lambda: 50, free_all_blocks=free)

    def _taken(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if array.nbytes > self.room:
            raise self.out_of_memory(f"{array.nbytes} bytes")
        return array


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RecordedCupy:
    recorded = RecordedCupy()
    monkeypatch.setitem(sys.modules, "cupy", recorded)
    monkeypatch.setattr(cupy_device, "find_spec", lambda _: True)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return recorded


def test_a_device_is_named_with_its_driver_and_compiled_for(cupy: RecordedCupy) -> None:
    device = cupy_device.open_device()
    assert (device.name, device.arch) == ("Recorded, driver of CUDA 13.0", "sm_90a")
    assert device.free_bytes == 650
    assert device.block_bytes == 227 << 10


def test_a_launch_loads_our_cubin_once_and_passes_everything(cupy: RecordedCupy, tmp_path: Path) -> None:
    device = cupy_device.open_device()
    arguments = [device.empty((3,), np.float32), np.int64(7), np.float64(0.5)]
    device.launch("rescore.cu", "rescore_f32", 11, 128, arguments, 1000)
    device.launch("rescore.cu", "rescore_f32", 12, 128, arguments, 60_000)
    path = Path(cupy.loaded[0])
    assert len(cupy.loaded) == 1
    assert path.parent == tmp_path and path.name.startswith("rescore-sm_90a-")
    assert path.read_bytes() == builder.compile_kernel(builder.kernel_folder() / "rescore.cu", "sm_90a")
    assert [call["name"] for call in cupy.calls] == ["rescore_f32", "rescore_f32"]
    assert [(call["grid"], call["block"]) for call in cupy.calls] == [((11,), (128,)), ((12,), (128,))]
    assert all(call["args"] == tuple(arguments) for call in cupy.calls)
    assert [(call["shared"], call["in"]) for call in cupy.calls] == [(1000, 48 << 10), (60_000, 60_000)]


def test_another_source_is_another_cubin(cupy: RecordedCupy) -> None:
    device = cupy_device.open_device()
    device.launch("rescore.cu", "rescore_f32", 1, 128, [])
    device.launch("column_sums.cu", "column_sums_f64", 1, 128, [])
    assert [Path(path).name.split("-")[0] for path in cupy.loaded] == ["rescore", "column_sums"]


def test_host_arrays_are_uploaded_row_by_row(cupy: RecordedCupy) -> None:
    device, turned = cupy_device.open_device(), np.arange(6.0).reshape(2, 3).T
    held = device.put(turned)
    assert held.array.flags.c_contiguous and np.array_equal(device.get(held), turned)
    tensor = torch.arange(4.0, requires_grad=True)
    assert device.get(device.put(tensor)).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "lends", [{"__cuda_array_interface__": {}}, {"__dlpack_device__": lambda self: (2, 0)}], ids=["interface", "dlpack"]
)
def test_what_lies_on_a_device_is_not_copied(cupy: RecordedCupy, lends: dict[str, Any]) -> None:
    foreign = type("Foreign", (), {**lends, "held": Held(np.zeros(2))})()
    assert cupy_device.open_device().put(foreign) is foreign.held


def test_a_grid_without_blocks_launches_none_and_one_too_large_is_refused(cupy: RecordedCupy) -> None:
    """CuPy makes one block of none, and what is left of 2^32 of more."""
    device = cupy_device.open_device()
    device.launch("rescore.cu", "rescore_f32", 0, 128, [])
    with pytest.raises(ValueError, match="rescore_f32: 6103515625 blocks, of which a launch takes 2147483647"):
        device.launch("rescore.cu", "rescore_f32", 78_125**2, 128, [])
    assert not cupy.calls
    device.launch("rescore.cu", "rescore_f32", 1, 128, [])
    assert [call["grid"] for call in cupy.calls] == [(1,)]


def test_long_arrays_do_not_go_through_page_locked_memory(cupy: RecordedCupy) -> None:
    device, long = cupy_device.open_device(), np.arange(1 << 18, dtype=np.float64).reshape(2, -1)
    held, few = device.put(long), device.put(long[0, :100])
    assert held.copied and not few.copied and cupy.waited == 1
    assert np.array_equal(device.get(held), long) and device.get(few).tolist() == list(range(100))


@pytest.mark.parametrize(
    "ask", [lambda device: device.empty((1 << 23,), np.uint8), lambda device: device.put(np.zeros(1 << 20))]
)
def test_no_room_is_our_error_and_frees_the_pools(
    cupy: RecordedCupy, ask: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append("torch"))
    device = cupy_device.open_device()
    with pytest.raises(OutOfMemoryError, match=r"Recorded.*8388608 bytes; lower --memory-budget"):
        ask(device)
    assert (cupy.freed, emptied) == (1, ["torch"])


@pytest.mark.parametrize(("status", "expected"), [(2, OutOfMemoryError), (700, RuntimeError)])
def test_of_other_errors_those_of_memory_are_ours(cupy: RecordedCupy, status: int, expected: type) -> None:
    """As cudaErrorMemoryAllocation of a launch that came before, and an illegal address."""
    device = cupy_device.open_device()
    held = device.put(np.zeros(3))
    cupy.fault = RuntimeError("from before")
    cupy.fault.status = status
    with pytest.raises(expected, match="from before"):
        device.get(held)
    assert cupy.freed == (status == 2)


def test_a_driver_older_than_the_compiler_is_refused(cupy: RecordedCupy, monkeypatch: pytest.MonkeyPatch) -> None:
    cupy.version = 12040
    monkeypatch.setattr(nvrtc, "version", lambda: "13.5")
    with pytest.raises(UsageError, match=r"CUDA 12\.4.*NVRTC 13\.5.*cuda12"):
        cupy_device.open_device()


def test_a_device_too_old_is_refused(cupy: RecordedCupy) -> None:
    cupy.capability = (7, 5)
    with pytest.raises(UsageError, match=r"8\.0 or later; this device has 7\.5"):
        cupy_device.open_device()


def test_why_there_is_no_device(cupy: RecordedCupy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cupy_device.devices() == ["Recorded"]
    with pytest.raises(UsageError, match=r"no CUDA device 3; there are 1: Recorded"):
        cupy_device.open_device(3)
    cupy.cuda.is_available = lambda: False
    with pytest.raises(UsageError, match="nvidia-smi"):
        cupy_device.open_device()
    monkeypatch.setitem(sys.modules, "cupy", None)  # an import fails
    with pytest.raises(UsageError, match="installed and cannot be loaded"):
        cupy_device.open_device()
    monkeypatch.setattr(cupy_device, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="cupy is not installed"):
        cupy_device.open_device()
