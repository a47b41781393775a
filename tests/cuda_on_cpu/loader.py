"""Builds a kernel source with g++ against the fiber harness, and launches its kernels with NumPy arrays.

The source goes in unchanged, between the harness header and one entry per kernel asked for. Arguments are
passed as `cuLaunchKernel` takes them: arrays by address, NumPy scalars by value, in the kernel's own types. What has
been built is kept for other processes and later runs; anything that goes into it makes another.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
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

from geometry.pairs.cuda.builder import kernel_folder

HERE = Path(__file__).resolve().parent
STORE = HERE.parent.parent / ".pytest_cache" / "cuda_on_cpu"  # programs built before, by the digest of their text
INCLUDED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
SCHEDULES = (0, 1, 7, 11)  # forward, reverse, two seeded shuffles
FLAGS = (
    "-std=c++17",
    "-O2",
    "-fPIC",
    "-ffp-contract=off",
    "-frounding-math",
    "-fno-gnu-unique",
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
        """Run kernel `name`; arrays are written in place. Raises Stuck, TypeError where an argument has another type.

        A device takes whatever bytes it is given, so that here the types are asked for one by one.
        """
        told = self.library[f"kinds_{name}"]
        told.restype = ctypes.c_char_p
        wanted, given = told().decode().split(), [_kind(value) for value in values]
        if wanted != given:
            raise TypeError(f"{name} takes {wanted}, not {given}")
        holders = [np.asarray(np.uint64(v.ctypes.data) if isinstance(v, np.ndarray) else v) for v in values]
        table = (ctypes.c_void_p * len(holders))(*(holder.ctypes.data for holder in holders))
        if self.library[f"launch_{name}"](grid, block, schedule, table):
            raise Stuck(f"{name}: schedule {schedule}")


def build(name: str, kernels: tuple[str, ...], edited: Mapping[str, str] | None = None) -> Program:
    """The program of `kernels` in the source `name`; `edited` texts stand in the place of files (mutations)."""
    parts: dict[str, str] = {}
    wanted = {name}
    while wanted:
        parts |= {part: _text(part, edited or {}) for part in wanted}
        wanted = {header for text in parts.values() for header in INCLUDED.findall(text)} - {*parts}
    return _build(name, kernels, tuple(sorted(parts.items())))


def _text(name: str, edited: Mapping[str, str]) -> str:
    return edited[name] if name in edited else (kernel_folder() / name).read_text()


def mutated(change: tuple[str, str], *files: str) -> dict[str, str]:
    """The text of the one of these kernel files in which the first of `change` stands, once, with the second there."""
    before, after = change
    texts = {file: _text(file, {}) for file in files}
    assert sum(text.count(before) for text in texts.values()) == 1, f"the mutation no longer applies: {before}"
    return {file: text.replace(before, after) for file, text in texts.items() if before in text}


@cache
def _build(name: str, kernels: tuple[str, ...], parts: tuple[tuple[str, str], ...]) -> Program:
    compiler = _compiler()
    entries = "\n".join(_ENTRY.replace("NAME", kernel) for kernel in kernels)
    unit = f'{_HEAD}\n#line 1 "kernels/{name}"\n{dict(parts)[name]}\n{entries}\n'
    library = _headers() / f"{_digest(unit, *(text for _, text in parts))}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            for file, text in parts:
                (Path(folder) / file).write_text(text)
            (Path(folder) / "unit.cpp").write_text(unit)
            words = ["-shared", "-Wl,-Bsymbolic", f"-I{library.parent}", f"-I{HERE}", "unit.cpp"]
            _compile([compiler, *words], library, folder)
    return Program(ctypes.CDLL(str(library)))


@cache
def _headers() -> Path:
    """The folder of everything built with these headers, flags and compiler; in it device.h, parsed once for all."""
    compiler = _compiler()
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    harness = (path.read_text() for path in sorted(HERE.iterdir()) if path.suffix in (".h", ".cuh"))
    folder = STORE / _digest(version, *FLAGS, *harness)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "device.h.gch").exists():
        _compile([compiler, "-x", "c++-header", "device.h"], folder / "device.h.gch", HERE)
    return folder


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _compile(command: Sequence[str], target: Path, folder: str | Path) -> None:
    """Runs a compiler in `folder`; `target` appears whole, also where another process makes the same."""
    part = target.with_name(f".{os.getpid()}.{target.name}")
    words = [*command, *FLAGS, "-o", str(part)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"g++ refuses this:\n{done.stderr[-4000:]}")
    part.replace(target)


def _compiler() -> str:
    found = shutil.which("g++")
    if found is None:
        raise RuntimeError("g++ is missing: the CUDA kernels cannot be executed on the CPU. Install g++ 12 or newer.")
    return found


def _kind(value: Any) -> str:
    dtype = np.asarray(value).dtype
    return f"{'*' if isinstance(value, np.ndarray) else ''}{dtype.kind}{dtype.itemsize}"


_HEAD = '#include "device.h"\nalignas(128) long long shared_memory[harness::SHARED_WORDS];'
_ENTRY = """extern "C" int launch_NAME(unsigned grid, unsigned block, unsigned schedule, void** values) {
  return harness::launch(NAME, grid, block, schedule, values);
}
extern "C" const char* kinds_NAME() { return harness::kinds(NAME); }"""
