"""NVIDIA's run-time compiler through ctypes: CUDA C++ to a cubin for a named architecture, with no GPU and no driver.

Takes the first toolkit that has all of libnvrtc, cuda_fp16.h and nv/target: the wheels of CUDA 13 (one folder), those
of CUDA 12 (one folder each), then $CUDA_PATH, $CUDA_HOME and /usr/local/cuda. Where none is whole (torch brings a
compiler without nv/target), each part from the first that has it, nv/target from CuPy if nowhere else. The architecture
is always named, because sm_90a is never chosen on its own. Leaves out loading and launching.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from geometry.errors import GeometryError

PARTS = ("libnvrtc", "cuda_fp16.h", "nv/target")
MISSING = (
    "CUDA kernels cannot be compiled: not found: {what}. Install embedding-geometry[cuda13] or [cuda12], which bring "
    "the wheels nvidia-cuda-nvrtc, nvidia-cuda-runtime and nvidia-cuda-cccl, or set CUDA_PATH to a toolkit."
)


class CompileError(GeometryError):
    """A kernel source that the compiler refuses; the message is its log, with file and line."""


@dataclass(frozen=True)
class Toolkit:
    """A compiler and the folders of its headers."""

    library: Path
    includes: tuple[Path, ...]


def compile_source(name: str, source: str, options: Sequence[str]) -> tuple[bytes, str]:
    """Cubin and log of `source`, called `name` in messages. Raises CompileError."""
    library = _library()
    program = ctypes.c_void_p()
    _check(library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name.encode(), 0, None, None))
    try:
        flags = [option.encode() for option in options]
        failed = library.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
        log = _read(program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
        if failed:
            raise CompileError(f"{name} does not compile with {' '.join(options)}:\n{log}")
        return _read(program, "CUBIN"), log
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def version() -> str:
    """Version of the compiler, such as "13.0". Raises CompileError where there is none."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return f"{major.value}.{minor.value}"


@cache
def toolkit() -> Toolkit:
    """The first complete toolkit; CompileError names what is missing where there is none."""
    missing: list[str] = []
    for homes in chain(_homes(), _mixed()):
        found = [_first(homes, part) for part in PARTS]
        library, *headers = found
        if library is not None and None not in headers:
            return Toolkit(library, tuple(dict.fromkeys(path for path in headers if path is not None)))
        lacks = [part for part, path in zip(PARTS, found, strict=True) if path is None]
        missing = lacks if not missing or len(lacks) < len(missing) else missing
    raise CompileError(MISSING.format(what=" and ".join(missing or PARTS)))


def _homes() -> Iterator[tuple[Path, ...]]:
    """Groups of folders with lib/ and include/ that make one toolkit: the newest wheels first."""
    wheels = find_spec("nvidia")
    folders = [Path(folder) for folder in ((wheels.submodule_search_locations or ()) if wheels else ())]
    for folder in folders:
        yield from ((home,) for home in sorted(folder.glob("cu[0-9]*"), reverse=True))
    yield tuple(home for folder in folders for home in sorted(folder.glob("cuda_*")))
    yield from ((Path(os.environ[name]),) for name in ("CUDA_PATH", "CUDA_HOME") if name in os.environ)
    yield (Path("/usr/local/cuda"),)


def _mixed() -> Iterator[tuple[Path, ...]]:
    """All of these folders as one toolkit, and the one in which CuPy brings nv/target along."""
    cupy = find_spec("cupy")
    places = (cupy.submodule_search_locations or ()) if cupy else ()
    carried = tuple(Path(place) / "_core" / "include" / "cupy" / "_cccl" for place in places)
    yield tuple(home for group in _homes() for home in group) + carried


def _first(homes: Sequence[Path], part: str) -> Path | None:
    """The library, or the folder of headers, that holds `part`."""
    for home in homes:
        if part == "libnvrtc":
            libraries = [path for folder in ("lib", "lib64") for path in sorted((home / folder).glob("libnvrtc.so*"))]
            if libraries:
                return libraries[0]
        else:
            for folder in (home / "include", home / "include" / "cccl", home / "libcudacxx"):
                if (folder / part).is_file():
                    return folder
    return None


@cache
def _library() -> ctypes.CDLL:
    path = toolkit().library
    for needed in sorted(path.parent.glob("libnvrtc-builtins.so*")):
        ctypes.CDLL(str(needed))  # older releases look for it by name alone, and find it where loaded
    return ctypes.CDLL(str(path))


def _read(program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(_library()[f"nvrtcGet{what}Size"](program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(_library()[f"nvrtcGet{what}"](program, buffer))
    return buffer.raw


def _check(code: int) -> None:
    if code:
        error = _library().nvrtcGetErrorString
        error.restype = ctypes.c_char_p
        raise CompileError(f"NVRTC: {error(code).decode()}")
