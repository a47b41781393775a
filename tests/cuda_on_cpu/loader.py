"""Builds a kernel source with g++ against the fiber harness, and launches its kernels with NumPy arrays.

The source goes in unchanged, between the harness header and one entry per kernel asked for. Arguments are
passed as `cuLaunchKernel` takes them: arrays by address, NumPy scalars by value, in the kernel's own types.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from geometry.pairs.cuda.builder import kernel_files, kernel_folder

HERE = Path(__file__).resolve().parent
INCLUDED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
SCHEDULES = (0, 1, 7, 11)  # forward, reverse, two seeded shuffles
FLAGS = (
    "-std=c++17",
    "-O2",
    "-fPIC",
    "-shared",
    "-ffp-contract=off",
    "-frounding-math",
    "-fno-gnu-unique",
    "-Wl,-Bsymbolic",
)


class Stuck(RuntimeError):
    """Threads wait for others that never come: a divergent barrier or warp operation."""


@dataclass(frozen=True)
class Program:
    """A built source."""

    library: ctypes.CDLL

    def set_matrix_mode(self, mode: int) -> None:
        """How products round from now on; see matrix.cuh."""
        self.library.set_matrix_mode(mode)

    def launch(self, name: str, grid: int, block: int, values: Sequence[Any], schedule: int = 0) -> None:
        """Run kernel `name`; arrays are written in place. Raises Stuck."""
        holders = [np.asarray(np.uint64(v.ctypes.data) if isinstance(v, np.ndarray) else v) for v in values]
        table = (ctypes.c_void_p * len(holders))(*(holder.ctypes.data for holder in holders))
        if self.library[f"launch_{name}"](grid, block, schedule, table):
            raise Stuck(f"{name}: schedule {schedule}")


def build(name: str, kernels: tuple[str, ...], edited: Mapping[str, str] | None = None) -> Program:
    """The program of `kernels` in the source `name`; `edited` texts stand in the place of files (mutations)."""
    edited = edited or {}
    parts = {name}
    while more := {header for part in parts for header in INCLUDED.findall(_text(part, edited))} - parts:
        parts |= more
    return _build(name, kernels, tuple(sorted((part, edited[part]) for part in parts if part in edited)))


def _text(name: str, edited: Mapping[str, str]) -> str:
    return edited[name] if name in edited else (kernel_folder() / name).read_text()


@cache
def _build(name: str, kernels: tuple[str, ...], edited: tuple[tuple[str, str], ...]) -> Program:
    compiler = shutil.which("g++")
    if compiler is None:
        raise RuntimeError("g++ is missing: the CUDA kernels cannot be executed on the CPU. Install g++ 12 or newer.")
    folder = Path(tempfile.mkdtemp(prefix="cuda_on_cpu_"))
    try:
        for path in kernel_files():
            (folder / path.name).write_text(path.read_text())
        for file, text in edited:
            (folder / file).write_text(text)
        entries = "\n".join(_ENTRY.replace("NAME", kernel) for kernel in kernels)
        unit = f'{_HEAD}\n#line 1 "kernels/{name}"\n{(folder / name).read_text()}\n{entries}\n'
        (folder / "unit.cpp").write_text(unit)
        library = folder / f"{hashlib.sha256(unit.encode()).hexdigest()[:16]}.so"
        command = [compiler, *FLAGS, f"-I{HERE}", f"-I{folder}", str(folder / "unit.cpp"), "-o", str(library)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"g++ refuses {name}:\n{done.stderr[-4000:]}")
        return Program(ctypes.CDLL(str(library)))
    finally:
        shutil.rmtree(folder)  # the loaded library stays mapped


_HEAD = '#include "device.h"\nalignas(128) long long shared_memory[harness::SHARED_WORDS];'
_ENTRY = """extern "C" int launch_NAME(unsigned grid, unsigned block, unsigned schedule, void** values) {
  return harness::launch(NAME, grid, block, schedule, values);
}"""
