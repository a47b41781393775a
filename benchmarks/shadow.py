"""A device in company: every launch is also made on the CPU, from the same bytes, and what the two left is compared.

The CPU executes the same kernel source (`tests/cuda_on_cpu`, with g++), so the first launch that differs names the
kernel that a device, its compiler or its driver runs otherwise. All buffers of a launch are read before and after it,
inputs too: a stray write shows. Equal means equal bytes, but for
  pair_scan     which push took which place depends on the race: candidates of a row as a set, and of those whose coarse
                value lies within rounding of the threshold each may be missing on either side
  pair_counts   the list of doubtful pairs likewise; so its sets are lattices, where no product is rounded
  pair_sums     products of rounded rows and CUDA's own exp and log: TERMS of a sum, BINS of a histogram
  local_spectra CUDA's own log and root: LOCAL, relative to the largest number of a neighbourhood
Left out: which of the two is right; the tests hold the CPU's to the references.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from geometry.pairs.cuda.device import Device
from geometry.types import Array

ROUNDING = 2e-5  # of the largest squared norms: two matrix units on one coarse value
TERMS, BINS, LOCAL = 1e-5, 0.01, 1e-9
HARNESS = Path(__file__).resolve().parent.parent / "tests"


@dataclass(frozen=True)
class Harness:
    """What executes kernels on the CPU: a device, the build of one source, and the kernels of every source."""

    device: Any
    build: Any
    expected: dict[str, Any]


def harness_of() -> Harness:
    """From the folder of the tests, which is no package."""
    if str(HARNESS) not in sys.path:
        sys.path.append(str(HARNESS))
    from cuda_on_cpu import build  # type: ignore[import-not-found]
    from cuda_on_cpu.harness_device import HarnessDevice  # type: ignore[import-not-found]
    from kernel_expectations import EXPECTED  # type: ignore[import-not-found]

    return Harness(HarnessDevice, build, EXPECTED)


@dataclass
class Shadow:
    """`inner`, watched; found: per kernel the number of launches, and the first thing wrong or nothing."""

    inner: Device
    beside: Any = None
    launches: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.beside is None:
            self.beside = harness_of().device()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def launch(
        self, source: str, kernel: str, grid: int, block: int, arguments: Sequence[Any], shared_bytes: int = 0
    ) -> None:
        """On both; the results of `inner` are those that count from then on."""
        mine = [one if isinstance(one, np.generic) else self.inner.get(one) for one in arguments]
        self.beside.launch(source, kernel, grid, block, mine, shared_bytes)
        self.launches[kernel] = self.launches.get(kernel, 0) + 1
        try:
            self.inner.launch(source, kernel, grid, block, arguments, shared_bytes)
            theirs = [one if isinstance(one, np.generic) else self.inner.get(one) for one in arguments]
        except Exception as error:
            self.wrong.setdefault(kernel, f"launch {self.launches[kernel]}: {type(error).__name__}: {error}")
            raise
        for what in differences(kernel, theirs, mine):
            where = f"launch {self.launches[kernel]} of {grid} blocks"
            self.wrong.setdefault(kernel, f"{where}, {what}")


def differences(kernel: str, theirs: Sequence[Any], ours: Sequence[Any]) -> Iterator[str]:
    """What the arguments of a launch hold after it that the CPU's do not, a line each."""
    apart: dict[int, str] = {}
    last = len(ours)
    if kernel.startswith("pair_scan"):
        apart = {last - 3: "", last - 2: ""}
        yield from _candidates(theirs, ours)
    elif kernel == "pair_counts":
        apart = {last - 3: ""}
        count = int(ours[-2][0])
        if int(theirs[-2][0]) == count <= len(ours[-3]):
            yield from _unequal("the doubtful pairs", np.sort(theirs[-3][:count]), np.sort(ours[-3][:count]))
    elif kernel == "pair_sums":
        apart = {last - 3: "", last - 2: "", last - 1: ""}
        yield from _sums(theirs, ours)
    elif kernel.startswith("local_spectra"):
        apart = {last - 2: "", last - 1: ""}
        for name, at in (("sums", -2), ("eigenvalues", -1)):
            size = np.abs(ours[at]).max(axis=1, keepdims=True, initial=1.0)
            yield from _beyond(name, theirs[at], ours[at], LOCAL * size)
    for at, (one, other) in enumerate(zip(theirs, ours, strict=True)):
        if at not in apart and not isinstance(other, np.generic):
            yield from _unequal(f"argument {at}", one, other)


