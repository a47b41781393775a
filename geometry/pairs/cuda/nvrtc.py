"""NVIDIA's run-time compiler through ctypes: CUDA C++ to a cubin for a named architecture, with no GPU and no driver.

Takes libnvrtc and the headers from the `nvidia-cuda-nvrtc`, `nvidia-cuda-runtime` (cuda_fp16.h) and `nvidia-cuda-cccl`
(nv/target) wheels, else from the toolkit at $CUDA_PATH, $CUDA_HOME or /usr/local/cuda. The architecture is always
named, because sm_90a is never chosen on its own. Leaves out loading and launching.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from geometry.errors import GeometryError

MISSING = (
    "CUDA kernels cannot be compiled: {what} was not found. "
    "Install nvidia-cuda-nvrtc, nvidia-cuda-runtime and nvidia-cuda-cccl, or set CUDA_PATH."
)


class CompileError(GeometryError):
    """A kernel source that the compiler refuses; the message is its log, with file and line."""


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
    """Version of the compiler, such as "13.0"."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return f"{major.value}.{minor.value}"


def include_folder() -> Path:
    """The folder of CUDA's own headers."""
    for home in _homes():
        if (home / "include" / "cuda_fp16.h").is_file():
            return home / "include"
    raise CompileError(MISSING.format(what="cuda_fp16.h"))


@cache
def _library() -> ctypes.CDLL:
    for home in _homes():
        for folder in (home / "lib", home / "lib64"):
            for path in sorted(folder.glob("libnvrtc.so*")):
                for needed in sorted(folder.glob("libnvrtc-builtins.so*")):
                    ctypes.CDLL(str(needed))  # older releases look for it by name alone, and find it where loaded
                return ctypes.CDLL(str(path))
    raise CompileError(MISSING.format(what="libnvrtc"))


def _homes() -> Iterator[Path]:
    """Folders that may hold lib/ and include/: the newest wheels first, then toolkits."""
    wheels = find_spec("nvidia")
    for folder in (wheels.submodule_search_locations or ()) if wheels else ():
        yield from sorted(Path(folder).glob("cu[0-9]*"), reverse=True)
        yield from sorted(Path(folder).glob("cuda_*"))
    yield from (Path(os.environ[name]) for name in ("CUDA_PATH", "CUDA_HOME") if name in os.environ)
    yield Path("/usr/local/cuda")


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
