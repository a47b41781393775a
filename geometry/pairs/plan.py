"""How many rows a block may have, so that a tile of pairs fits the memory budget; and which device `auto` means.

`auto` means the CPU while PROVEN_ON_GPU is False: code that never ran on a GPU is used only when asked for. When it is
True, `auto` means CUDA where there is a device and the kernels have passed their own proof on that very device
(`pairs.cuda.proof`), and the CPU everywhere else. `cuda` means the kernels where they have passed, else torch tiles.
"""

from __future__ import annotations

from collections.abc import Iterator

from geometry.errors import OutOfMemoryError, UsageError

DEFAULT_BUDGET = (
    24 << 20
)  # bytes of scratch for one block of pairs: larger ones pay page faults, smaller ones product overhead
DEVICES = ("auto", "cpu", "cuda")
PROVEN_ON_GPU = False  # the kernels and the torch tiles on CUDA have run in the tests on a CPU, on no GPU yet
EXACT_PAIRS = {
    "cpu": 10**12,
    "cuda": 10**16,
}  # within half an hour or so: a million rows on a CPU, 100 million on a GPU
ALWAYS_EXACT = 4096**2  # pairs that a run never guesses at: they take a second


def block_rows(bytes_per_row: int, budget: int, most: int = 4096) -> int:
    """Rows of a block whose scratch stays within `budget` bytes, at most `most`."""
    rows = budget // max(bytes_per_row, 1)
    if rows < 1:
        raise OutOfMemoryError(
            f"one row of pairs needs {bytes_per_row} bytes, and {budget} are left to the engine beside the process, "
            f"sets and tables; raise --memory-budget by {bytes_per_row - budget} bytes or more, or look at a --sample"
        )
    return int(min(rows, most))


def blocks(n: int, size: int) -> Iterator[slice]:
    """The slices of `size` rows that cover n rows."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def resolve_device(device: str = "auto") -> str:
    """`cpu` or `cuda`; UsageError where CUDA is asked for and there is none, with the reasons."""
    if device not in DEVICES:
        raise UsageError(f"device '{device}' is unknown; choose one of {', '.join(DEVICES)}")
    if device == "cpu" or (device == "auto" and not PROVEN_ON_GPU):
        return "cpu"
    from geometry.pairs.cuda.choice import kernel_engine

    kernels = kernel_engine(None)
    if kernels.engine is not None:
        return "cuda"
    if device == "auto":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    without = "was built without CUDA" if torch.version.cuda is None else "finds no usable CUDA device"
    raise UsageError(f"--device cuda: no kernels ({kernels.why}), and torch {without}")