def _unequal(what: str, one: Array, other: Array) -> Iterator[str]:
    """By their bytes, so that a NaN equals itself."""
    words = np.dtype(f"u{one.dtype.itemsize}")
    off = np.ascontiguousarray(one).view(words) != np.ascontiguousarray(other).view(words)
    yield from _told(what, one, other, off)


def _beyond(what: str, one: Array, other: Array, allowed: Any) -> Iterator[str]:
    with np.errstate(invalid="ignore"):
        yield from _told(what, one, other, ~(np.abs(one - other) <= allowed))


def _told(what: str, one: Array, other: Array, off: Array) -> Iterator[str]:
    if off.any():
        at = tuple(int(place) for place in np.unravel_index(int(np.argmax(off)), off.shape))
        yield f"{what}: {int(off.sum())} of {off.size} {one.dtype} differ, the first at {at}: {one[at]} for {other[at]}"


def _candidates(theirs: Sequence[Any], ours: Sequence[Any]) -> Iterator[str]:
    """Queues of a scan: (columns, coarse value) of every row, but for those at its threshold."""
    capacity, lower, cut = int(ours[-1]), ours[1], ours[2]
    slack = ROUNDING * 2 * float(np.abs(lower[np.isfinite(lower)]).max(initial=0.0))
    for row, (mine, other) in enumerate(zip(theirs[-2], ours[-2], strict=True)):
        if mine > capacity or other > capacity:
            if min(mine, other) <= 0.9 * capacity:
                yield f"row {row}: {mine} candidates for {other}, of which its queue holds {capacity}"
            continue
        found, wanted = (dict(_read(side[-3][row][:number])) for side, number in ((theirs, mine), (ours, other)))
        if len(found) != mine:
            yield f"row {row}: {mine} pushed, {len(found)} different columns in its queue"
        for column in found.keys() | wanted.keys():
            both = column in found and column in wanted
            one = found.get(column, wanted.get(column, np.inf))
            if abs(one - (wanted[column] if both else cut[row])) > slack:
                state = f"{found[column]} for {wanted[column]}" if both else f"{one}, on one side alone"
                yield f"row {row}, column {column}: coarse {state}, threshold {cut[row]}"


def _read(entries: Array) -> Iterator[tuple[int, float]]:
    """Column and coarse value of entries, as kernels/queues.cuh lays them down."""
    ordered = (entries >> np.uint64(32)).astype(np.uint32)
    negative = ordered < 0x80000000
    bits = np.where(negative, ~ordered, ordered & np.uint32(0x7FFFFFFF)).astype(np.uint32)
    values = np.where(negative, -1.0, 1.0) * (bits & np.uint32(0x7FFFFFFF)).view(np.float32)
    return zip((entries & np.uint64(0xFFFFFFFF)).astype(np.int64).tolist(), values.tolist(), strict=True)


def _sums(theirs: Sequence[Any], ours: Sequence[Any]) -> Iterator[str]:
    others, unit = float(ours[9]), 2.0 ** float(ours[13])
    wanted = ours[-3] / unit
    yield from _beyond("sums", theirs[-3] / unit, wanted, TERMS * (np.abs(wanted) + 0.1 * others))
    for name, at in (("cosines", -2), ("distances", -1)):
        one, other = theirs[at].astype(np.float64), ours[at].astype(np.float64)
        if np.abs(np.cumsum(one - other)).max(initial=0.0) > BINS * max(other.sum(), 1.0) or one.sum() != other.sum():
            yield f"{name}: {one.sum():.0f} counted for {other.sum():.0f}, or moved by more than a bin"
